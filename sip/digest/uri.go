package digest

import "github.com/class5-go/class5/sip/wire"

// fits reports whether the uri parameter of credentials may stand with a
// Request-URI (RFC 3261 §22.4, RFC 7616 §3.4.6).
func (c *Config) fits(uri, requestURI []byte) bool {
	if c.AnyURI || SameResource(uri, requestURI) {
		return true
	}
	if c.StrictURI {
		return false
	}
	u, err := wire.ParseURI(uri)
	return err == nil && u.IsSIP() && u.User == nil
}

// SameResource reports whether the uri parameter of credentials and a
// Request-URI name the same resource (RFC 3261 §22.4 item 8 lets a server be
// tolerant here). The same octets do; so do sip URIs with equal scheme, user,
// host and port, default ports counted in, whatever their parameters and
// headers are: clients leave those out and proxies add them. tel URIs are
// compared by RFC 3966 without parameters.
func SameResource(uri, requestURI []byte) bool {
	if string(uri) == string(requestURI) {
		return true
	}
	a, err := wire.ParseURI(uri)
	if err != nil {
		return false
	}
	b, err := wire.ParseURI(requestURI)
	if err != nil {
		return false
	}
	bare(&a)
	bare(&b)
	return wire.EqualURI(a, b)
}

// bare leaves what names the resource.
func bare(u *wire.URI) {
	u.Params, u.Headers, u.Password = nil, nil, nil
	if u.Port == 0 && u.IsSIP() {
		u.Port = 5060
		if u.IsSIPS() {
			u.Port = 5061
		}
	}
}
