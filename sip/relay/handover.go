package relay

import (
	"bytes"
	"net/netip"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// resend sends again what the Repair says is due. What went on a connection that
// is open has arrived, or will.
func (r *Relay) resend(m Resend, out *transport.Outbox) (Resend, bool) {
	if !m.Target.IsValid() {
		_ = out.Send(m.Flow, m.Data) // the transport counts what it drops
		return m, true
	}
	if r.alive == nil || r.alive(m.Flow) {
		return m, false
	}
	return r.handOver(m, out)
}

// handOver sends a message to a proxy whose connection has ended the way there is
// now. False means that there is none.
//
// The proxy may have got the message before the connection ended. On a new
// connection it comes again word for word, and over UDP it has the same branch, so
// that the proxy knows it if our listeners for UDP and for connections share an
// address and port (RFC 3261 section 17.2.3).
func (r *Relay) handOver(m Resend, out *transport.Outbox) (Resend, bool) {
	l, to, cause := r.wayTo(m.Target, len(m.Data))
	if cause != RequestIn {
		return m, false
	}
	data := m.Data
	if l.index != m.Flow.Listener && !bytes.HasPrefix(data, []byte("SIP/")) {
		if data = r.withVia(l, to.Protocol, data, out); data == nil {
			return m, false
		}
	}
	if out.Send(to, data) != nil {
		return m, false
	}
	m.Flow, m.Data = to, data
	if to.Protocol == transport.UDP {
		m.Target = netip.AddrPort{}
	}
	return m, true
}

// withVia is a request of ours that leaves by another listener than it was written
// for. The token in the Via leads to the client and stays.
func (r *Relay) withVia(l *listener, p transport.Protocol, msg []byte, out *transport.Outbox) []byte {
	s := r.scratch.Get().(*Scratch)
	defer r.scratch.Put(s)
	msg = bytes.Clone(msg) // it lies where the new one is to be written
	s.edit.Reset()
	if s.m.Parse(msg, r.limits.Load()) != nil || !s.m.TopViaInto(&s.via) {
		return nil
	}
	_, rest, ok := bytes.Cut(s.via.Raw, []byte(";branch="+cookie))
	if !ok {
		return nil
	}
	v := append(append(s.value[:0], "SIP/2.0/"...), p.ViaToken()...)
	s.value = append(append(v, l.via...), rest...)
	s.edit.ReplaceFirstValue(wire.HdrVia, s.value)
	data, err := s.m.Append(out.Buffer(), &s.edit)
	if err != nil {
		return nil
	}
	return data
}

// sidestep sends what a connection to a proxy did not take, because it has just
// ended, the other way that there is. s still holds the message as it came.
func (r *Relay) sidestep(s *Scratch, o Outcome, out *transport.Outbox) (Outcome, bool) {
	target, ok := s.target, o.Cause == RequestIn
	if o.Cause == ResponseIn {
		target, ok = r.proxyOf(s)
	}
	if !ok {
		return o, false
	}
	m, ok := r.handOver(Resend{Flow: o.Flow, Target: target, Data: o.Data}, out)
	if !ok {
		return o, false
	}
	o.Flow, o.Data = m.Flow, m.Data
	if r.repair != nil {
		r.remember(s, o)
	}
	return o, true
}
