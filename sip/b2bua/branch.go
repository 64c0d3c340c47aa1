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

// branch is one INVITE to a callee.
type branch struct {
	call       *Call
	from       string // our tag
	target     proxy.Target
	client     *transaction.Client
	timer      transaction.Timer
	status     int // final status, 0 while it is pending
	phrase     string
	fields     []wire.Field
	response   []byte // a refusal as it came
	gaveUp     bool
	redirected bool            // its 3xx brought other targets
	surplus    map[string]bool // tags of further answers that were ended
}

// fork calls one target.
func (c *Call) fork(now time.Time, t *proxy.Target) {
	b := &branch{call: c, target: *t, from: string(c.b.cfg.Layer.AppendTag(nil))}
	c.b.local[b.from] = end{call: c}
	c.branches = append(c.branches, b)
	err := b.send(now)
	if err == nil {
		if b.status == 0 {
			c.b.cfg.Layer.Start(&b.timer, now.Add(c.b.cfg.Ring), (*branchRing)(b))
		}
		return
	}
	b.status = 503
	var r *proxy.Refusal
	var bad *wire.Error
	switch {
	case errors.As(err, &r):
		b.status, b.phrase, b.fields = r.Status, r.Reason, r.Fields
	case errors.As(err, &bad), errors.Is(err, transaction.ErrRequest):
		b.status = 500
	}
}

func (b *branch) send(now time.Time) error {
	c, u := b.call, b.call.b
	m := c.Invite()
	if m == nil {
		return transaction.ErrRequest
	}
	target := string(b.target.URI)
	if target == "" {
		target = string(m.RequestURI())
	}
	var routes []string
	for _, r := range b.target.Route {
		routes = append(routes, string(r))
	}
	uri, routes, hop := strict(target, routes)
	flow := b.target.Flow
	if flow.IsZero() {
		var err error
		if flow, err = u.flow(hop); err != nil {
			return err
		}
	}
	from, _ := m.First(wire.HdrFrom)
	to, _ := m.First(wire.HdrTo)
	l := leg{callID: c.callID, from: retag(from.Value, b.from), to: string(wire.AppendPlain(nil, wire.AppendUnfolded(nil, to.Value)))}
	e := &u.edit
	e.Reset()
	u.request(m, &l, firstCSeq, uri, routes, flow, e)
	u.ourContact(m, c, e)
	if c.plan.RecordRoute != "" {
		e.Add("Record-Route", []byte(c.plan.RecordRoute))
	}
	p := Passage{Call: c, From: dialog.Caller, Caller: c.caller.remote, Target: &b.target, Method: wire.INVITE}
	if err := c.plan.Handler.Request(now, &p, m, e); err != nil {
		return err
	}
	out, err := m.Append(u.out[:0], e)
	if err != nil {
		return err
	}
	u.out = out
	b.client, err = u.cfg.Layer.NewClient(now, out, flow, b)
	return err
}

// firstCSeq is the number of our INVITEs: each branch begins dialogs of its own.
const firstCSeq = 1

// branchRing is a branch that rings too long.
type branchRing branch

func (r *branchRing) Expire(now time.Time) {
	b := (*branch)(r)
	b.giveUp(now)
	b.call.settle(now)
}

// giveUp cancels a branch and lets the call go on without it. A 2xx that
// crosses the CANCEL counts all the same.
func (b *branch) giveUp(now time.Time) {
	if b.status == 0 && !b.gaveUp {
		b.gaveUp = true
		b.cancel(now, `SIP;cause=408;text="Request Timeout"`)
	}
}

func (b *branch) cancel(now time.Time, reason string) {
	if b.status == 0 && b.client != nil {
		var v []byte
		if reason != "" {
			v = []byte(reason)
		}
		b.client.Cancel(now, v)
	}
}

// Response implements transaction.ClientUser.
func (b *branch) Response(now time.Time, _ *transaction.Client, m *wire.Message) {
	c, status := b.call, m.Status()
	switch {
	case status == 100:
	case status >= 200 && status < 300:
		b.over(200)
		c.accepted(now, b, m)
		c.settle(now)
	case c.state != Calling:
		if status >= 300 {
			b.over(status)
		}
	case status < 200:
		if !b.gaveUp {
			c.b.cfg.Layer.Start(&b.timer, now.Add(c.b.cfg.Ring), (*branchRing)(b))
		}
		c.progress(now, b, m)
	default:
		b.refused(now, m)
	}
}

// waits reports whether a transaction has no final response yet.
func waits(t *transaction.Client) bool {
	switch t.State() {
	case transaction.Calling, transaction.Trying, transaction.Proceeding:
		return true
	}
	return false
}

