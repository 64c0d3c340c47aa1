package call

import (
	"context"
	"errors"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/b2bua"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// limited is a call that runs through the B2BUA: its record is kept here and
// not by the tracker.
type limited struct {
	*call
	joint   *joint
	targets []proxy.Group // of the INVITE
	ready   prepared      // for the request that the B2BUA takes next
	outbox  [2]informing  // digits to be told, by whom they are for

	spending bool   // those who pay have begun
	settle   func() // they are to be told of the end when the figures of the media are there
}

// prepared is what the relay has been asked for a request.
type prepared struct {
	anchor *anchor // of the request
	owed   *anchor // of the INVITE whose answer a PRACK has
	// pressed is a digit, answered here.
	pressed *pressed
}

var (
	_ b2bua.Handler         = (*limited)(nil)
	_ b2bua.Authorizer      = (*limited)(nil)
	_ b2bua.BranchHandler   = (*limited)(nil)
	_ b2bua.RedirectHandler = (*limited)(nil)
	_ b2bua.Warner          = (*limited)(nil)
)

// beginLimited takes on a call that somebody pays for before.
func (c *Core) beginLimited(now time.Time, tx *transaction.Server, m *wire.Message, k *call, targets []proxy.Group) {
	k.event.Sanitize() // its key names the session
	j := &joint{call: k}
	if _, err := j.pay(0); err != nil {
		r := proxyRefusal(err)
		c.Log.Error("a prepaid call can not begin", "call_id", k.event.CallID, "error", directory.Cause(err))
		c.refuse(now, tx, m, r.Status, r.Reason, r.Fields...)
		e := k.event
		e.Kind, e.Code, e.At = billing.EventFail, r.Status, billing.MillisOf(now)
		c.note(&e)
		return
	}
	id, uri := c.dialogID(m.CallID())
	k.anchored(id, m)
	k.record = &dialog.Record{ID: id, CallID: string(m.CallID()), Invited: now, Facts: k}
	k.record.Legs[dialog.Caller].Tag = string(m.FromTag())
	c.startInterims(now)
	c.show(k)
	c.count(m, 0)
	l := &limited{call: k, joint: j, targets: targets}
	k.settled = l.release
	k.limited = l
	if !c.Digits.off() && c.Keys != nil { // it may be sent on to somebody who wants INFO
		c.informed[id] = l
	}
	c.b2bua.Start(now, tx, m, b2bua.Plan{ID: id, Groups: targets, RecordRoute: "<" + uri + ">", Authorizer: l, Handler: l})
}

// Begin implements b2bua.Authorizer: the relay is asked before the account.
func (k *limited) Begin(now time.Time, c *b2bua.Call) {
	q := k.askOffer(c.Invite(), k.targets)
	if q == nil {
		k.spend(now, c)
		return
	}
	k.media.ask(now, &question{ask: q.ask, then: func(now time.Time) {
		q.then(now)
		switch err := k.anchor.refused(); {
		case c.State() != b2bua.Authorizing:
		case err != nil:
			k.anchor.failed("offer", err)
			c.End(now, dialog.CauseRefused, refusal(err).Status, "")
		default:
			k.spend(now, c)
		}
	}})
}

func (k *limited) spend(now time.Time, c *b2bua.Call) {
	k.spending = true
	k.joint.Begin(now, c)
}

// Renew implements b2bua.Authorizer.
func (k *limited) Renew(now time.Time, c *b2bua.Call, used time.Duration) {
	k.joint.Renew(now, c, used)
}

// End implements b2bua.Authorizer. It comes after Ended, which asks the relay
// for the figures that can say when the call was over.
func (k *limited) End(now time.Time, c *b2bua.Call, used time.Duration) {
	if !k.spending {
		return
	}
	k.settle = func() {
		for _, s := range k.joint.shares {
			s.spender.Until(k.until)
		}
		k.joint.End(now, c, used)
	}
	if k.reported {
		k.settle()
	}
}

// release tells those who pay of the end if it has come already.
func (k *limited) release() {
	if k.settle != nil {
		k.settle()
	}
}

func (c *Core) spender(ctx context.Context, side billing.Side, e *billing.Event) (Spender, error) {
	if c.Credit == nil {
		return nil, &proxy.Refusal{Status: 503, Reason: "Credit Not Known"}
	}
	return c.Credit.Spender(ctx, side, e)
}

// Answered implements b2bua.Handler.
func (k *limited) Answered(_ time.Time, c *b2bua.Call) {
	r := k.record
	r.State, r.Answered, r.Status = dialog.Confirmed, c.Answered(), c.Status()
	_, r.Legs[dialog.Callee].Tag = c.Tags()
	k.core.Opened(r)
}

// Ended implements b2bua.Handler.
func (k *limited) Ended(_ time.Time, c *b2bua.Call) {
	r := k.record
	r.State, r.Ended = dialog.Ended, c.Ended()
	r.Cause, r.EndedBy = c.Cause()
	r.Status = c.Status()
	k.core.Closed(r)
}

// BranchEnded implements b2bua.BranchHandler.
func (k *limited) BranchEnded(now time.Time, _ *b2bua.Call, t *proxy.Target, status int) {
	to := k.shared(k.leg(t)).Callee
	k.core.flowGone(now, t, status, to.User+"@"+to.Domain)
}

// Redirected implements b2bua.RedirectHandler.
func (k *limited) Redirected(now time.Time, _ *b2bua.Call, t *proxy.Target, m *wire.Message) []proxy.Group {
	groups := k.redirected(now, t, m)
	if len(groups) == 0 {
		return nil
	}
	k.shared(len(k.forwards)).Sanitize() // its key names the session
	added, err := k.joint.pay(len(k.forwards))
	if err != nil {
		k.core.Log.Error("a prepaid customer can not send a call on", "call_id", k.event.CallID, "error", directory.Cause(err))
		k.forwards = k.forwards[:len(k.forwards)-1]
		return nil
	}
	k.joint.join(now, added)
	return groups
}

// Warn implements b2bua.Warner.
func (k *limited) Warn(now time.Time, c *b2bua.Call, left time.Duration) {
	k.core.Stats.Warned.Inc()
	if k.core.Warn == nil {
		return
	}
	tag, _ := c.Tags()
	var err error
	k.media.ask(now, &question{
		ask: func(ctx context.Context) { err = k.core.Warn(ctx, k.record.ID, tag, left) },
		then: func(time.Time) {
			if err != nil {
				k.core.Log.Warn("a caller was not warned", "call_id", k.record.CallID, "error", err)
			}
		},
	})
}

// heard notes where signalling of a side comes from.
func (c *Core) heard(m *wire.Message, src Source) {
	call, side, ok := c.b2bua.Lookup(m)
	if !ok || !src.Addr.Addr().IsValid() {
		return
	}
	if k, ok := call.Handler().(*limited); ok {
		k.sources[side] = src.Addr.Addr()
	}
}

// each visits all calls that are recorded here.
func (c *Core) each(visit func(*dialog.Record)) {
	c.calls.Each(func(r *dialog.Record) bool { visit(r); return true })
	c.b2bua.Each(func(b *b2bua.Call) bool { visit(b.Handler().(*limited).record); return true })
}

// closeLimited ends the calls of the B2BUA with the element.
func (c *Core) closeLimited(now time.Time) {
	var all []*b2bua.Call
	c.b2bua.Each(func(b *b2bua.Call) bool { all = append(all, b); return true })
	for _, b := range all {
		b.End(now, dialog.CauseShutdown, 503, "")
	}
}

// endLimited hangs up a call of the B2BUA.
func (c *Core) endLimited(now time.Time, id string, cause dialog.Cause) {
	var found *b2bua.Call
	c.b2bua.Each(func(b *b2bua.Call) bool {
		if b.ID() == id {
			found = b
		}
		return found == nil
	})
	if found != nil {
		found.End(now, cause, 480, reason(480, cause))
	}
}

// proxyRefusal is what a caller gets for an error.
func proxyRefusal(err error) *proxy.Refusal {
	var r *proxy.Refusal
	if errors.As(err, &r) {
		return r
	}
	return &proxy.Refusal{Status: 503}
}
