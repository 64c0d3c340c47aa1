package b2bua

import (
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// B2BUA holds the calls of one goroutine. See the package comment for its
// contract.
type B2BUA struct {
	cfg   Config
	calls map[*Call]struct{}
	local map[string]end // who is meant by our tags
	begun map[ids]*Call  // by Call-ID and tag of the caller
	stats Stats

	origin, parsed wire.Message
	edit           wire.Edit
	builder        wire.Builder
	out, scratch   []byte
}

// end is a dialog of ours: for a callee's leg the pair depends on the tag of the
// callee too.
type end struct {
	call *Call
	pair *pair // nil for the tag of a branch
}

// Stats counts what happened since the B2BUA was made. Calls are those now.
type Stats struct {
	Calls    int
	Started  uint64
	Refused  uint64 // by credit
	CutOff   uint64 // when it was used up
	Overruns uint64 // calls that went on without an answer to a renewal
	Unsent   uint64 // requests that could not be sent
	Surplus  uint64 // further answers of forks, ended here
}

// New makes a B2BUA. It panics when a required field of cfg is absent, which
// is a mistake of the program.
func New(cfg Config) *B2BUA {
	cfg.fill()
	return &B2BUA{cfg: cfg, calls: map[*Call]struct{}{}, local: map[string]end{}, begun: map[ids]*Call{}}
}

// Stats is a snapshot of the counters.
func (b *B2BUA) Stats() Stats {
	s := b.stats
	s.Calls = len(b.calls)
	return s
}

// Len is the number of calls.
func (b *B2BUA) Len() int { return len(b.calls) }

// Each visits the calls until visit returns false. visit may end them.
func (b *B2BUA) Each(visit func(*Call) bool) {
	for c := range b.calls {
		if c.state != Ended && !visit(c) {
			return
		}
	}
}

// Start takes an INVITE that begins a call. m is the request as the callback
// gave it. The call is answered in the end, maybe before Start returns, and
// Ended is told in any case.
func (b *B2BUA) Start(now time.Time, tx *transaction.Server, m *wire.Message, plan Plan) *Call {
	if plan.Handler == nil {
		plan.Handler = nobody{}
	}
	c := &Call{b: b, plan: plan, tx: tx, invited: now, pairs: map[ids]*pair{}, groups: plan.Groups, exchanges: map[*exchange]struct{}{}}
	b.stats.Started++
	c.note(m)
	tx.Value = c
	b.calls[c] = struct{}{}
	key := ids{c.caller.callID, c.caller.remote}
	merged := b.begun[key] != nil
	if !merged {
		b.begun[key] = c
	}
	n, limited := m.MaxForwards()
	switch {
	case len(b.calls) > b.cfg.MaxCalls:
		c.refuse(now, 503, "Too Many Calls")
	case merged: // RFC 3261 section 8.2.2.2
		c.refuse(now, 482, "")
	case limited && n == 0:
		c.refuse(now, 483, "")
	case c.caller.target == "":
		c.refuse(now, 400, "Contact Missing")
	case plan.Authorizer == nil:
		c.state = Calling
		c.next(now)
	default:
		c.begun = true
		b.cfg.Layer.Start(&c.limit, now.Add(b.cfg.Decision), (*indecision)(c))
		plan.Authorizer.Begin(now, c)
	}
	return c
}

// note keeps what is needed of the INVITE later.
func (c *Call) note(m *wire.Message) {
	c.origin = append([]byte(nil), m.Bytes()...)
	from, _ := m.First(wire.HdrFrom)
	n, _ := m.CSeq()
	c.caller = leg{
		callID: string(m.CallID()), remote: string(m.FromTag()), target: contact(m),
		to: string(wire.AppendPlain(nil, wire.AppendUnfolded(nil, from.Value))), heard: n,
		routes: values(m, wire.HdrRecordRoute),
	}
	c.callID = c.plan.CallID
	if c.callID == "" {
		c.callID = c.caller.callID
	}
}

// Cancel takes a CANCEL for an INVITE. It reports false when that is not of a
// call here.
func (b *B2BUA) Cancel(now time.Time, tx *transaction.Server, m *wire.Message) bool {
	reason := ""
	if h, ok := m.First(wire.HdrReason); ok {
		reason = string(wire.AppendPlain(nil, wire.AppendUnfolded(nil, h.Value)))
	}
	switch v := tx.Value.(type) {
	case *Call:
		v.finish(now, ending{cause: dialog.CauseCancelled, status: 487, reason: reason})
	case *exchange:
		v.cancel(now, reason)
	default:
		return false
	}
	return true
}

// ServerFailed tells that a server transaction cannot be answered any more
// (transaction.ServerFailureUser).
func (b *B2BUA) ServerFailed(now time.Time, tx *transaction.Server) {
	switch v := tx.Value.(type) {
	case *Call:
		if v.state < Answered {
			v.finish(now, ending{cause: dialog.CauseCancelled, status: 487})
		}
	case *exchange:
		v.cancel(now, "")
	}
}

// Lookup finds the call of a request inside a dialog, and the side that sent
// it.
func (b *B2BUA) Lookup(m *wire.Message) (*Call, dialog.Side, bool) {
	p, side := b.find(m)
	if p == nil {
		return nil, 0, false
	}
	return p.call, side, true
}

// Passage is what the Handler will be shown of a request inside a dialog, ACK
// included, when Request or Ack gets it; nil when the dialog is not one of these.
func (b *B2BUA) Passage(m *wire.Message) *Passage {
	p, side := b.find(m)
	if p == nil {
		return nil
	}
	return p.passage(side, m.Method())
}

// Answering is the call that a response belongs to, nil when there is none, and
// what its Handler will be shown when the Layer gets the response now: nil when
// it is not shown. An owner that has to find something out first asks so, and
// gives the response to the Layer when it knows.
func (b *B2BUA) Answering(m *wire.Message) (*Call, *Passage) {
	t := b.cfg.Layer.Match(m)
	if t == nil {
		return nil, nil
	}
	switch u := t.User().(type) {
	case *branch:
		return u.call, u.answering(t, m)
	case *exchange:
		return u.pair.call, u.answering(t, m)
	}
	return nil, nil
}

// Redirecting is the target of the branch of a 3xx when the Handler is asked
// where that leads as soon as the Layer gets it, nil otherwise.
func (b *B2BUA) Redirecting(m *wire.Message) *proxy.Target {
	t := b.cfg.Layer.Match(m)
	if t == nil || m.Status()/100 != 3 {
		return nil
	}
	u, ok := t.User().(*branch)
	if !ok || u.call.state != Calling || u.call.stopped || u.gaveUp || !waits(t) {
		return nil
	}
	if _, ok := u.call.plan.Handler.(RedirectHandler); !ok {
		return nil
	}
	return &u.target
}

// find is the dialog that a request belongs to, and who sent it.
func (b *B2BUA) find(m *wire.Message) (*pair, dialog.Side) {
	tag := string(m.ToTag())
	e, ok := b.local[tag]
	if !ok {
		return nil, 0
	}
	p, side := e.pair, dialog.Caller
	if p == nil {
		p, side = e.call.pairs[ids{tag, string(m.FromTag())}], dialog.Callee
	}
	if p == nil || p.legs[side].remote != string(m.FromTag()) || p.legs[side].callID != string(m.CallID()) {
		return nil, 0
	}
	return p, side
}
