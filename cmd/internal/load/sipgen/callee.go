package sipgen

import (
	"fmt"
	"sync/atomic"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Callee answers every call with 180 and 200 at once, and keeps nothing of it.
// It may serve several sockets.
type Callee struct{ invites, acks, byes, others atomic.Uint64 }

// Counts are the requests taken so far.
func (c *Callee) Counts() (invites, acks, byes, others uint64) {
	return c.invites.Load(), c.acks.Load(), c.byes.Load(), c.others.Load()
}

// ServeSIP implements Server.
func (c *Callee) ServeSIP(batch []transport.Packet, out *transport.Outbox) {
	var m wire.Message
	for _, p := range batch {
		if m.Parse(p.Data, nil) != nil || !m.IsRequest() {
			c.others.Add(1)
			continue
		}
		switch m.Method() {
		case wire.INVITE:
			c.invites.Add(1)
			contact := wire.Field{ID: wire.HdrContact, Value: fmt.Appendf(nil, "<sip:callee@%v>", p.Flow.Local)}
			reply(out, p.Flow, &m, 180, contact)
			if len(m.Body()) == 0 {
				reply(out, p.Flow, &m, 200, contact)
			} else {
				reply(out, p.Flow, &m, 200, contact, wire.Body("application/sdp", []byte(offer(p.Flow.Local.Addr()))))
			}
		case wire.ACK:
			c.acks.Add(1)
		case wire.BYE:
			c.byes.Add(1)
			reply(out, p.Flow, &m, 200)
		default:
			c.others.Add(1)
			reply(out, p.Flow, &m, 200)
		}
	}
}

// reply sends an answer; one that is not sent is lost in time.
func reply(out *transport.Outbox, flow transport.Flow, m *wire.Message, status int, extra ...wire.Field) {
	if msg, err := wire.AppendResponse(out.Buffer(), m, status, "", "callee2b9c", extra...); err == nil {
		_ = out.Send(flow, msg)
	}
}
