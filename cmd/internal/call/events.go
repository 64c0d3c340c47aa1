package call

import (
	"encoding/json"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/routing"
	"github.com/class5-go/class5/sip/wire"
)

// event holds the fields that all events of a call share.
func (c *Core) event(now time.Time, m *wire.Message, from *origin, plan routing.Plan, src Source) billing.Event {
	dialled := ""
	domain := ""
	if uri, err := wire.ParseURI(m.RequestURI()); err == nil {
		dialled, domain = wire.Unescape(uri.User), string(uri.Host)
		if wire.EqualFold(uri.Scheme, "urn") {
			dialled = string(m.RequestURI())
		}
	}
	e := billing.Event{
		CallID: string(m.CallID()), FromTag: string(m.FromTag()), Init: billing.MillisOf(now),
		Source: src.Addr.Addr(), Node: c.Node, Caller: from.Endpoint,
		Callee: billing.Endpoint{User: dialled, Domain: domain, Number: plan.Number, Dialled: dialled, Peer: plan.Peer.Name},
	}
	if plan.Outcome == routing.Deliver {
		e.Callee = c.callee(plan)
		e.Callee.Dialled = dialled
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
	c.recordAll(append(k.alike(&e), e))
	c.show(k)
	k.takeDigits(r.Answered)
	if c.Watch != nil && !k.emergency {
		c.Watch.Answered(r.ID, &e)
	}
}

// Closed implements dialog.Observer: media and record end with the call.
func (c *Core) Closed(r *dialog.Record) {
	k := r.Facts.(*call)
	c.Stats.Ended.WithLabelValues(r.Cause.String()).Inc()
	c.Calls.Remove(r.ID)
	delete(c.informed, r.ID)
	if c.Watch != nil {
		c.Watch.Ended(r.ID)
	}
	c.layer.Stop(&k.end)
	if c.Beside != nil && !r.Answered.IsZero() {
		// The figures may be long in coming. What is on disk now is as good when
		// they never do, since a call without a stop ends with its last proof of life.
		c.recordAll(k.proof(r.Ended))
	}
	k.media.end(r.Ended, func(_ time.Time, report relay.Report) {
		c.conclude(k, report)
		if k.reported = true; k.settled != nil {
			k.settled()
		}
	})
}

// conclude writes the last events of a call.
func (c *Core) conclude(k *call, report relay.Report) {
	r, e := k.record, k.event
	e.At, e.Code = billing.MillisOf(r.Ended), r.Status
	var last time.Time
	e.Media, last = c.figures(k, report)
	if r.Answered.IsZero() {
		e.Kind = billing.EventFail
		if e.Code < 300 {
			e.Code = 487
		}
		c.note(&e)
		k.noteLost(&e)
		return
	}
	e.Kind = billing.EventStop
	switch r.Cause {
	case dialog.CauseBye, dialog.CauseAdministrative, dialog.CauseMaxDuration, dialog.CauseShutdown, dialog.CauseCredit, dialog.CauseLimit:
		// The end is known: somebody or this element made it.
	default:
		e.Evidence = r.Cause.String()
		if last.After(r.Answered) && last.Before(r.Ended) {
			e.At = billing.MillisOf(last) // the last moment that is proven
		}
	}
	k.until = e.At.Time()
	// The call's own stop comes first: it ends the forwards as well.
	c.recordAll(append([]billing.Event{e}, k.alike(&e)...))
}

// figures are a report as it is recorded, and the time of the last packet.
func (c *Core) figures(k *call, report relay.Report) (json.RawMessage, time.Time) {
	if report.CallID == "" {
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

// recordAll has events on disk when it returns. They are written in their
// order, so that it is enough to wait for the last.
func (c *Core) recordAll(events []billing.Event) {
	last := len(events) - 1
	for i := range last {
		c.note(&events[i])
	}
	c.record(&events[last])
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
	return time.Minute
}

// startInterims begins to write proofs of life with the first call.
func (c *Core) startInterims(now time.Time) {
	if c.interim.IsZero() || c.running() <= 1 {
		c.interim = now.Add(c.interimEvery())
	}
}

// proveAlive writes an interim for each answered call: after a crash its end is
// concluded from the last one.
func (c *Core) proveAlive(now time.Time) {
	if now.Before(c.interim) {
		return
	}
	c.interim = now.Add(c.interimEvery())
	c.each(func(r *dialog.Record) {
		if r.State == dialog.Confirmed {
			for _, e := range r.Facts.(*call).proof(now) {
				c.note(&e)
			}
		}
	})
}

// proof says that the call is alive at now.
func (k *call) proof(now time.Time) []billing.Event {
	k.marks++
	e := k.event
	e.Kind, e.Seq, e.Code, e.At = billing.EventInterim, k.marks, k.record.Status, billing.MillisOf(now)
	return append([]billing.Event{e}, k.alike(&e)...)
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
