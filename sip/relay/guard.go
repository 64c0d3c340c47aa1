package relay

import (
	"bytes"
	"crypto/subtle"
	"encoding/hex"
	"net/netip"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// guardRequest asks the Guard about a request from outside.
func (r *Relay) guardRequest(s *Scratch, dst []byte) (Outcome, bool) {
	pass, status, text := r.guard.Request(s.at, s.in.Remote, s.in.Protocol, &s.m)
	switch {
	case pass:
		return Outcome{}, false
	case status == 0:
		return Outcome{Cause: Guarded}, true
	}
	s.text = text
	return r.reply(s, Outcome{Cause: Refused}, status, dst), true
}

// vouched reports whether a message that the Guard would not have taken carries
// a token of ours, so that a call in progress goes on while its party is
// flooded, and whether the Guard takes it then.
func (r *Relay) vouched(s *Scratch) bool {
	if !s.m.IsRequest() {
		ft, ok := s.via.Params.Get("ft")
		if !ok {
			return false
		}
		if _, err := r.ring.Open(ft, token.Via, s.bind(s.via.Branch(), markOf(s.via.Params))); err != nil {
			return false
		}
	} else if s.m.ToTag() == nil || !r.routed(s) {
		return false
	}
	return r.guard.Dialog(s.at, s.in.Remote, s.in.Protocol)
}

// routed reports whether a Route has the token of our Record-Route of this dialog.
func (r *Relay) routed(s *Scratch) bool {
	var u wire.URI
	for v := s.m.Values(wire.HdrRoute); v.Next(); {
		if at := r.readRoute(s, &v, &u); !at.ours || u.User == nil {
			continue
		}
		_, err := r.ring.Open(u.User, token.RecordRoute, s.bind(s.m.CallID(), markOf(u.Params)))
		return err == nil
	}
	return false
}

// proofLen is the length of a proof in octets: nobody has a billion tries.
const proofLen = 6

// appendProof appends the proof that our Via with this branch was sent to
// remote. The token in the Via can't serve for it: it leads to the proxy, and
// whoever has got it could use it from any address.
func (r *Relay) appendProof(dst, branch []byte, remote netip.AddrPort) []byte {
	addr := remote.Addr().As16()
	port := [...]byte{byte(remote.Port() >> 8), byte(remote.Port())}
	return r.hash.Append(dst, proofLen, labelProof, branch, addr[:], port[:])
}

// proveByResponse tells the Guard about a source that answers what was sent to
// it over UDP, by the proof that it has shown. The handshake of a connection
// proves as much.
func (r *Relay) proveByResponse(s *Scratch, shown []byte) {
	if r.guard == nil || s.listener.internal || s.in.Protocol != transport.UDP {
		return
	}
	if shown == nil {
		return
	}
	s.value = r.appendProof(s.value[:0], s.via.Branch(), s.in.Remote)
	if subtle.ConstantTimeCompare(shown, s.value) == 1 {
		r.guard.Proved(s.at, s.in.Remote, s.in.Protocol)
	}
}

// proveByPath tells the Guard about a source that shows the token of its own
// Path: only the 200 to its REGISTER told it. The token of a Record-Route is no
// proof, because both parties of the call get to see it.
func (r *Relay) proveByPath(s *Scratch, f token.Flow) {
	if r.guard != nil && f.Remote == s.in.Remote && f.Transport == token.Transport(s.in.Protocol) {
		r.guard.Proved(s.at, s.in.Remote, s.in.Protocol)
	}
}

// result tells the Guard what a proxy found out about the credentials of the
// client that its response goes to:
//
//	P-Edge-Result: auth=fail;user=alice%40example.com;nonce=own;class=register
//
// nonce=own means that they answer a challenge which the proxy has sent to this
// very address, so that the client has proved it. A proxy that can't tell a nonce
// for one address from that for another must not say so: whoever has got a
// challenge could use it in the name of others.
func (r *Relay) result(s *Scratch, client *transport.Flow) {
	if r.guard == nil || s.m.Count(wire.HdrPEdgeResult) == 0 {
		return
	}
	for v := s.m.Values(wire.HdrPEdgeResult); v.Next(); {
		var auth, user, nonce []byte
		for rest := v.Value(); len(rest) > 0; {
			var field []byte
			field, rest, _ = bytes.Cut(rest, []byte(";"))
			name, value, _ := bytes.Cut(bytes.TrimSpace(field), []byte("="))
			switch {
			case wire.EqualFold(name, "auth"):
				auth = value
			case wire.EqualFold(name, "user"):
				user = value
			case wire.EqualFold(name, "nonce"):
				nonce = value
			}
		}
		if wire.EqualFold(nonce, "own") {
			r.guard.Proved(s.at, client.Remote, client.Protocol)
		}
		if good := wire.EqualFold(auth, "ok"); good || wire.EqualFold(auth, "fail") {
			s.value = appendUnescaped(s.value[:0], user)
			r.guard.Result(s.at, client.Remote, s.value, good)
		}
	}
}

// appendUnescaped appends b with its %-escapes undone.
func appendUnescaped(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		var octet [1]byte
		if b[i] == '%' && i+2 < len(b) {
			if _, err := hex.Decode(octet[:], b[i+1:i+3]); err == nil {
				dst = append(dst, octet[0])
				i += 2
				continue
			}
		}
		dst = append(dst, b[i])
	}
	return dst
}
