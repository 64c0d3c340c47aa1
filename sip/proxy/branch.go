package proxy

import (
	"errors"
	"strconv"
	"time"

	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Branch is one forwarded copy of a request.
type Branch struct {
	c        *Context
	target   Target
	flow     transport.Flow
	client   *transaction.Client
	timerC   transaction.Timer
	response []byte // final response other than 2xx, kept for the choice
	status   int    // final status, 0 while pending
	gaveUp   bool   // cancelled by a limit of ours, not waited for any more

	redirected bool // its 3xx brought other targets
}

// Branch finds the branch that a response is for, nil when there is none. It
// changes nothing: the owner may have to find something out before the response
// goes to the Layer, and a response that waits a little is like one that was
// slow on its way.
func (p *Proxy) Branch(m *wire.Message) *Branch {
	c := p.cfg.Layer.Match(m)
	if c == nil {
		return nil
	}
	v, ok := c.User().(*events)
	if !ok || v.c.p != p {
		return nil
	}
	return (*Branch)(v)
}

// Shows reports whether Call.Response is shown a response of the branch when
// the Layer gets it now. A refusal, which may be chosen later, is not counted.
func (b *Branch) Shows(m *wire.Message) bool {
	status := m.Status()
	if status <= 100 || status >= 300 || status < 200 && b.c.method != wire.INVITE || !hasTwo(m, wire.HdrVia) {
		return false
	}
	switch b.client.State() {
	case transaction.Calling, transaction.Trying, transaction.Proceeding:
		return b.c.takes(status)
	case transaction.Accepted:
		return status >= 200 && b.c.takes(status)
	}
	return false
}

// Follows reports whether the owner is asked where a 3xx of the branch leads
// (RedirectCall) when the Layer gets it now.
func (b *Branch) Follows(m *wire.Message) bool {
	_, ok := b.c.call.(RedirectCall)
	state := b.client.State()
	return ok && m.Status()/100 == 3 && !b.c.stopped && !b.gaveUp && (state == transaction.Calling || state == transaction.Proceeding)
}

// Context that the branch belongs to.
func (b *Branch) Context() *Context { return b.c }

// Target that the branch was made for.
func (b *Branch) Target() *Target { return &b.target }

// Flow is the next hop.
func (b *Branch) Flow() transport.Flow { return b.flow }

// Status is the final status of the branch, 0 while it is pending.
func (b *Branch) Status() int { return b.status }

// fork sends the request m to one target.
func (c *Context) fork(now time.Time, m *wire.Message, t *Target) {
	b := &c.only
	if len(c.branches) > 0 {
		b = new(Branch)
	}
	b.c, b.target = c, *t
	c.branches = append(c.branches, b)
	c.pending++
	c.waiting++
	if err := b.send(now, m); err != nil {
		b.end(now, failureStatus(err))
		return
	}
	c.p.stats.Branches++
	if c.method == wire.INVITE {
		c.p.cfg.Layer.Start(&b.timerC, now.Add(c.p.cfg.TimerC), (*timerC)(b))
	}
}

// failureStatus is what a branch that could not be sent counts as (RFC 3261
// section 16.9: a transport error is a 503).
func failureStatus(err error) int {
	var r *Refusal
	var bad *wire.Error
	switch {
	case errors.As(err, &r):
		return r.Status
	case errors.As(err, &bad), errors.Is(err, transaction.ErrRequest):
		return 500
	}
	return 503
}

// send prepares the copy (RFC 3261 section 16.6) and starts its transaction.
func (b *Branch) send(now time.Time, m *wire.Message) error {
	c, p := b.c, b.c.p
	e := &p.edit
	e.Reset()
	hop, err := p.route(m, &b.target, e)
	if err != nil {
		return err
	}
	if b.flow = b.target.Flow; b.flow.IsZero() {
		if b.flow, err = p.cfg.Resolve(hop); err != nil {
			return err
		}
	}
	p.hop(m, e)
	if len(c.record) > 0 {
		push(m, e, wire.HdrRecordRoute, c.record)
	}
	p.scratch = p.appendVia(p.scratch[:0], b.flow)
	p.scratch = p.cfg.Layer.AppendBranch(p.scratch)
	p.scratch = p.appendMark(append(p.scratch, markSep), m)
	e.Prepend(wire.HdrVia, p.scratch)
	if c.call != nil {
		if err := c.call.Forward(now, b, m, e); err != nil {
			return err
		}
		if c.stopped { // the owner has just cancelled it all
			return &Refusal{Status: 487}
		}
	}
	if p.out, err = m.Append(p.out[:0], e); err != nil {
		return err
	}
	b.client, err = p.cfg.Layer.NewClient(now, p.out, b.flow, (*events)(b))
	return err
}

// push puts a line above those of its kind, or at the end when it is the
// first, where it does not tear the Vias apart.
func push(m *wire.Message, e *wire.Edit, id wire.HeaderID, value []byte) {
	if m.Count(id) == 0 {
		e.Add(id.Name(), value)
		return
	}
	e.Prepend(id, value)
}

// hop edits what changes with every hop.
func (p *Proxy) hop(m *wire.Message, e *wire.Edit) {
	n, ok := m.MaxForwards()
	if !ok {
		n = 71 // RFC 3261 section 16.6 step 3: 70 when absent
	}
	var digits [4]byte
	e.Set(wire.HdrMaxForwards, strconv.AppendInt(digits[:0], int64(n-1), 10))
	e.EnsureContentLength()
}

// appendVia writes our Via up to the value of its branch.
func (p *Proxy) appendVia(dst []byte, flow transport.Flow) []byte {
	dst = append(dst, "SIP/2.0/"...)
	dst = append(dst, flow.Protocol.ViaToken()...)
	dst = append(dst, ' ')
	dst = append(dst, p.cfg.SentBy(flow)...)
	return append(dst, ";branch="...)
}

// cancel sends CANCEL to a branch that is pending.
func (b *Branch) cancel(now time.Time, reason []byte) {
	if b.status == 0 && b.client != nil {
		b.client.Cancel(now, reason)
	}
}

// giveUp cancels a branch that took too long and lets the context go on
// without it. A 2xx that crosses the CANCEL still counts.
func (b *Branch) giveUp(now time.Time) {
	if b.status != 0 || b.gaveUp {
		return
	}
	b.gaveUp = true
	b.c.waiting--
	b.cancel(now, []byte(`SIP;cause=408;text="Request Timeout"`))
}

// timerC is a Branch whose Timer C runs.
type timerC Branch

func (t *timerC) Expire(now time.Time) {
	b := (*Branch)(t)
	b.c.p.stats.TimerC++
	b.giveUp(now)
	b.c.settle(now)
}

// end notes the final status and takes the branch out of the count.
func (b *Branch) end(now time.Time, status int) {
	c := b.c
	b.status = status
	c.pending--
	if !b.gaveUp {
		c.waiting--
	}
	c.p.cfg.Layer.Stop(&b.timerC)
	if u, ok := c.call.(BranchCall); ok {
		u.BranchEnded(now, b, status)
	}
}
