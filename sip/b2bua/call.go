package b2bua

import (
	"bytes"
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// State is where a call stands.
type State uint8

// The states of a call, in the order in which they are passed.
const (
	Authorizing State = iota // credit was asked for
	Calling                  // the callee is called
	Answered                 // a 2xx has come
	Ended
)

// Call is one call: a dialog with the caller, and one with the callee.
type Call struct {
	b      *B2BUA
	plan   Plan
	state  State
	tx     *transaction.Server // the caller's INVITE
	origin []byte              // that INVITE
	caller leg                 // what all dialogs with the caller have in common
	callID string              // and the Call-ID of those

	groups   []proxy.Group // not tried yet
	branches []*branch
	starting bool // a group is being sent
	stopped  bool // no further group
	pairs    map[ids]*pair
	chosen   *pair
	answer   []byte // the 2xx that the caller got

	invited, answered, ended time.Time
	cause                    dialog.Cause
	endedBy                  dialog.Side
	status                   int

	begun    bool // the Authorizer was asked
	renewing bool
	warned   bool
	grant    Grant
	asked    time.Time
	session  time.Duration
	refresh  time.Time

	ring, ack, limit, renew, cut, warn transaction.Timer
	exchanges                          map[*exchange]struct{}
	byeReason                          string // of a BYE that waits for the caller's ACK
}

// ID of the call, as in its plan.
func (c *Call) ID() string { return c.plan.ID }

// CallID of a side's dialog.
func (c *Call) CallID(s dialog.Side) string {
	if s == dialog.Caller {
		return c.caller.callID
	}
	return c.callID
}

// State of the call.
func (c *Call) State() State { return c.state }

// Tags of caller and callee in the caller's dialog; that of the callee is
// empty before the answer.
func (c *Call) Tags() (caller, callee string) {
	if c.chosen != nil {
		callee = c.chosen.legs[dialog.Caller].local
	}
	return c.caller.remote, callee
}

// Invited is when the INVITE came.
func (c *Call) Invited() time.Time { return c.invited }

// Answered is when the first 2xx came, zero before it.
func (c *Call) Answered() time.Time { return c.answered }

// Ended is when the call was over, zero before that.
func (c *Call) Ended() time.Time { return c.ended }

// Used is the time between answer and end, or now while the call runs.
func (c *Call) Used(now time.Time) time.Duration {
	if c.answered.IsZero() {
		return 0
	}
	if !c.ended.IsZero() {
		now = c.ended
	}
	return max(0, now.Sub(c.answered))
}

// Cause is why the call ended; by is the side that sent BYE.
func (c *Call) Cause() (cause dialog.Cause, by dialog.Side) { return c.cause, c.endedBy }

// Status is the final status that the caller's INVITE got, 0 while it has none.
func (c *Call) Status() int { return c.status }

// Handler is that of the plan.
func (c *Call) Handler() Handler { return c.plan.Handler }

// Invite is the caller's INVITE, for Handlers and Authorizers. It is valid
// until the B2BUA is used next.
func (c *Call) Invite() *wire.Message {
	if c.b.origin.Parse(c.origin, nil) != nil {
		return nil // it was read when it came
	}
	return &c.b.origin
}

// End ends the call for a cause that is not in a message. reason is the value
// of a Reason header field (RFC 3326) for both sides, or "". A caller whose
// call is not answered yet gets status.
func (c *Call) End(now time.Time, cause dialog.Cause, status int, reason string) {
	c.finish(now, ending{cause: cause, status: status, reason: reason})
}

// next sends the first group that has a branch to wait for.
func (c *Call) next(now time.Time) {
	layer := c.b.cfg.Layer
	layer.Stop(&c.ring)
	for len(c.groups) > 0 && c.waiting() == 0 && !c.stopped {
		g := c.groups[0]
		c.groups = c.groups[1:]
		c.starting = true
		for i := range g.Targets {
			if !c.stopped {
				c.fork(now, &g.Targets[i])
			}
		}
		c.starting = false
		if g.Timeout > 0 && c.waiting() > 0 && !c.stopped {
			layer.Start(&c.ring, now.Add(g.Timeout), (*ringLimit)(c))
		}
	}
	c.settle(now)
}

// ringLimit is a Call whose group may ring only so long.
type ringLimit Call

func (l *ringLimit) Expire(now time.Time) {
	c := (*Call)(l)
	for _, b := range c.branches {
		b.giveUp(now)
	}
	c.settle(now)
}

// waiting counts the branches that hold back the next group, pending those
// that hold back the end.
func (c *Call) waiting() (n int) {
	for _, b := range c.branches {
		if b.status == 0 && !b.gaveUp {
			n++
		}
	}
	return n
}

func (c *Call) pending() bool {
	for _, b := range c.branches {
		if b.status == 0 {
			return true
		}
	}
	return false
}

// settle goes on when nothing holds the call back: to the next group or to the
// refusal.
func (c *Call) settle(now time.Time) {
	if c.starting || c.state != Calling {
		return
	}
	switch {
	case c.waiting() > 0:
	case len(c.groups) > 0 && !c.stopped:
		c.next(now)
	case !c.pending():
		c.fail(now)
	}
}

// fail gives the caller the best refusal that came (RFC 3261 section 16.7).
func (c *Call) fail(now time.Time) {
	var best *branch
	for _, b := range c.branches {
		if b.redirected {
			continue // others answer in its place
		}
		if best == nil || rank(b.status) < rank(best.status) {
			best = b
		}
	}
	if best == nil {
		c.refuse(now, 480, "")
		return
	}
	x := ending{cause: dialog.CauseRefused, status: upstream(best.status), phrase: best.phrase, fields: best.fields, refusal: best.response}
	c.finish(now, x)
}

// rank orders refusals, best first: 6xx, redirections, then those that let the
// caller try again, last those that say little about the callee.
func rank(status int) int {
	switch {
	case status >= 600:
		return 0
	case status < 400:
		return 1
	case status == 401, status == 407:
		return 2
	case status == 408, status == 430, status == 480, status == 481, status == 487:
		return 4
	case status >= 500:
		return 5
	}
	return 3
}

// upstream is the status that the caller gets for one of the callee's leg.
func upstream(status int) int {
	switch status {
	case 503: // would make the caller avoid us
		return 500
	case 430, 481: // speak of a flow or dialog that is none of its
		return 480
	}
	return status
}

// refuse answers an INVITE that leads to no call.
func (c *Call) refuse(now time.Time, status int, phrase string) {
	c.finish(now, ending{cause: dialog.CauseRefused, status: status, phrase: phrase})
}

// ids are two identifiers that go together. Of a dialog with a callee they are
// the tags: each branch has one of its own, so that a phone that two of them
// reach takes them for two calls.
type ids struct{ local, remote string }

// pairOf is the pair of a response of a callee, made when it is new.
func (c *Call) pairOf(b *branch, m *wire.Message) *pair {
	tag := string(m.ToTag())
	if p := c.pairs[ids{b.from, tag}]; p != nil || tag == "" {
		return p
	}
	if len(c.pairs) >= maxPairs {
		return nil
	}
	origin := c.Invite()
	from, _ := origin.First(wire.HdrFrom)
	to, _ := origin.First(wire.HdrTo)
	p := &pair{call: c}
	a := &p.legs[dialog.Caller]
	*a = c.caller
	a.local = string(c.b.cfg.Layer.AppendTag(nil))
	a.from = retag(bytes.Clone(to.Value), a.local)
	p.legs[dialog.Callee] = leg{
		callID: c.callID, local: b.from, remote: tag, from: retag(bytes.Clone(from.Value), b.from), sent: firstCSeq,
	}
	c.pairs[ids{b.from, tag}] = p
	c.b.local[a.local] = end{call: c, pair: p}
	return p
}

// maxPairs bounds the dialogs of one call: whoever is called can make up as
// many tags as it likes.
const maxPairs = 16
