package call

import (
	"context"
	"slices"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/sip/b2bua"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/wire"
)

// Talk is what a Spender limits: its share of a call.
type Talk interface {
	// Granted and Refused answer Begin and Renew as those of a b2bua.Call do.
	Granted(now time.Time, g b2bua.Grant)
	Refused(now time.Time, status int, phrase string, fields ...wire.Field)
	// Answered and Ended are when what is to be paid for began and was over,
	// zero before that.
	Answered() time.Time
	Ended() time.Time
}

// Spender limits one share of a call to what somebody can pay. Its methods are
// those of a b2bua.Authorizer.
type Spender interface {
	Begin(now time.Time, t Talk)
	Renew(now time.Time, t Talk, used time.Duration)
	// End comes once after Begin.
	End(now time.Time, t Talk)
	// Until says when the call has ended, before End does.
	Until(at time.Time)
}

// Credit makes the Spenders of prepaid customers.
type Credit interface {
	// Spender is for a side of a leg, by its event, which is complete but for
	// the answer; nil when that side has nothing to pay. A *proxy.Refusal is
	// what the caller gets, any other error means 503.
	Spender(ctx context.Context, side billing.Side, e *billing.Event) (Spender, error)
}

// share is what one side of one leg pays of a call.
type share struct {
	joint   *joint
	spender Spender
	side    billing.Side
	leg     int
	begun   bool
	asked   bool // and not answered yet
	granted bool
	grant   b2bua.Grant
}

// joint is the Authorizer of a call that several may have to pay for: it lasts
// as long as all of them allow.
type joint struct {
	call   *call
	b2bua  *b2bua.Call
	shares []*share
}

var (
	_ b2bua.Authorizer = (*joint)(nil)
	_ Talk             = (*share)(nil)
	_ Talk             = (*b2bua.Call)(nil)
)

// controlled reports whether somebody pays before: the call has to run through
// the B2BUA then. A callee counts as well, who may be charged for the call or
// for sending it on.
func (c *Core) controlled(e *billing.Endpoint) bool {
	if e.Subscriber == "" {
		return false
	}
	ctx, cancel := c.context()
	defer cancel()
	p, err := c.Directory.Subscriber(ctx, e.User, e.Domain)
	return err == nil && p.Prepaid
}

// pay adds the shares of a leg. They are to begin.
func (j *joint) pay(leg int) ([]*share, error) {
	c, e := j.call.core, j.call.shared(leg)
	ctx, cancel := c.context()
	defer cancel()
	var added []*share
	for _, side := range []billing.Side{billing.SideCaller, billing.SideCallee} {
		end := &e.Caller
		if side == billing.SideCallee {
			end = &e.Callee
		}
		if !c.controlled(end) {
			continue
		}
		s, err := c.spender(ctx, side, e)
		if err != nil {
			return nil, err
		}
		if s != nil {
			added = append(added, &share{joint: j, spender: s, side: side, leg: leg})
		}
	}
	j.shares = append(j.shares, added...)
	return added, nil
}

// Begin implements b2bua.Authorizer.
func (j *joint) Begin(now time.Time, c *b2bua.Call) {
	j.b2bua = c
	if len(j.shares) == 0 { // nobody has anything to pay yet
		c.Granted(now, unlimited)
		return
	}
	for _, s := range j.shares {
		s.begun, s.asked = true, true
	}
	for _, s := range slices.Clone(j.shares) {
		s.spender.Begin(now, s)
	}
}

// unlimited is the grant of a call that nobody has to pay for.
var unlimited = b2bua.Grant{Total: 366 * 24 * time.Hour}

// join begins with shares that came while the call rings. The leg is called at
// once: when the answer is that there is no credit, the call ends.
func (j *joint) join(now time.Time, added []*share) {
	for _, s := range added {
		s.begun, s.asked = true, true
		s.spender.Begin(now, s)
	}
}

// Renew implements b2bua.Authorizer.
func (j *joint) Renew(now time.Time, c *b2bua.Call, used time.Duration) {
	var all []*share
	for _, s := range j.shares {
		if s.granted && !s.grant.Final && !s.asked && j.takesPart(s) {
			s.asked = true
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		j.tell(now)
	}
	for _, s := range all {
		s.spender.Renew(now, s, used)
	}
}

// End implements b2bua.Authorizer.
func (j *joint) End(now time.Time, _ *b2bua.Call, _ time.Duration) {
	for _, s := range j.shares {
		if s.begun {
			s.spender.End(now, s)
		}
	}
}

// takesPart reports whether a leg is on the way to who answered, or may be yet.
func (j *joint) takesPart(s *share) bool {
	return s.leg == 0 || j.b2bua.Answered().IsZero() || slices.Contains(j.call.via(), s.leg)
}

// Granted implements Talk.
func (s *share) Granted(now time.Time, g b2bua.Grant) {
	if g.Total < time.Second && !s.granted {
		s.Refused(now, 402, "")
		return
	}
	g.Total = max(g.Total, s.grant.Total)
	s.grant, s.granted, s.asked = g, true, false
	s.joint.tell(now)
}

// Refused implements Talk. Whoever calls hears of its own credit; that of
// somebody else is only why nobody can be reached.
func (s *share) Refused(now time.Time, status int, phrase string, fields ...wire.Field) {
	s.asked = false
	if s.granted {
		s.grant.Final, s.grant.ValidUntil = true, time.Time{}
		s.joint.tell(now)
		return
	}
	if s.leg != 0 || s.side != billing.SideCaller {
		if status < 300 || status == 402 {
			status, phrase, fields = 480, "", nil
		}
	}
	c := s.joint.b2bua
	if c.State() == b2bua.Authorizing {
		c.Refused(now, status, phrase, fields...)
		return
	}
	if s.joint.takesPart(s) {
		c.End(now, dialog.CauseCredit, status, reason(status, dialog.CauseCredit))
	}
}

// Answered implements Talk.
func (s *share) Answered() time.Time {
	if !s.joint.takesPart(s) {
		return time.Time{}
	}
	return s.joint.b2bua.Answered()
}

// Ended implements Talk.
func (s *share) Ended() time.Time { return s.joint.b2bua.Ended() }

// tell tells the call what all shares together allow, when none of them has
// still to say so.
func (j *joint) tell(now time.Time) {
	first := j.b2bua.State() == b2bua.Authorizing
	var all b2bua.Grant
	some := false
	expected := time.Duration(0)
	for _, s := range j.shares {
		switch {
		case s.asked && (first || s.granted):
			return // its answer comes
		case !s.granted, !j.takesPart(s):
			continue // it joined, or what it would pay for is not used
		}
		g := s.grant
		if !some || g.Total < all.Total {
			all.Total, all.Final = g.Total, g.Final
		}
		if !g.Final && g.Renew > 0 && (all.Renew == 0 || g.Renew < all.Renew) {
			all.Renew = g.Renew
		}
		if !g.ValidUntil.IsZero() && (all.ValidUntil.IsZero() || g.ValidUntil.Before(all.ValidUntil)) {
			all.ValidUntil = g.ValidUntil
		}
		last := g.Expected
		if g.Final {
			last = g.Total
		}
		if last > 0 && (expected == 0 || last < expected) {
			expected = last
		}
		some = true
	}
	switch {
	case !some:
		all = unlimited
	case all.Final:
		all.Renew = 0
	case expected > all.Total:
		all.Expected = expected
	}
	if first {
		j.b2bua.Granted(now, all)
		return
	}
	j.b2bua.Regranted(now, all)
}
