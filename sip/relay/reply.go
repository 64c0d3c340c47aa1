package relay

import "github.com/class5-go/class5/sip/wire"

// tagPrefix begins the To-tags of our own responses.
const tagPrefix = "edge-"

// appendTag appends the To-tag of our responses to a request. It follows from
// the request alone, so that retransmissions get the same and the ACK is known
// (RFC 3261 section 8.2.7).
func (r *Relay) appendTag(dst []byte, s *Scratch) []byte {
	return r.transactionHash(append(dst, tagPrefix...), 9, labelTag, s)
}

// refuse answers a request with the status of cause, and drops an ACK.
func (r *Relay) refuse(s *Scratch, cause Cause, dst []byte) Outcome {
	return r.reply(s, Outcome{Cause: cause}, cause.status(), dst)
}

// refuseMedia does not send a request on for now, or refuses it as the Media hook
// says.
func (r *Relay) refuseMedia(s *Scratch, cause Cause, dst []byte) Outcome {
	if cause == Anchoring {
		return Outcome{Cause: cause}
	}
	return r.reply(s, Outcome{Cause: cause}, s.status, dst)
}

// reply completes o with a response of our own, unless the message is an ACK or
// there is no telling which transaction the response would belong to.
func (r *Relay) reply(s *Scratch, o Outcome, code int, dst []byte) Outcome {
	if code == 0 || s.via.Raw == nil || !s.m.Answerable() {
		return o
	}
	fields := make([]wire.Field, 0, 4)
	s.value = wire.AppendViaReceived(s.value[:0], s.via, s.in.Remote)
	fields = append(fields, wire.Field{ID: wire.HdrVia, Value: s.value})
	switch o.Cause {
	case Extension:
		for v := s.m.Values(wire.HdrProxyRequire); v.Next(); {
			if !r.understands(v.Value()) {
				fields = append(fields, wire.Field{ID: wire.HdrUnsupported, Value: v.Value()})
			}
		}
	case NoTarget, TargetDown, Shed, Disconnected, Unanchored:
		fields = append(fields, wire.Field{ID: wire.HdrRetryAfter, Value: []byte("5")})
	case Answered:
		fields = append(fields, wire.Field{ID: wire.HdrSupported, Value: []byte("path, outbound")})
	}
	if len(r.server) > 0 {
		fields = append(fields, wire.Field{ID: wire.HdrServer, Value: r.server})
	}
	var tag [32]byte
	data, err := wire.AppendResponse(dst, &s.m, code, s.text, string(r.appendTag(tag[:0], s)), fields...)
	if err != nil {
		return Outcome{Cause: Internal}
	}
	o.Status, o.Flow, o.Data = code, replyFlow(s), data
	return o
}
