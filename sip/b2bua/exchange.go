package b2bua

import (
	"bytes"
	"errors"
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// exchange is a request inside a dialog, on its way to the other one.
type exchange struct {
	pair    *pair
	from    dialog.Side
	method  wire.Method
	tx      *transaction.Server
	client  *transaction.Client
	origin  []byte // the request as it came
	in, out uint32 // CSeq numbers
	way     *Passage

	final []byte // the 2xx of a re-INVITE
	ack   []byte
	timer transaction.Timer // of a re-INVITE: until its answer, then until its ACK
}

// Request takes a request inside a dialog, and reports false when the dialog
// is not one of these: then it is still to be answered.
func (b *B2BUA) Request(now time.Time, tx *transaction.Server, m *wire.Message) bool {
	p, side := b.find(m)
	if p == nil {
		return false
	}
	c, l := p.call, &p.legs[side]
	n, _ := m.CSeq()
	hops, limited := m.MaxForwards()
	switch {
	case c.state == Ended, c.state == Answered && p != c.chosen:
		_ = tx.Reply(now, 481, "") // whoever asked has gone when this fails, here and below
	case limited && hops == 0:
		_ = tx.Reply(now, 483, "")
	case n <= l.heard: // RFC 3261 section 12.2.2
		_ = tx.Reply(now, 500, "CSeq Out Of Order")
	case m.Method() == wire.BYE:
		l.heard = n
		c.hungUp(now, tx, m, side)
	default:
		l.heard = n
		c.pass(now, tx, m, p, side)
	}
	return true
}

// hungUp takes a BYE. The caller may send one before the answer as well.
func (c *Call) hungUp(now time.Time, tx *transaction.Server, m *wire.Message, side dialog.Side) {
	x := ending{cause: dialog.CauseBye, by: side, bye: true, status: 487}
	if c.state != Answered {
		if side == dialog.Callee {
			_ = tx.Reply(now, 481, "")
			return
		}
		x.cause = dialog.CauseCancelled
	}
	if h, ok := m.First(wire.HdrReason); ok {
		x.reason = string(wire.AppendPlain(nil, wire.AppendUnfolded(nil, h.Value)))
	}
	c.finish(now, x)
	_ = tx.Reply(now, 200, "")
}

// pass sends a request on.
func (c *Call) pass(now time.Time, tx *transaction.Server, m *wire.Message, p *pair, from dialog.Side) {
	if len(c.exchanges) >= maxExchanges {
		_ = tx.Reply(now, 503, "")
		return
	}
	l := &p.legs[from.Other()]
	n, _ := m.CSeq()
	x := &exchange{pair: p, from: from, method: m.Method(), tx: tx, origin: bytes.Clone(m.Bytes()), in: n, out: l.next(), way: p.passage(from, m.Method())}
	if x.method == wire.INVITE {
		p.invites[from] = x
	}
	if err := x.send(now, m, l); err != nil {
		refuse(now, tx, err)
		return
	}
	if tx.Status() >= 200 {
		return // it could not be sent, and that is answered
	}
	tx.Value = x
	c.exchanges[x] = struct{}{}
	if x.method == wire.INVITE {
		c.b.cfg.Layer.Start(&x.timer, now.Add(c.b.cfg.Ring), (*patience)(x))
	}
}

// maxExchanges bounds the requests of one call that wait for their answers.
const maxExchanges = 32

// refuse answers a request by the error that kept it from passing.
func refuse(now time.Time, tx *transaction.Server, err error) {
	var r *proxy.Refusal
	if errors.As(err, &r) {
		_ = tx.Reply(now, r.Status, r.Reason, r.Fields...)
		return
	}
	_ = tx.Reply(now, 500, "")
}

func (x *exchange) send(now time.Time, m *wire.Message, l *leg) error {
	c, u := x.pair.call, x.pair.call.b
	uri, routes, hop := strict(l.target, l.routes)
	flow, err := u.flow(hop)
	if err != nil {
		return &proxy.Refusal{Status: 480}
	}
	e := &u.edit
	e.Reset()
	u.request(m, l, x.out, uri, routes, flow, e)
	u.ourContact(m, c, e)
	if x.method == wire.PRACK {
		x.pair.rack(m, x.from, e)
	}
	if err := c.plan.Handler.Request(now, x.way, m, e); err != nil {
		return err
	}
	out, err := m.Append(u.out[:0], e)
	if err != nil {
		return err
	}
	u.out = out
	x.client, err = u.cfg.Layer.NewClient(now, out, flow, x)
	return err
}

// answering is the passage of a response that is passed.
func (x *exchange) answering(t *transaction.Client, m *wire.Message) *Passage {
	status := m.Status()
	if !waits(t) || status <= 100 || status < 200 && x.method != wire.INVITE || x.pair.call.state == Ended || x.final != nil {
		return nil
	}
	return x.way
}

// Response implements transaction.ClientUser.
func (x *exchange) Response(now time.Time, _ *transaction.Client, m *wire.Message) {
	c, status := x.pair.call, m.Status()
	switch {
	case status == 100, status < 200 && x.method != wire.INVITE:
	case c.state == Ended:
		if x.method == wire.INVITE && status < 300 && status >= 200 {
			c.b.send(now, &x.pair.legs[x.from.Other()], "ACK", x.out, "")
		}
	case x.final != nil:
		x.repeated(now)
	case status < 200:
		_ = x.answer(now, m)
	default:
		x.finished(now, m)
	}
}

// finished passes a final response and what follows from it.
func (x *exchange) finished(now time.Time, m *wire.Message) {
	c, status := x.pair.call, m.Status()
	renews := x.method == wire.INVITE || x.method == wire.UPDATE
	if renews && status < 300 {
		x.renew(now, m)
	}
	if err := x.answer(now, m); err != nil && status < 300 && x.method == wire.INVITE {
		c.b.send(now, &x.pair.legs[x.from.Other()], "ACK", x.out, "")
		refuse(now, x.tx, err)
		c.finish(now, ending{cause: dialog.CauseAdministrative, reason: `SIP;cause=488`})
		return
	}
	c.b.cfg.Layer.Stop(&x.timer)
	switch {
	case x.method == wire.INVITE && status < 300:
		c.b.cfg.Layer.Start(&x.timer, now.Add(ackWait), (*patience)(x))
		return
	case renews && c.state == Answered && (status == 481 || status == 408):
		// The other side does not know the dialog (RFC 3261 section 12.2.1.2).
		c.finish(now, ending{cause: dialog.CauseAdministrative, reason: `SIP;cause=481`})
	}
	delete(c.exchanges, x)
}

// renew takes targets and session timer of a 2xx.
func (x *exchange) renew(now time.Time, m *wire.Message) {
	p := x.pair
	if uri := contact(m); uri != "" {
		p.legs[x.from.Other()].target = uri
	}
	u := p.call.b
	if u.origin.Parse(x.origin, nil) == nil {
		if uri := contact(&u.origin); uri != "" {
			p.legs[x.from].target = uri
		}
	}
	if p.call.state == Answered {
		p.call.agree(now, m)
	}
}

// answer sends a response to whoever sent the request.
func (x *exchange) answer(now time.Time, m *wire.Message) error {
	c, u := x.pair.call, x.pair.call.b
	if err := u.origin.Parse(x.origin, nil); err != nil {
		return err // it was read when it came
	}
	e := &u.edit
	e.Reset()
	u.response(m, &u.origin, c, "", e)
	if err := c.plan.Handler.Response(now, x.way, m, e); err != nil && m.Status() < 300 {
		return err
	}
	out, err := m.Append(u.out[:0], e)
	if err != nil {
		return err
	}
	u.out = out
	if x.method == wire.INVITE && m.Status() >= 200 && m.Status() < 300 {
		x.final = bytes.Clone(out)
	}
	_ = x.tx.Respond(now, out) // repeated when it is asked for again
	return nil
}

// repeated answers a 2xx to a re-INVITE that comes again.
func (x *exchange) repeated(now time.Time) {
	if x.ack != nil {
		_ = x.pair.call.b.cfg.Layer.Send(x.pair.ackFlow, x.ack)
		return
	}
	_ = x.tx.Respond(now, x.final)
}

// acknowledged takes the ACK of a re-INVITE's 2xx.
func (x *exchange) acknowledged(now time.Time, m *wire.Message) {
	c := x.pair.call
	if x.final == nil || c.state == Ended {
		return
	}
	if x.ack != nil {
		x.repeated(now)
		return
	}
	c.b.cfg.Layer.Stop(&x.timer)
	delete(c.exchanges, x)
	out, err := c.b.ack(now, x.pair, x.from, x.out, m)
	if err != nil {
		c.finish(now, ending{cause: dialog.CauseAdministrative, reason: `SIP;cause=488`})
		return
	}
	x.ack = out
}

// Failed implements transaction.ClientUser.
func (x *exchange) Failed(now time.Time, _ *transaction.Client, _ error) {
	c := x.pair.call
	if c.state == Ended {
		return
	}
	delete(c.exchanges, x)
	c.b.cfg.Layer.Stop(&x.timer)
	_ = x.tx.Reply(now, 408, "")
	if c.state == Answered && (x.method == wire.INVITE || x.method == wire.UPDATE) {
		c.finish(now, ending{cause: dialog.CauseAdministrative, reason: `SIP;cause=408`})
	}
}

// cancel passes the CANCEL of a re-INVITE.
func (x *exchange) cancel(now time.Time, reason string) {
	if x.client == nil || x.method != wire.INVITE {
		return
	}
	var v []byte
	if reason != "" {
		v = []byte(reason)
	}
	x.client.Cancel(now, v)
}

// patience is a re-INVITE that is answered or acknowledged too late.
type patience exchange

func (w *patience) Expire(now time.Time) {
	x := (*exchange)(w)
	if x.final == nil {
		x.cancel(now, `SIP;cause=408;text="Request Timeout"`)
		return
	}
	x.pair.call.finish(now, ending{cause: dialog.CauseAdministrative, reason: `SIP;cause=408;text="No ACK"`})
}
