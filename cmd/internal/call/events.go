package call

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/routing"
	"github.com/class5-go/class5/sip/wire"
)

// event holds the fields that all events of a call share.
func (c *Core) event(now time.Time, m *wire.Message, p *directory.Profile, plan routing.Plan, src Source) billing.Event {
	dialled := ""
	domain := ""
	if uri, err := wire.ParseURI(m.RequestURI()); err == nil {
		dialled, domain = wire.Unescape(uri.User), string(uri.Host)
	}
	e := billing.Event{
		CallID: string(m.CallID()), FromTag: string(m.FromTag()), Init: billing.MillisOf(now),
		Source: src.Addr.Addr(), Node: c.Node,
		Caller: billing.Endpoint{
			Subscriber: strconv.FormatInt(p.SubscriberID, 10), Account: strconv.FormatInt(p.CustomerID, 10),
			User: p.Username, Domain: p.Domain, Number: p.Number(),
		},
		Callee: billing.Endpoint{User: dialled, Domain: domain, Number: plan.Number, Dialled: dialled},
	}
	if plan.Outcome == routing.Deliver {
		e.Callee.User, e.Callee.Domain = plan.Callee.Username, plan.Callee.Domain
		ctx, cancel := c.context()
		defer cancel()
		if to, err := c.Directory.Subscriber(ctx, plan.Callee.Username, plan.Callee.Domain); err == nil {
			e.Callee.Subscriber, e.Callee.Account = strconv.FormatInt(to.SubscriberID, 10), strconv.FormatInt(to.CustomerID, 10)
		}
	}
	return e
}

// Opened implements dialog.Observer: the start is on disk before the 2xx
// leaves, so that no answered call is without a record.
func (c *Core) Opened(r *dialog.Record) {
	k := r.Facts.(*call)
	k.event.ToTag = r.Legs[dialog.Callee].Tag
	k.event.Start = billing.MillisOf(r.Answered)
	e := k.event
	e.Kind, e.Code, e.At = billing.EventStart, r.Status, k.event.Start
	c.record(&e)
	c.show(k)
}

// Closed implements dialog.Observer: media and record end with the call.
func (c *Core) Closed(r *dialog.Record) {
	k := r.Facts.(*call)
	c.Stats.Ended.WithLabelValues(r.Cause.String()).Inc()
	c.Calls.Remove(r.ID)
	c.layer.Stop(&k.end)
	report, last := c.release(k)
	e := k.event
	e.Media, e.At, e.Code = report, billing.MillisOf(r.Ended), r.Status
	if r.Answered.IsZero() {
		e.Kind = billing.EventFail
		if e.Code < 300 {
			e.Code = 487
		}
		c.note(&e)
		return
	}
	e.Kind = billing.EventStop
	switch r.Cause {
	case dialog.CauseBye, dialog.CauseAdministrative, dialog.CauseMaxDuration, dialog.CauseShutdown:
		// The end is known: somebody or this element made it.
	default:
		e.Evidence = r.Cause.String()
		if last.After(r.Answered) && last.Before(r.Ended) {
			e.At = billing.MillisOf(last) // the last moment that is proven
		}
	}
	c.record(&e)
}

// release ends the media of a call and returns its figures and the time of the
// last packet.
func (c *Core) release(k *call) (json.RawMessage, time.Time) {
	ctx, cancel := c.context()
	defer cancel()
	report, err := c.Media.Delete(ctx, relay.DeleteRequest{CallID: k.record.ID})
	if err != nil {
		if !errors.Is(err, relay.ErrUnknownCall) { // a call without description has no media
			c.Stats.MediaFailures.WithLabelValues("delete").Inc()
			c.Log.Warn("media not released", "call_id", k.record.CallID, "error", err)
		}
		return nil, time.Time{}
	}
	report.CallID = k.record.CallID
	var last time.Time
	for _, leg := range report.Legs {
		for _, s := range leg.Streams {
			if s.Received.Last.After(last) {
				last = s.Received.Last
			}
		}
	}
	b, err := json.Marshal(report)
	if err != nil {
		c.Log.Error("media figures", "error", err)
		return nil, last
	}
	return b, last
}

// note keeps an event that may be lost. Whatever a peer put into its headers,
// the event must be storable: a refused one would be a free call.
func (c *Core) note(e *billing.Event) {
	e.Sanitize()
	c.Events.Note(e)
}

func (c *Core) record(e *billing.Event) {
	e.Sanitize()
	ctx, cancel := c.context()
	defer cancel()
	if err := c.Events.Record(ctx, e); err != nil {
		c.Stats.Unrecorded.Inc()
		c.Log.Error("billing event not stored", "call_id", e.CallID, "kind", e.Kind.String(), "error", err)
	}
}

func (c *Core) interimEvery() time.Duration {
	if c.Interim > 0 {
		return c.Interim
	}
	return 15 * time.Second
}

// proveAlive writes an interim for each answered call: after a crash its end is
// concluded from the last one.
func (c *Core) proveAlive(now time.Time) {
	if now.Before(c.interim) {
		return
	}
	c.interim = now.Add(c.interimEvery())
	c.calls.Each(func(r *dialog.Record) bool {
		if r.State == dialog.Confirmed {
			k := r.Facts.(*call)
			k.marks++
			e := k.event
			e.Kind, e.Seq, e.Code, e.At = billing.EventInterim, k.marks, r.Status, billing.MillisOf(now)
			c.note(&e)
		}
		return true
	})
}

// show puts the call's state into the table that others read.
func (c *Core) show(k *call) {
	party := func(e billing.Endpoint) string {
		if e.Domain == "" {
			return e.User
		}
		return e.User + "@" + e.Domain
	}
	c.Calls.Put(dialog.Call{
		ID: k.record.ID, CallID: k.record.CallID, State: k.record.State.String(),
		Caller: party(k.event.Caller), Callee: party(k.event.Callee),
		Invited: k.record.Invited, Answered: k.record.Answered,
	})
}
