package call

import (
	"errors"
	"net/netip"
	"strconv"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/routing"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// call is what this package adds to a dialog record.
type call struct {
	core      *Core
	record    *dialog.Record
	context   *proxy.Context                  // of the initial INVITE, nil when it has ended
	event     billing.Event                   // the fields that all events of the call share
	emergency bool                            // neither credit nor limits count
	sources   [2]netip.Addr                   // where signalling of each side comes from, by dialog.Side
	anchor    *anchor                         // of the initial INVITE
	invites   [2]*anchor                      // of the last INVITE of each side: its ACK can have the answer
	profiles  [2]Profile                      // how each side is spoken to, by dialog.Side
	ways      [2]Digits                       // how each says digits
	playing   [2]time.Time                    // until when digits of each are played
	limited   *limited                        // the same call when it runs through the B2BUA
	redirects map[*proxy.Target][]proxy.Group // what the 3xx of a target leads to, while the relay is asked
	media     *session
	begins    *waiting   // the initial INVITE while the relay is asked for its offer
	line      []*waiting // messages that wait for the relay, and those behind them
	doomed    bool       // it is to end as soon as it is answered
	until     time.Time  // the end that its record says
	reported  bool       // the figures of its media are in its record
	settled   func()     // hears of that; nil for nobody
	end       transaction.Timer
	marks     uint32 // interims written

	forwards []forward   // legs that its callees had it go on by
	places   map[any]int // the leg of each target of a forward
	answered int         // the leg that was answered
}

// invite takes an INVITE that begins a call.
func (c *Core) invite(now time.Time, tx *transaction.Server, m *wire.Message, src Source) {
	if r := c.proxy.Check(m); r != nil {
		c.proxy.Refuse(now, tx, r)
		return
	}
	if c.preloaded(m) {
		c.refuse(now, tx, m, 403, "Preloaded Route")
		return
	}
	from := c.origin(now, tx, m, src)
	if from == nil {
		return
	}
	plan := c.plan(m, from)
	event := c.event(now, m, from, plan, src)
	targets, status, reason := c.targets(now, plan)
	if plan.Emergency {
		c.Stats.Emergency.WithLabelValues(strconv.Itoa(status)).Inc()
	}
	if status == 0 && !plan.Emergency && c.Events.Ready() != nil {
		status, reason = 503, "Calls Can Not Be Recorded"
	}
	if status != 0 {
		c.refuse(now, tx, m, status, reason)
		event.Kind, event.Code, event.At = billing.EventFail, status, billing.MillisOf(now)
		c.note(&event)
		return
	}
	if from.subscriber != nil {
		c.transferred(now, m, from.subscriber)
	}
	k := &call{core: c, event: event, emergency: plan.Emergency, sources: [2]netip.Addr{dialog.Caller: src.Addr.Addr()}}
	k.profiles[dialog.Caller] = c.Profiles.profile(from.User+"@"+from.Domain, src.Transport)
	k.ways[dialog.Caller] = c.Digits.way(&from.Endpoint, src.Transport)
	if !plan.Emergency && (from.prepaid() || c.controlled(&event.Callee) || k.informs(targets)) {
		c.beginLimited(now, tx, m, k, targets)
		return
	}
	c.begin(now, tx, m, k, targets)
}

// preloaded reports whether a request outside of dialogs names its own way:
// where it goes is ours to say.
func (c *Core) preloaded(m *wire.Message) bool {
	w, err := c.proxy.Way(m)
	return err != nil || w.Own != nil || w.Next != nil
}

// begin opens the record and starts forwarding.
func (c *Core) begin(now time.Time, tx *transaction.Server, m *wire.Message, k *call, targets []proxy.Group) {
	id, uri := c.dialogID(m.CallID())
	k.anchored(id, m)
	r, err := c.calls.Begin(now, id, uri, m, k)
	if err != nil {
		status := 503
		if errors.Is(err, dialog.ErrExists) {
			status = 482
		}
		c.refuse(now, tx, m, status, "")
		return
	}
	k.record = r
	c.startInterims(now)
	c.show(k)
	c.count(m, 0)
	k.begins = &waiting{
		tx:   tx,
		need: func(_ time.Time, m *wire.Message) *question { return k.askOffer(m, targets) },
		proceed: func(now time.Time, m *wire.Message) {
			if k.begins = nil; r.State == dialog.Ended {
				return
			}
			k.context = c.proxy.Start(now, tx, m, proxy.Plan{Groups: targets, RecordRoute: []byte("<" + uri + ">"), Call: k})
			if r.State == dialog.Ended {
				k.context = nil
			}
		},
	}
	k.pass(now, m, k.begins)
}

// anchored gives a call its media session and the anchor of its INVITE.
func (k *call) anchored(id string, m *wire.Message) {
	k.media = &session{core: k.core, id: id, callID: string(m.CallID())}
	k.anchor = newAnchor(k.media, m)
	k.invites[dialog.Caller] = k.anchor
}

// plan asks the router where the request goes.
func (c *Core) plan(m *wire.Message, from *origin) routing.Plan {
	ctx, cancel := c.context()
	defer cancel()
	f := routing.Facts{RequestURI: m.RequestURI(), Peer: from.Peer}
	if p := from.subscriber; p != nil {
		f.Caller = &routing.Subscriber{Username: p.Username, Domain: p.Domain, Number: p.Number(), Locked: p.Locked, Lock: p.Lock}
	}
	return c.Router.Plan(ctx, f)
}

// targets are the contacts of a plan: all bindings, those of one preference at
// the same time. A status says why there are none.
func (c *Core) targets(now time.Time, p routing.Plan) (groups []proxy.Group, status int, reason string) {
	switch p.Outcome {
	case routing.Refuse:
		return nil, p.Status, p.Reason
	case routing.Application:
		contact, ok := c.Apps[p.Application]
		if !ok {
			return nil, 503, "Application Not Running"
		}
		return []proxy.Group{{Targets: []proxy.Target{{URI: []byte(contact)}}}}, 0, ""
	case routing.Outward:
		route := ""
		if c.Outside != nil {
			route = c.Outside([]byte(p.Number))
		}
		if route == "" {
			return nil, 503, "No Way Out"
		}
		number := "+" + p.Number
		if p.Emergency { // 112 is a number of no country
			number = p.Number
		}
		return []proxy.Group{{Targets: []proxy.Target{{
			URI: []byte("sip:" + number + "@" + p.Peer.Gateway), Route: [][]byte{[]byte(route)},
		}}}}, 0, ""
	}
	ctx, cancel := c.context()
	defer cancel()
	bindings, err := c.Bindings.Lookup(ctx, nil, p.Callee.AoR(), now)
	if err != nil {
		c.Log.Error("the location store does not answer", "error", directory.Cause(err))
		return nil, 503, ""
	}
	if len(bindings) == 0 {
		return nil, 480, ""
	}
	return group(bindings), 0, ""
}

// Forward implements proxy.Call: the copy leaves without credentials and with
// media through the relay.
func (k *call) Forward(_ time.Time, b *proxy.Branch, m *wire.Message, e *wire.Edit) error {
	strip(e)
	return k.anchor.offer(m, k.profileOf(b.Target()), e)
}

// askOffer asks for the offer of the initial INVITE as it is to be said to each
// of the targets.
func (k *call) askOffer(m *wire.Message, targets []proxy.Group) *question {
	from, _ := k.hears(dialog.Caller, m.Body())
	k.media.keys = k.media.keys || k.converts(targets)
	return k.anchor.askOffer(m, "", k.sources[dialog.Caller], from, k.profilesOf(targets)...)
}

// Response implements proxy.Call.
func (k *call) Response(now time.Time, _ *proxy.Context, b *proxy.Branch, m *wire.Message, e *wire.Edit) {
	e.RemoveName("P-Edge")
	var source netip.Addr
	if b != nil && m.Status() < 300 && k.record.State != dialog.Ended {
		source = bindingSource(b.Target())
		if err := k.anchor.answer(m, string(m.ToTag()), e); err != nil && m.Status() >= 200 {
			k.doomed = true
		}
	}
	before := k.record.State
	if m.Status()/100 == 2 && before == dialog.Early {
		k.answered = k.leg(target(b))
		if b != nil {
			k.profiles[dialog.Callee] = k.answering(b.Target(), m)
			k.ways[dialog.Callee] = k.wayOf(b.Target())
		}
	}
	k.core.calls.Response(now, k.record, m)
	switch {
	case k.record.State == dialog.Early && m.Status() < 200:
		k.core.show(k)
	case k.record.State == dialog.Confirmed && before == dialog.Early:
		k.sources[dialog.Callee] = source
		if k.doomed {
			k.endSoon(now)
		}
	}
}

// endSoon ends an answered call after its 2xx and the ACK have passed.
func (k *call) endSoon(now time.Time) {
	k.core.layer.Start(&k.end, now.Add(time.Second), (*ending)(k))
}

// ending is a call that can't go on.
type ending call

// Expire implements transaction.Expirer.
func (x *ending) Expire(now time.Time) {
	x.core.hangUp(now, x.record, dialog.CauseAdministrative, reason(488, dialog.CauseAdministrative))
}

// BranchEnded implements proxy.BranchCall.
func (k *call) BranchEnded(now time.Time, b *proxy.Branch, status int) {
	to := k.shared(k.leg(b.Target())).Callee
	k.core.flowGone(now, b.Target(), status, to.User+"@"+to.Domain)
}

// Ended implements proxy.Call.
func (k *call) Ended(now time.Time, _ *proxy.Context) {
	k.context = nil
	if k.record.State == dialog.Early {
		k.core.calls.End(now, k.record, dialog.CauseRefused)
	}
}

// strip removes what is between a client and this platform only.
func strip(e *wire.Edit) {
	e.RemoveAll(wire.HdrProxyAuthorization)
	e.RemoveAll(wire.HdrAuthorization)
	e.RemoveName("P-Edge")
}
