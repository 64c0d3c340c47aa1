package srtp

import "errors"

// The reasons for which a packet is refused. They are returned as they are,
// without wrapping, so that a refused packet costs no allocation. Each is fit
// as a metrics label by [Reason].
var (
	// ErrMalformed: too short, or not RTP or RTCP version 2.
	ErrMalformed = errors.New("srtp: malformed packet")
	// ErrAuth: the authentication tag is wrong.
	ErrAuth = errors.New("srtp: authentication failed")
	// ErrReplay: received before, or too old to tell.
	ErrReplay = errors.New("srtp: packet replayed or too old")
	// ErrMKI: no master key has the packet's key identifier.
	ErrMKI = errors.New("srtp: unknown master key identifier")
	// ErrSSRCLimit: the context has as many SSRCs as it may have.
	ErrSSRCLimit = errors.New("srtp: too many SSRCs")
	// ErrIndexUsed: an outgoing packet would use an index a second time, which
	// would give both packets away.
	ErrIndexUsed = errors.New("srtp: outgoing index already used")
	// ErrKeyExpired: the key has protected as many packets as it may.
	ErrKeyExpired = errors.New("srtp: master key lifetime is over")
	// ErrBuffer: no room for the tag behind the packet.
	ErrBuffer = errors.New("srtp: buffer too short")
	// ErrDirection: a context either protects or unprotects.
	ErrDirection = errors.New("srtp: context serves the other direction")
	// ErrRetired: the context has handed over its indices.
	ErrRetired = errors.New("srtp: context is retired")
)

// The reasons for which a context or a state is refused; these are wrapped
// with details.
var (
	// ErrSuite: unknown suite, or one that cannot do what is asked.
	ErrSuite = errors.New("srtp: unsupported suite")
	// ErrKey: the length of a key, salt or MKI is wrong.
	ErrKey = errors.New("srtp: bad key material")
	// ErrState: an exported state that cannot be read or does not belong here.
	ErrState = errors.New("srtp: bad exported state")
)

// Reason is a short label for an error of a packet, for counters; "other" for
// an error that is none of this package's.
func Reason(err error) string {
	switch {
	case errors.Is(err, ErrMalformed):
		return "malformed"
	case errors.Is(err, ErrAuth):
		return "auth"
	case errors.Is(err, ErrReplay):
		return "replay"
	case errors.Is(err, ErrMKI):
		return "mki"
	case errors.Is(err, ErrSSRCLimit):
		return "ssrc_limit"
	case errors.Is(err, ErrIndexUsed):
		return "index_used"
	case errors.Is(err, ErrKeyExpired):
		return "key_expired"
	case errors.Is(err, ErrBuffer):
		return "buffer"
	case errors.Is(err, ErrDirection):
		return "direction"
	case errors.Is(err, ErrRetired):
		return "retired"
	}
	return "other"
}
