package b2bua

import (
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/wire"
)

// ending is how a call ends.
type ending struct {
	cause   dialog.Cause
	by      dialog.Side // when bye is set, who sent it and needs none
	bye     bool
	reason  string // value of Reason for who is told
	status  int    // for a caller whose call is not answered; 480 when 0
	phrase  string
	fields  []wire.Field
	refusal []byte // a callee's refusal, to be passed
}

// finish ends a call, once: first its owner hears of it, then both sides.
func (c *Call) finish(now time.Time, x ending) {
	if c.state == Ended {
		return
	}
	was := c.state
	c.state, c.ended, c.cause, c.endedBy = Ended, now, x.cause, x.by
	if end := c.answered.Add(c.grant.Total); was == Answered && c.begun && c.b.cfg.Overrun == 0 && now.After(end) {
		c.ended = end // timers are a little late; nobody granted that
	}
	if was != Answered {
		if c.status = x.status; c.status < 300 {
			c.status = 480
		}
	}
	layer := c.b.cfg.Layer
	layer.Stop(&c.limit)
	layer.Stop(&c.renew)
	layer.Stop(&c.cut)
	layer.Stop(&c.warn)
	c.plan.Handler.Ended(now, c)
	if c.begun {
		c.plan.Authorizer.End(now, c, c.Used(now))
	}
	c.stop(now, x.reason)
	c.drop(now)
	if was == Answered {
		c.hangUp(now, x)
		return
	}
	c.reject(now, x)
	c.forget()
}

// drop answers what is still open inside the dialogs.
func (c *Call) drop(now time.Time) {
	for x := range c.exchanges {
		c.b.cfg.Layer.Stop(&x.timer)
		if x.tx.Status() < 200 {
			_ = x.tx.Reply(now, 487, "") // RFC 3261 section 15.1.2
			x.cancel(now, "")
		}
		delete(c.exchanges, x)
	}
}

// reject gives the caller the final response of a call that nobody answered.
func (c *Call) reject(now time.Time, x ending) {
	if x.refusal != nil && c.b.parsed.Parse(x.refusal, nil) == nil && c.passRefusal(now, &c.b.parsed) {
		return
	}
	_ = c.tx.Reply(now, c.status, x.phrase, x.fields...) // whoever called has gone when this fails
}

// passRefusal sends a callee's refusal to the caller as it is.
func (c *Call) passRefusal(now time.Time, m *wire.Message) bool {
	req := c.Invite()
	if req == nil {
		return false
	}
	e := &c.b.edit
	e.Reset()
	c.b.response(m, req, c, c.tx.Tag(), e)
	if c.status != m.Status() {
		e.StatusLine(c.status, wire.StatusText(c.status))
		e.RemoveAll(wire.HdrRetryAfter) // it said when to try the other element again
	}
	x := Passage{Call: c, From: dialog.Caller, Caller: c.caller.remote, Callee: string(m.ToTag()), Method: wire.INVITE}
	_ = c.plan.Handler.Response(now, &x, m, e) // a refusal is not kept back
	out, err := m.Append(c.b.out[:0], e)
	if err != nil {
		return false
	}
	c.b.out = out
	_ = c.tx.Respond(now, out)
	return true
}

// hangUp tells both sides of an answered call. The caller gets no BYE before
// its ACK has come (RFC 3261 section 15).
func (c *Call) hangUp(now time.Time, x ending) {
	p := c.chosen
	if p.ack == nil {
		c.b.send(now, &p.legs[dialog.Callee], "ACK", firstCSeq, "")
	}
	if !x.bye || x.by != dialog.Callee {
		l := &p.legs[dialog.Callee]
		c.b.send(now, l, "BYE", l.next(), x.reason)
	}
	c.byeReason = x.reason
	switch {
	case c.answer == nil: // the owner ended it before the caller heard of the answer
		if c.status = x.status; c.status < 300 {
			c.status = 480
		}
		_ = c.tx.Reply(now, c.status, x.phrase, x.fields...)
	case x.bye && x.by == dialog.Caller:
	case p.acked:
		c.bye(now)
	default:
		return // Ack or ackLimit goes on
	}
	c.forget()
}

// bye sends the caller's BYE.
func (c *Call) bye(now time.Time) {
	l := &c.chosen.legs[dialog.Caller]
	c.b.send(now, l, "BYE", l.next(), c.byeReason)
}

// forget takes the call out of the tables.
func (c *Call) forget() {
	c.b.cfg.Layer.Stop(&c.ack)
	delete(c.b.calls, c)
	if key := (ids{c.caller.callID, c.caller.remote}); c.b.begun[key] == c {
		delete(c.b.begun, key)
	}
	for _, b := range c.branches {
		delete(c.b.local, b.from)
	}
	for _, p := range c.pairs {
		delete(c.b.local, p.legs[dialog.Caller].local)
	}
}
