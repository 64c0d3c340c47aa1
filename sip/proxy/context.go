package proxy

import (
	"time"

	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// Context is a response context (RFC 3261 section 16.2): a server transaction
// and the branches that may answer it.
type Context struct {
	p        *Proxy
	tx       *transaction.Server
	call     Call
	record   []byte
	groups   []Group // not tried yet
	branches []*Branch
	method   wire.Method

	refusal *Refusal // what Check said

	pending int // branches without final response
	waiting int // those of them that hold back the next group

	stopped   bool // no further group: answered, declined or cancelled
	cancelled bool // by upstream or by the owner
	ended     bool
	starting  bool // a group is being sent: decide when it is out
	ring      transaction.Timer

	first [1]*Branch // room of branches, and the branch of most contexts
	only  Branch
}

// Start forwards the request of a server transaction by a plan and answers it
// in the end. m is the request as the callback gave it, or tx.Request parsed
// again. The proxy takes tx.Value for itself.
//
// A request that Check refuses and one without targets (480) are answered
// before Start returns. In any case plan.Call.Ended is called once.
func (p *Proxy) Start(now time.Time, tx *transaction.Server, m *wire.Message, plan Plan) *Context {
	c := &Context{p: p, tx: tx, call: plan.Call, record: plan.RecordRoute, groups: plan.Groups, method: m.Method()}
	c.branches = c.first[:0]
	tx.Value = c
	p.stats.Started++
	p.stats.Contexts++
	if c.refusal = p.Check(m); c.refusal != nil {
		p.stats.Refused++
		c.groups = nil
	}
	c.next(now, m)
	return c
}

// Relay forwards a request inside a dialog along its Route set.
func (p *Proxy) Relay(now time.Time, tx *transaction.Server, m *wire.Message, call Call) *Context {
	return p.Start(now, tx, m, Plan{Groups: p.along, Call: call})
}

// Refuse answers a server transaction with a refusal.
func (p *Proxy) Refuse(now time.Time, tx *transaction.Server, r *Refusal) {
	p.stats.Refused++
	// An error here is one of sending: there is nobody else to tell.
	_ = tx.Reply(now, r.Status, r.Reason, r.Fields...)
}

// Cancel takes a CANCEL for an INVITE. It reports false when the INVITE has no
// context: the owner has not started one yet and answers it itself.
func (p *Proxy) Cancel(now time.Time, tx *transaction.Server, m *wire.Message) bool {
	c, ok := tx.Value.(*Context)
	if !ok {
		return false
	}
	reason, _ := m.First(wire.HdrReason)
	c.Cancel(now, reason.Value)
	return true
}

// ServerFailed tells the proxy that a server transaction cannot be answered
// any more (transaction.ServerFailureUser): its branches are cancelled.
func (p *Proxy) ServerFailed(now time.Time, tx *transaction.Server) {
	if c, ok := tx.Value.(*Context); ok {
		c.Cancel(now, nil)
	}
}

// Call is the owner's side, as in the plan.
func (c *Context) Call() Call { return c.call }

// Server is the transaction that the context answers.
func (c *Context) Server() *transaction.Server { return c.tx }

// Request reads the request again; nil once the final response is sent. It is
// valid until the callback returns, or until the proxy is used next.
func (c *Context) Request() *wire.Message {
	b := c.tx.Request()
	if b == nil || c.p.request.Parse(b, nil) != nil {
		return nil
	}
	return &c.p.request
}

// Cancel ends all branches and tries no further group. The best response of
// the branches, 487 if there is none, is sent when they have ended. reason is
// the value of a Reason header for their CANCEL, or nil.
func (c *Context) Cancel(now time.Time, reason []byte) {
	if c.stopped {
		return
	}
	c.cancelled = true
	c.stop(now, reason)
	if !c.starting {
		c.settle(now)
	}
}

// stop tries nothing more and cancels what is pending.
func (c *Context) stop(now time.Time, reason []byte) {
	c.stopped = true
	c.groups = nil
	c.p.cfg.Layer.Stop(&c.ring)
	for _, b := range c.branches {
		b.cancel(now, reason)
	}
}

// next sends the first group that has a branch to wait for. m is the request,
// nil to read it again.
func (c *Context) next(now time.Time, m *wire.Message) {
	c.p.cfg.Layer.Stop(&c.ring)
	for len(c.groups) > 0 && c.waiting == 0 {
		if m == nil {
			if m = c.Request(); m == nil {
				c.groups = nil
				break
			}
		}
		g := c.groups[0]
		c.groups = c.groups[1:]
		c.starting = true
		for i := range g.Targets {
			if c.stopped {
				break
			}
			c.fork(now, m, &g.Targets[i])
		}
		c.starting = false
		if g.Timeout > 0 && c.waiting > 0 && !c.stopped {
			c.p.cfg.Layer.Start(&c.ring, now.Add(g.Timeout), (*ringLimit)(c))
		}
	}
	c.settle(now)
}

// ringLimit is a Context whose group may ring only so long.
type ringLimit Context

func (l *ringLimit) Expire(now time.Time) {
	c := (*Context)(l)
	c.p.stats.RingLimits++
	for _, b := range c.branches {
		if b.status == 0 {
			b.giveUp(now)
		}
	}
	if len(c.groups) > 0 {
		c.next(now, nil)
	}
}

// settle goes on when nothing holds it back: to the next group, to the final
// response, to the end.
func (c *Context) settle(now time.Time) {
	if c.starting || c.ended {
		return
	}
	if c.waiting == 0 && len(c.groups) > 0 {
		c.next(now, nil)
		return
	}
	if c.pending > 0 {
		return
	}
	c.ended = true
	c.p.cfg.Layer.Stop(&c.ring)
	c.finish(now)
	c.branches = nil
	c.p.stats.Contexts--
	if c.call != nil {
		c.call.Ended(now, c)
	}
}
