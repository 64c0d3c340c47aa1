package relay

import (
	"bytes"
	"encoding/hex"
	"strconv"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// ngcpUser is the user part of Contacts that hide another in the dialect.
const ngcpUser = "ngcp-lb"

// ngcpSeal is seal in the dialect, which hides from people, not from readers.
func (r *Relay) ngcpSeal(s *Scratch, uri []byte, u *wire.URI, l *listener) rewriting {
	if len(uri) > token.MaxSecret {
		return forged
	}
	s.value = append(append(s.value, "sip:"+ngcpUser...), l.hostURI...)
	s.value = append(s.value, ";ngcpct="...)
	s.value = hex.AppendEncode(s.value, uri)
	s.value = appendHeaders(s.value, u)
	return replaced
}

// ngcpOpen is open in the dialect. What is hidden must be a SIP URI; where the
// request goes does not depend on it.
func (r *Relay) ngcpOpen(s *Scratch, u *wire.URI) rewriting {
	ct, ok := u.Params.Get("ngcpct")
	if !ok || string(u.User) != ngcpUser {
		return left
	}
	start := len(s.value)
	var err error
	if s.value, err = hex.AppendDecode(s.value, ct); err != nil {
		return forged
	}
	if inner, err := wire.ParseURI(s.value[start:]); err != nil || !inner.IsSIP() {
		return forged
	}
	s.value = appendHeaders(s.value, u)
	return replaced
}

// aliasContact appends to s.value the Contact with the source in its alias, for
// a client behind NAT. An alias that comes from outside is taken away: it would
// have us send elsewhere. Contacts of registrations stay: there the Path leads.
func (r *Relay) aliasContact(s *Scratch, nat bool) bool {
	v := s.m.Values(wire.HdrContact)
	if s.m.Method() == wire.REGISTER || !s.m.IsRequest() && s.m.CSeqMethod() == wire.REGISTER || !v.Next() {
		return false
	}
	na, err := v.NameAddr()
	if err != nil {
		return false
	}
	u, err := wire.ParseURI(na.URI)
	if err != nil || !u.IsSIP() || !nat && !u.Params.Has("alias") || v.Next() {
		return false
	}
	if na.Display != nil {
		s.value = append(wire.AppendPlain(s.value, na.Display), ' ')
	}
	s.value = appendWithoutAlias(append(s.value, '<'), &u)
	if nat {
		s.value = append(s.value, ";alias="...)
		if addr := s.in.Remote.Addr(); addr.Is6() {
			s.value = append(addr.AppendTo(append(s.value, '[')), ']')
		} else {
			s.value = addr.AppendTo(s.value)
		}
		s.value = strconv.AppendUint(append(s.value, '~'), uint64(s.in.Remote.Port()), 10)
		s.value = append(s.value, '~', aliasNumber(s.in.Protocol))
	}
	s.value = appendHeaders(s.value, &u)
	s.value = wire.AppendPlain(append(s.value, '>'), na.Params)
	return true
}

// appendWithoutAlias appends u without its alias and header fields.
func appendWithoutAlias(dst []byte, u *wire.URI) []byte {
	plain := *u
	plain.Params, plain.Headers = nil, nil
	dst = plain.AppendTo(dst)
	for name, value := range u.Params.All() {
		if wire.EqualFold(name, "alias") {
			continue
		}
		dst = append(append(dst, ';'), name...)
		if value != nil {
			dst = append(append(dst, '='), value...)
		}
	}
	return dst
}

// aliasNumber is how Kamailio numbers transports.
func aliasNumber(p transport.Protocol) byte {
	switch p {
	case transport.TCP:
		return '2'
	case transport.TLS:
		return '3'
	case transport.WS:
		return '5'
	case transport.WSS:
		return '6'
	}
	return '1'
}

// dropAlias plans to take the alias out of the Request-URI, where the client
// does not expect it.
func (r *Relay) dropAlias(s *Scratch) {
	if r.compat != CompatNGCP || !bytes.Contains(s.m.RequestURI(), []byte(";alias=")) {
		return
	}
	u, err := wire.ParseURI(s.m.RequestURI())
	if err != nil || !u.Params.Has("alias") {
		return
	}
	s.value = appendHeaders(appendWithoutAlias(s.value[:0], &u), &u)
	s.edit.RequestURI(s.value)
}
