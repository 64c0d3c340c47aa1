package relay

import (
	"bytes"

	"github.com/class5-go/class5/sip/wire"
)

// local deals with requests that end here: OPTIONS to the edge itself and the
// ACK to a response of our own.
func (r *Relay) local(s *Scratch, dst []byte) (Outcome, bool) {
	switch s.m.Method() {
	case wire.ACK:
		if tag := s.m.ToTag(); bytes.HasPrefix(tag, []byte(tagPrefix)) {
			s.value = r.appendTag(s.value[:0], s)
			if bytes.Equal(tag, s.value) {
				return Outcome{Cause: AckAbsorbed}, true
			}
		}
	case wire.OPTIONS:
		if s.m.ToTag() == nil && r.toUs(s) {
			return r.reply(s, Outcome{Cause: Answered}, 200, dst), true
		}
	}
	return Outcome{}, false
}

// toUs reports whether a request is addressed to the edge itself: no user, no
// other element on the way.
func (r *Relay) toUs(s *Scratch) bool {
	var u wire.URI
	if u.Parse(s.m.RequestURI()) != nil || u.User != nil || !r.ours(s, &u) {
		return false
	}
	for v := s.m.Values(wire.HdrRoute); v.Next(); {
		if at := r.readRoute(s, &v, &u); !at.ours || u.User != nil {
			return false
		}
	}
	return true
}

// acceptable makes the checks of RFC 3261 section 16.3 on a request from
// outside: RequestIn, or the cause to refuse it.
func (r *Relay) acceptable(s *Scratch) Cause {
	m := &s.m
	if !routable(m.RequestURI()) {
		return Scheme
	}
	if n, ok := m.MaxForwards(); ok && n == 0 {
		return MaxForwards
	}
	if s.foot = appendFootprint(append(s.foot[:0], footParam...), s); r.looped(s) {
		return Loop
	}
	if m.Count(wire.HdrProxyRequire) != 0 && m.Method() != wire.ACK && m.Method() != wire.CANCEL {
		for v := m.Values(wire.HdrProxyRequire); v.Next(); {
			if !r.understands(v.Value()) {
				return Extension
			}
		}
	}
	return RequestIn
}

// routable reports whether proxies can route a Request-URI of this scheme.
func routable(uri []byte) bool {
	scheme, rest, ok := bytes.Cut(uri, []byte(":"))
	switch {
	case !ok:
		return false
	case wire.EqualFold(scheme, "sip"), wire.EqualFold(scheme, "sips"), wire.EqualFold(scheme, "tel"):
		return true
	}
	return wire.EqualFold(scheme, "urn") && len(rest) > len("service:") &&
		wire.EqualFold(rest[:len("service:")], "service:") // RFC 5031
}

func (r *Relay) understands(option []byte) bool {
	for _, o := range r.understood {
		if wire.EqualFold(option, o) {
			return true
		}
	}
	return false
}
