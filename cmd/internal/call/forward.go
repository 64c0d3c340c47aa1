package call

import (
	"strconv"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/routing"
	"github.com/class5-go/class5/sip/wire"
)

// forward is a leg of a call to where its callee has it go: the callee called
// on, and pays for that.
type forward struct {
	event billing.Event // the fields that all events of the leg share
	by    int           // the leg whose callee it was: 0 for the call itself
}

// maxForwards bounds how often one call is sent on.
const maxForwards = 5

// Redirected implements proxy.RedirectCall: a 3xx from a phone of a subscriber
// is the subscriber's order to send the call on to somebody of this platform
// (RFC 3261 section 16.5). Anything else the caller is told.
func (k *call) Redirected(now time.Time, b *proxy.Branch, m *wire.Message) []proxy.Group {
	if !k.sendsOn(b.Target()) {
		return nil
	}
	return k.redirected(now, b.Target(), m)
}

// sendsOn reports whether the callee of a target may send the call on. The call
// is not one that can be limited: who pays before can't.
func (k *call) sendsOn(t *proxy.Target) bool {
	return !k.core.controlled(&k.shared(k.leg(t)).Callee)
}

func (k *call) redirected(now time.Time, t *proxy.Target, m *wire.Message) []proxy.Group {
	if groups, known := k.redirects[t]; known {
		delete(k.redirects, t)
		return groups
	}
	return k.redirect(now, t, m)
}

// askRedirected finds where a 3xx leads, and asks for the offer of the INVITE as
// it is to be said there.
func (k *call) askRedirected(now time.Time, t *proxy.Target, m, invite *wire.Message) *question {
	groups, known := k.redirects[t]
	if !known {
		groups = k.redirect(now, t, m)
		if k.redirects == nil {
			k.redirects = map[*proxy.Target][]proxy.Group{}
		}
		k.redirects[t] = groups
	}
	if invite == nil {
		return nil
	}
	return k.askOffer(invite, groups)
}

func (k *call) redirect(now time.Time, t *proxy.Target, m *wire.Message) []proxy.Group {
	by := k.leg(t)
	callee := k.shared(by).Callee
	if callee.Subscriber == "" || len(k.forwards) >= maxForwards {
		return nil
	}
	uri, ok := redirection(m)
	if !ok {
		return nil
	}
	plan := k.core.forwardPlan(uri, callee)
	to := k.core.callee(plan)
	if plan.Outcome == routing.Refuse || k.knows(to) {
		return nil
	}
	groups, status, _ := k.core.targets(now, plan)
	if status != 0 {
		return nil
	}
	f := forward{event: k.event, by: by}
	f.event.Leg, f.event.Type = len(k.forwards)+1, billing.CallForwardResponse
	to.Dialled = to.User
	if u, err := wire.ParseURI(uri); err == nil {
		to.Dialled = wire.Unescape(u.User)
	}
	f.event.Caller, f.event.Callee = callee, to
	f.event.Caller.Dialled = ""
	k.forwards = append(k.forwards, f)
	k.mark(groups, len(k.forwards))
	return groups
}

// redirection is the first SIP URI among the contacts of a 3xx.
func redirection(m *wire.Message) ([]byte, bool) {
	for v := m.Values(wire.HdrContact); v.Next(); {
		addr, err := wire.ParseNameAddr(v.Value())
		if err != nil {
			continue
		}
		if uri, err := wire.ParseURI(addr.URI); err == nil && uri.IsSIP() {
			return addr.URI, true
		}
	}
	return nil, false
}

// forwardPlan asks the router where a call goes that a callee sends on.
func (c *Core) forwardPlan(uri []byte, from billing.Endpoint) routing.Plan {
	ctx, cancel := c.context()
	defer cancel()
	return c.Router.Plan(ctx, routing.Facts{
		RequestURI: uri,
		Caller:     &routing.Subscriber{ID: from.Subscriber, Username: from.User, Domain: from.Domain, Number: from.Number},
	})
}

// callee is whom a plan leads to.
func (c *Core) callee(plan routing.Plan) billing.Endpoint {
	e := billing.Endpoint{Number: plan.Number, User: plan.Number, Peer: plan.Peer.Name}
	if plan.Outcome != routing.Deliver {
		return e
	}
	e.User, e.Domain = plan.Callee.Username, plan.Callee.Domain
	ctx, cancel := c.context()
	defer cancel()
	if to, err := c.Directory.Subscriber(ctx, e.User, e.Domain); err == nil {
		e.Subscriber, e.Account = strconv.FormatInt(to.SubscriberID, 10), strconv.FormatInt(to.CustomerID, 10)
	}
	return e
}

// shared are the fields that the events of a leg share.
func (k *call) shared(leg int) *billing.Event {
	if leg == 0 {
		return &k.event
	}
	return &k.forwards[leg-1].event
}

// knows reports whether the call has been sent to somebody already.
func (k *call) knows(to billing.Endpoint) bool {
	for leg := range len(k.forwards) + 1 {
		had := k.shared(leg).Callee
		if had.User == to.User && strings.EqualFold(had.Domain, to.Domain) {
			return true
		}
	}
	return false
}

// mark notes which leg targets belong to.
func (k *call) mark(groups []proxy.Group, leg int) {
	if k.places == nil {
		k.places = map[any]int{}
	}
	for _, g := range groups {
		for i := range g.Targets {
			t := &g.Targets[i]
			if t.Value == nil {
				t.Value = &registrar.Binding{} // of an application: nobody's, but it has to be somebody's
			}
			k.places[t.Value] = leg
		}
	}
}

// leg is the leg that a target belongs to.
func (k *call) leg(t *proxy.Target) int {
	if t == nil || k.places == nil {
		return 0
	}
	return k.places[t.Value]
}

// target is that of a branch, nil when there is none.
func target(b *proxy.Branch) *proxy.Target {
	if b == nil {
		return nil
	}
	return b.Target()
}

// via lists the forwards by which the call reached who answered, the last one
// first.
func (k *call) via() (legs []int) {
	for leg := k.answered; leg > 0; leg = k.forwards[leg-1].by {
		legs = append(legs, leg)
	}
	return legs
}

// alike are the events of the forwards that a call went by, like one of the
// call itself.
func (k *call) alike(like *billing.Event) (events []billing.Event) {
	for _, leg := range k.via() {
		e := *like
		s := k.shared(leg)
		e.Leg, e.Type, e.Caller, e.Callee = s.Leg, s.Type, s.Caller, s.Callee
		e.Media = nil // the figures are those of the call
		if e.Kind == billing.EventStart {
			diverted := e
			diverted.Kind, diverted.Code = billing.EventForward, 0
			events = append(events, diverted)
		}
		events = append(events, e)
	}
	return events
}

// noteLost writes that forwards led to nobody.
func (k *call) noteLost(like *billing.Event) {
	for i := range k.forwards {
		e, s := *like, &k.forwards[i].event
		e.Leg, e.Type, e.Caller, e.Callee, e.Media = s.Leg, s.Type, s.Caller, s.Callee, nil
		k.core.note(&e)
	}
}
