package b2bua

import (
	"errors"
	"strconv"
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// ackWait is how long the ACK of a 2xx is waited for: 64*T1 (RFC 3261 section
// 13.3.1.4).
const ackWait = 32 * time.Second

// accepted takes a 2xx to our INVITE: the first makes the call, those of other
// dialogs are ended, repeats are answered as before.
func (c *Call) accepted(now time.Time, b *branch, m *wire.Message) {
	switch {
	case c.state == Calling:
		c.open(now, b, m)
	case c.chosen != nil && c.chosen == c.pairs[ids{b.from, string(m.ToTag())}]:
		c.repeated(now)
	default:
		c.surplus(now, b, m)
	}
}

// open makes the call of the first 2xx.
func (c *Call) open(now time.Time, b *branch, m *wire.Message) {
	p := c.pairOf(b, m)
	if p == nil { // no tag, or too many of them
		c.surplus(now, b, m)
		return
	}
	p.learn(m, c.plan.RecordRoute)
	answer, err := c.forward(now, b, p, m)
	if c.state != Calling { // the owner has just ended it
		c.surplus(now, b, m)
		return
	}
	if err != nil || p.legs[dialog.Callee].target == "" {
		c.surplus(now, b, m)
		c.unfit(now, err)
		return
	}
	c.chosen, c.state, c.answered, c.status = p, Answered, now, m.Status()
	c.stop(now, `SIP;cause=200;text="Call completed elsewhere"`)
	c.agree(now, m)
	c.b.cfg.Layer.Start(&c.ack, now.Add(ackWait), (*ackLimit)(c))
	c.schedule(now)
	c.plan.Handler.Answered(now, c)
	if c.state != Answered {
		return // the owner has just ended it
	}
	c.answer = answer
	// An answer that could not be sent is sent again when the callee repeats it.
	_ = c.tx.Respond(now, answer)
}

// unfit refuses a call whose answer cannot be passed.
func (c *Call) unfit(now time.Time, err error) {
	x := ending{cause: dialog.CauseRefused, status: 500, reason: `SIP;cause=500`}
	var r *proxy.Refusal
	if errors.As(err, &r) {
		x.status, x.phrase, x.fields = r.Status, r.Reason, r.Fields
	}
	c.finish(now, x)
}

// repeated answers a 2xx that comes again because its ACK was lost on the way,
// or our 2xx was.
func (c *Call) repeated(now time.Time) {
	p := c.chosen
	switch {
	case p.ack != nil:
		_ = c.b.cfg.Layer.Send(p.ackFlow, p.ack)
	case c.state == Answered && c.answer != nil:
		_ = c.tx.Respond(now, c.answer)
	}
}

// surplus ends a dialog that nobody needs (RFC 3261 section 13.2.2.4).
func (c *Call) surplus(now time.Time, b *branch, m *wire.Message) {
	tag := string(m.ToTag())
	p := &pair{call: c}
	l := &p.legs[dialog.Callee]
	from, _ := m.First(wire.HdrFrom)
	*l = leg{callID: c.callID, local: b.from, remote: tag, from: string(wire.AppendPlain(nil, wire.AppendUnfolded(nil, from.Value))), sent: firstCSeq}
	p.learn(m, c.plan.RecordRoute)
	c.b.send(now, l, "ACK", firstCSeq, "")
	if b.surplus[tag] || len(b.surplus) >= maxPairs {
		return
	}
	if b.surplus == nil {
		b.surplus = map[string]bool{}
	}
	b.surplus[tag] = true
	c.b.stats.Surplus++
	c.b.send(now, l, "BYE", l.next(), "")
}

// ackLimit is a Call whose caller did not acknowledge the answer.
type ackLimit Call

func (l *ackLimit) Expire(now time.Time) {
	c := (*Call)(l)
	if c.state == Ended {
		c.bye(now)
		c.forget()
		return
	}
	c.chosen.acked = true // not to be waited for any more
	c.finish(now, ending{cause: dialog.CauseAdministrative, reason: `SIP;cause=408;text="No ACK"`})
}

// Ack takes the ACK of a 2xx. It reports false when that is not of a call here.
func (b *B2BUA) Ack(now time.Time, m *wire.Message) bool {
	p, side := b.find(m)
	if p == nil {
		return false
	}
	n, _ := m.CSeq()
	c := p.call
	if x := p.invites[side]; x != nil && x.in == n {
		x.acknowledged(now, m)
		return true
	}
	if side != dialog.Caller || p != c.chosen || n != c.caller.heard {
		return true // of nothing that we sent
	}
	b.cfg.Layer.Stop(&c.ack)
	p.acked = true
	switch {
	case c.state == Ended:
		c.bye(now)
		c.forget()
	case p.ack != nil: // again: ours may have been lost
		_ = b.cfg.Layer.Send(p.ackFlow, p.ack)
	default:
		c.acknowledge(now, m)
	}
	return true
}

// acknowledge sends the caller's ACK on to the callee.
func (c *Call) acknowledge(now time.Time, m *wire.Message) {
	p := c.chosen
	out, err := c.b.ack(now, p, dialog.Caller, firstCSeq, m)
	if err != nil {
		c.finish(now, ending{cause: dialog.CauseAdministrative, reason: `SIP;cause=488`})
		return
	}
	p.ack = out
}

// ack passes an ACK and returns what was sent.
func (b *B2BUA) ack(now time.Time, p *pair, from dialog.Side, seq uint32, m *wire.Message) ([]byte, error) {
	l := &p.legs[from.Other()]
	uri, routes, hop := strict(l.target, l.routes)
	flow, err := b.flow(hop)
	if err != nil {
		return nil, err
	}
	e := &b.edit
	e.Reset()
	b.request(m, l, seq, uri, routes, flow, e)
	if err := p.call.plan.Handler.Request(now, p.passage(from, wire.ACK), m, e); err != nil {
		return nil, err
	}
	out, err := m.Append(nil, e)
	if err != nil {
		return nil, err
	}
	p.ackFlow = flow
	_ = b.cfg.Layer.Send(flow, out) // a lost one is sent again when the 2xx comes again
	return out, nil
}

// agree takes the session timer of a 2xx (RFC 4028 section 8).
func (c *Call) agree(now time.Time, m *wire.Message) {
	c.session = 0
	if n, ok := m.Uint32(wire.HdrSessionExpires); ok {
		c.session = time.Duration(n) * time.Second
	}
	c.refresh = now
	at := c.answered.Add(c.b.cfg.MaxDuration)
	if c.session > 0 && now.Add(c.session).Before(at) {
		at = now.Add(c.session)
	}
	c.b.cfg.Layer.Start(&c.limit, at, (*duration)(c))
}

// duration is a Call that has lasted too long, or was not refreshed.
type duration Call

func (d *duration) Expire(now time.Time) {
	c := (*Call)(d)
	cause := dialog.CauseMaxDuration
	if c.session > 0 && now.Sub(c.refresh) >= c.session {
		cause = dialog.CauseSessionExpired
	}
	c.finish(now, ending{cause: cause, reason: "SIP;cause=" + strconv.Itoa(408) + ";text=\"" + cause.String() + "\""})
}

var _ transaction.Expirer = (*duration)(nil)