// answering is the passage of a response that makes its way to the caller.
func (b *branch) answering(t *transaction.Client, m *wire.Message) *Passage {
	c, status := b.call, m.Status()
	if !waits(t) || status <= 100 || status >= 300 || c.state != Calling {
		return nil
	}
	p := c.pairOf(b, m)
	if p == nil {
		return nil
	}
	return &Passage{
		Call: c, From: dialog.Caller, Caller: c.caller.remote, Callee: p.legs[dialog.Caller].local, Target: &b.target, Method: wire.INVITE,
	}
}

// over takes a branch out of the count.
func (b *branch) over(status int) {
	if b.status == 0 {
		b.status = status
	}
	b.call.b.cfg.Layer.Stop(&b.timer)
}

func (b *branch) refused(now time.Time, m *wire.Message) {
	c := b.call
	status := m.Status()
	if b.gaveUp && status == 487 {
		status = 408 // the answer to our own CANCEL
	} else {
		b.response = bytes.Clone(m.Bytes())
	}
	b.redirect(now, m)
	b.over(status)
	if u, ok := c.plan.Handler.(BranchHandler); ok {
		u.BranchEnded(now, c, &b.target, status)
	}
	if status >= 600 {
		c.stop(now, `SIP;cause=603;text="Declined"`)
	}
	c.settle(now)
}

// redirect asks the owner for the targets of a 3xx, which take the place of that
// response (RFC 3261 section 16.5).
func (b *branch) redirect(now time.Time, m *wire.Message) {
	c := b.call
	u, ok := c.plan.Handler.(RedirectHandler)
	if !ok || m.Status()/100 != 3 || c.stopped || b.gaveUp {
		return
	}
	if more := u.Redirected(now, c, &b.target, m); len(more) > 0 {
		c.groups = append(more[:len(more):len(more)], c.groups...)
		b.redirected = true
	}
}

// RedirectHandler is a Handler that follows redirections itself. m is a 3xx;
// the groups returned are tried next, in place of that response.
type RedirectHandler interface {
	Redirected(now time.Time, c *Call, t *proxy.Target, m *wire.Message) []proxy.Group
}

// BranchHandler is a Handler that wants to hear of each target that refused.
type BranchHandler interface {
	BranchEnded(now time.Time, c *Call, t *proxy.Target, status int)
}

// Failed implements transaction.ClientUser.
func (b *branch) Failed(now time.Time, _ *transaction.Client, err error) {
	status := 503
	if errors.Is(err, transaction.ErrTimeout) {
		status = 408
	}
	b.over(status)
	b.call.settle(now)
}

// stop tries nothing more and cancels what is pending.
func (c *Call) stop(now time.Time, reason string) {
	c.stopped, c.groups = true, nil
	c.b.cfg.Layer.Stop(&c.ring)
	for _, b := range c.branches {
		c.b.cfg.Layer.Stop(&b.timer)
		b.cancel(now, reason)
	}
}

// progress passes a provisional response.
func (c *Call) progress(now time.Time, b *branch, m *wire.Message) {
	p := c.pairOf(b, m)
	if p != nil {
		p.learn(m, c.plan.RecordRoute)
	}
	if p == nil && len(m.ToTag()) > 0 {
		return // one fork too many
	}
	_, _ = c.forward(now, b, p, m) // a provisional response may be lost
}

// forward sends a response of a callee to the caller's INVITE, and returns it.
func (c *Call) forward(now time.Time, b *branch, p *pair, m *wire.Message) ([]byte, error) {
	u := c.b
	req := c.Invite()
	if req == nil {
		return nil, transaction.ErrRequest
	}
	tag, callee := c.tx.Tag(), string(m.ToTag())
	if p != nil {
		tag = p.legs[dialog.Caller].local
		callee = tag
	}
	e := &u.edit
	e.Reset()
	u.response(m, req, c, tag, e)
	x := Passage{Call: c, From: dialog.Caller, Caller: c.caller.remote, Callee: callee, Target: &b.target, Method: wire.INVITE}
	if err := c.plan.Handler.Response(now, &x, m, e); err != nil && m.Status() >= 200 {
		return nil, err
	}
	out, err := m.Append(u.out[:0], e)
	if err != nil {
		return nil, err
	}
	u.out = out
	if m.Status() >= 200 && m.Status() < 300 {
		return bytes.Clone(out), nil // the owner hears of the answer before the caller
	}
	return nil, c.tx.Respond(now, out)
}
