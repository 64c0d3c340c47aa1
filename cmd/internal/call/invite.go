package call

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/routing"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// call is what this package adds to a dialog record.
type call struct {
	core    *Core
	record  *dialog.Record
	context *proxy.Context // of the initial INVITE, nil when it has ended
	event   billing.Event  // the fields that all events of the call share
	sources [2]netip.Addr  // where signalling of each side comes from, by dialog.Side
	anchor  *anchor        // of the initial INVITE
	invites [2]*anchor     // of the last INVITE of each side: its ACK can have the answer
	doomed  bool           // it is to end as soon as it is answered
	end     transaction.Timer
	marks   uint32 // interims written
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
	p := c.caller(now, tx, m, digest.Proxy, wire.HdrFrom)
	if p == nil {
		return
	}
	plan := c.plan(m, p)
	event := c.event(now, m, p, plan, src)
	targets, status, reason := c.targets(now, plan)
	if status == 0 && c.Events.Ready() != nil {
		status, reason = 503, "Calls Can Not Be Recorded"
	}
	if status != 0 {
		c.refuse(now, tx, m, status, reason)
		event.Kind, event.Code, event.At = billing.EventFail, status, billing.MillisOf(now)
		c.note(&event)
		return
	}
	c.begin(now, tx, m, &call{core: c, event: event, sources: [2]netip.Addr{dialog.Caller: src.Addr.Addr()}}, targets)
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
	k.anchor = newAnchor(c, id, m)
	k.invites[dialog.Caller] = k.anchor
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
	if c.interim.IsZero() || c.calls.Len() == 1 {
		c.interim = now.Add(c.interimEvery())
	}
	c.show(k)
	c.count(m, 0)
	k.context = c.proxy.Start(now, tx, m, proxy.Plan{Groups: targets, RecordRoute: []byte("<" + uri + ">"), Call: k})
	if r.State == dialog.Ended {
		k.context = nil
	}
}

// plan asks the router where the request goes.
func (c *Core) plan(m *wire.Message, caller *directory.Profile) routing.Plan {
	ctx, cancel := c.context()
	defer cancel()
	return c.Router.Plan(ctx, routing.Facts{
		RequestURI: m.RequestURI(),
		Caller: &routing.Subscriber{
			Username: caller.Username, Domain: caller.Domain, Number: caller.Number(), Locked: caller.Locked,
		},
	})
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

// ringTime is how long contacts of a higher preference ring before those of
// the next are tried.
const ringTime = 20 * time.Second

func group(bindings []registrar.Binding) []proxy.Group {
	slices.SortStableFunc(bindings, func(a, b registrar.Binding) int { return int(b.Q) - int(a.Q) })
	var groups []proxy.Group
	for i := range bindings {
		b := &bindings[i]
		if i == 0 || bindings[i-1].Q != b.Q {
			if i > 0 {
				groups[len(groups)-1].Timeout = ringTime
			}
			groups = append(groups, proxy.Group{})
		}
		g := &groups[len(groups)-1]
		g.Targets = append(g.Targets, proxy.Target{URI: []byte(b.Contact), Route: routes(b.Path), Value: b})
	}
	return groups
}

// routes splits a Path vector, which is kept as one header value.
func routes(path string) [][]byte {
	var list [][]byte
	quoted, angle, start := false, 0, 0
	for i := 0; i <= len(path); i++ {
		switch {
		case i == len(path) || path[i] == ',' && !quoted && angle == 0:
			if v := strings.TrimSpace(path[start:i]); v != "" {
				list = append(list, []byte(v))
			}
			start = i + 1
		case path[i] == '\\' && quoted:
			i++
		case path[i] == '"' && angle == 0:
			quoted = !quoted
		case path[i] == '<' && !quoted:
			angle++
		case path[i] == '>' && !quoted:
			angle--
		}
	}
	return list
}

// Forward implements proxy.Call: the copy leaves without credentials and with
// media through the relay.
func (k *call) Forward(_ time.Time, _ *proxy.Branch, m *wire.Message, e *wire.Edit) error {
	strip(e)
	return k.anchor.offer(m, "", k.sources[dialog.Caller], e)
}

// Response implements proxy.Call.
func (k *call) Response(now time.Time, _ *proxy.Context, b *proxy.Branch, m *wire.Message, e *wire.Edit) {
	e.RemoveName("P-Edge")
	var source netip.Addr
	if b != nil && m.Status() < 300 && k.record.State != dialog.Ended {
		if to, ok := b.Target().Value.(*registrar.Binding); ok {
			source = to.Source.Addr()
		}
		if err := k.anchor.answer(m, source, m.Status() < 200, e); err != nil && m.Status() >= 200 {
			k.doomed = true
		}
	}
	before := k.record.State
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
	k.core.flowGone(now, b, status, k.event.Callee.User+"@"+k.event.Callee.Domain)
}

// flowGone removes the binding of a flow that is gone (430, RFC 5626 section
// 5.3.1), unless its client has registered over another one since.
func (c *Core) flowGone(now time.Time, b *proxy.Branch, status int, aor string) {
	to, ok := b.Target().Value.(*registrar.Binding)
	if status != 430 || !ok {
		return
	}
	ctx, cancel := c.context()
	defer cancel()
	gone := false
	err := c.Bindings.Update(ctx, aor, now, func(bindings []registrar.Binding) ([]registrar.Binding, error) {
		before := len(bindings)
		bindings = slices.DeleteFunc(bindings, func(b registrar.Binding) bool {
			return b.Key() == to.Key() && b.Contact == to.Contact && b.Path == to.Path
		})
		gone = len(bindings) < before
		return bindings, nil
	})
	if err != nil {
		c.Log.Error("the location store does not answer", "error", directory.Cause(err))
		return
	}
	if gone {
		c.Stats.Changes.Add(1)
	}
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

// letter is the proxy.Call of requests that make no dialog.
type letter struct {
	core *Core
	aor  string // whom it is for, "" for an application
}

func (letter) Forward(_ time.Time, _ *proxy.Branch, _ *wire.Message, e *wire.Edit) error {
	strip(e)
	return nil
}

func (letter) Response(_ time.Time, _ *proxy.Context, _ *proxy.Branch, _ *wire.Message, e *wire.Edit) {
	e.RemoveName("P-Edge")
}

// BranchEnded implements proxy.BranchCall.
func (l letter) BranchEnded(now time.Time, b *proxy.Branch, status int) {
	l.core.flowGone(now, b, status, l.aor)
}

func (letter) Ended(time.Time, *proxy.Context) {}
