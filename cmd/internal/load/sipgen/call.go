package sipgen

import (
	"github.com/class5-go/class5/sip/wire"
)

// call is one call between two subscribers: INVITE, 407, ACK, INVITE with
// credentials, 180, 200, ACK, BYE, 200. The callee is a Callee on the same lane.
// What is marked for the latency is the time to the 180: post-dial delay.
type call struct {
	dialogue
	all    *Subscribers
	caller *phone
	callee string
	sdp    []byte

	cseq    uint32
	tries   int
	ringing bool
	ending  bool
	toTag   string
	target  string
	routes  [][]byte
	bufs    [6][]byte
	used    int
}

// NewCall makes the calls of one slot from one subscriber to another. Without
// sdp the INVITE has no body.
func NewCall(l *Lane, slot int, s *Subscribers, caller, callee int, sdp bool) Op {
	c := &call{dialogue: newDialogue(l, slot), all: s, caller: s.phone(caller), callee: "sip:" + s.Names[callee] + "@" + s.Domain}
	if sdp {
		c.sdp = []byte(offer(c.local.Addr()))
	}
	return c
}

// Begin implements Op.
func (c *call) Begin(n uint64, send Sender) {
	c.begin(n)
	c.cseq, c.tries, c.ringing, c.ending, c.used = 1, 0, false, false, 0
	if !c.all.Cached {
		c.caller.digest.Forget()
	}
	c.invite(send)
}

// finish ends a request in a buffer that no message under way is in.
func (c *call) finish(send Sender, contentType string, body []byte) {
	msg, err := c.build.End(contentType, body)
	if err != nil {
		return // it will be lost, and seen
	}
	c.bufs[c.used%len(c.bufs)] = msg
	c.used++
	send.Send(msg)
}

func (c *call) room() []byte { return c.bufs[c.used%len(c.bufs)][:0] }

func (c *call) invite(send Sender) {
	c.head(c.room(), "INVITE", c.callee, c.cseq, c.caller.aor, c.callee, "")
	c.contact(c.caller.name)
	c.credentials(wire.HdrProxyAuthorization, &c.caller.digest, "INVITE", c.callee)
	c.build.HeaderString(wire.HdrAllow, "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE")
	c.build.HeaderString(wire.HdrUserAgent, "load")
	if c.sdp == nil {
		c.finish(send, "", nil)
		return
	}
	c.finish(send, "application/sdp", c.sdp)
}

// refused acknowledges a final response other than 2xx, with the branch of the
// INVITE (RFC 3261 section 17.1.1.3).
func (c *call) refused(m *wire.Message, send Sender) {
	b := &c.build
	b.Request(c.room(), "ACK", []byte(c.callee))
	b.Copy(m, wire.HdrVia)
	b.HeaderString(wire.HdrMaxForwards, "70")
	b.Copy(m, wire.HdrFrom)
	b.Copy(m, wire.HdrTo)
	b.Copy(m, wire.HdrCallID)
	c.value = append(c.value[:0], '0'+byte(c.cseq), ' ', 'A', 'C', 'K')
	b.Header(wire.HdrCSeq, c.value)
	c.finish(send, "", nil)
}

// within sends a request of the dialog.
func (c *call) within(method string, cseq uint32, send Sender) {
	c.head(c.room(), method, c.target, cseq, c.caller.aor, c.callee, c.toTag)
	for i := len(c.routes) - 1; i >= 0; i-- {
		c.build.Header(wire.HdrRoute, c.routes[i])
	}
	c.finish(send, "", nil)
}

// Response implements Op.
func (c *call) Response(m *wire.Message, send Sender) Verdict {
	cseq, method, ok := c.mine(m)
	if !ok || cseq != c.cseq {
		return Stray
	}
	if c.ending {
		return c.ended(m, method)
	}
	if method != "INVITE" {
		return Stray
	}
	switch status := m.Status(); {
	case status == 180:
		c.ringing = true
		send.Mark()
		return Pending
	case status < 200:
		return Pending
	case status == 200:
		return c.answered(m, send)
	case status == 407 && c.tries < 2:
		c.refused(m, send)
		if _, err := c.caller.digest.Challenged(m); err != nil {
			return Verdict(err.Error())
		}
		c.cseq++
		c.tries++
		c.invite(send)
		return Pending
	}
	c.refused(m, send)
	return answered("INVITE", m)
}

func (c *call) ended(m *wire.Message, method string) Verdict {
	switch {
	case method != "BYE":
		return Stray // the 200 of the INVITE once more
	case m.Status() < 200:
		return Pending
	case m.Status() != 200:
		return answered("BYE", m)
	}
	return Done
}

// answered acknowledges a 200 and hangs up at once.
func (c *call) answered(m *wire.Message, send Sender) Verdict {
	if !c.ringing {
		return "200 before 180"
	}
	if c.sdp != nil && len(m.Body()) == 0 {
		return "200 without a description"
	}
	contact, ok := m.First(wire.HdrContact)
	if !ok {
		return "200 without a Contact"
	}
	to, err := wire.ParseNameAddr(contact.Value)
	if err != nil {
		return "200 with a broken Contact"
	}
	if m.Count(wire.HdrRecordRoute) == 0 {
		return "200 without Record-Route"
	}
	c.target, c.toTag = string(to.URI), string(m.ToTag())
	c.routes = c.routes[:0]
	for v := m.Values(wire.HdrRecordRoute); v.Next(); {
		c.routes = append(c.routes, append([]byte(nil), v.Value()...))
	}
	c.within("ACK", c.cseq, send)
	c.cseq++
	c.ending = true
	c.within("BYE", c.cseq, send)
	return Pending
}
