package resolve

import "errors"

// Why a question has no answer.
var (
	// ErrNotFound means that the DNS knows no SIP server of that name.
	ErrNotFound = errors.New("resolve: no such SIP server")
	// ErrScheme means that the URI is neither sip nor sips, or its host no name.
	ErrScheme = errors.New("resolve: not a SIP URI with a host")
	// ErrTransport means that the URI asks for a transport that is unknown, not
	// supported or, with sips, not secure.
	ErrTransport = errors.New("resolve: transport not supported")
	// ErrDenied means that all addresses are in denied prefixes.
	ErrDenied = errors.New("resolve: address denied")
	// ErrServer means that no DNS server gave a usable answer.
	ErrServer = errors.New("resolve: no answer from the DNS")
	// ErrLimit means that a lookup needed more than it may.
	ErrLimit = errors.New("resolve: limit exceeded")
	// ErrClosed means that the resolver was closed.
	ErrClosed = errors.New("resolve: closed")
)

// status is the SIP response for a request that err keeps from being sent.
func status(err error) State {
	switch {
	case errors.Is(err, ErrScheme):
		return 416
	case errors.Is(err, ErrDenied):
		return 403
	case errors.Is(err, ErrNotFound):
		return 404
	case errors.Is(err, ErrTransport):
		return 480
	}
	return 503
}
