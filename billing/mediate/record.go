package mediate

import (
	"cmp"
	"reflect"

	"github.com/class5-go/class5/billing"
)

// record makes the record of a leg that ends with stop, or reports that its end
// is not known yet.
func (l *leg) record(p Policy, stop *billing.Event) (billing.CDR, bool) {
	start, fail := l.best[billing.EventStart], l.best[billing.EventFail]
	begun := cmp.Or(answered(start), answered(l.best[billing.EventStop]), answered(l.best[billing.EventInterim]))
	var c billing.CDR
	switch {
	case begun > 0 && stop != nil:
		c.Status, c.Start, c.End = billing.StatusOK, begun, stop.At
		c.Evidence = stop.Evidence
	case begun > 0 && l.closed != "":
		c.Start, c.Evidence = begun, l.closed
		c.Status, c.End = l.proven(p, begun)
	case begun > 0:
		return c, false
	case fail != nil:
		c.Status, c.End = billing.StatusOf(fail.Code), fail.At
		c.Evidence = fail.Evidence
	case l.closed != "":
		c.Status, c.End, c.Evidence = billing.StatusFailed, l.seen(), l.closed
	default:
		return c, false
	}
	if c.Evidence != "" {
		c.Flags |= billing.FlagEvidence
	}
	if begun > 0 {
		span(&c, begun, c.End)
	}
	l.describe(&c, begun > 0)
	return c, true
}

// Running returns the interim record of a leg that was answered and has not
// ended: how it stood at its last interim mark, whose number it has. It has no
// revision, is not to be charged, and the record of the leg takes its place.
func (m *Mediator) Running(key billing.LegKey) (c billing.CDR, ok bool) {
	l := m.legs[key]
	if l == nil || l.done || l.best[billing.EventInterim] == nil {
		return c, false
	}
	mark := l.best[billing.EventInterim]
	begun := cmp.Or(answered(l.best[billing.EventStart]), answered(mark))
	if begun == 0 {
		return c, false
	}
	c.Key, c.Interim, c.Status = key, mark.Seq, billing.StatusOK
	span(&c, begun, mark.At)
	l.describe(&c, true)
	return c, true
}

// span enters how long a leg that was answered went on.
func span(c *billing.CDR, begun, end billing.Millis) {
	c.Start, c.End = begun, end
	if c.End < begun {
		c.End = begun
		c.Flags |= billing.FlagClock
	}
	c.Duration = c.End - begun
}

// proven is how an answered leg without a stop ends.
func (l *leg) proven(p Policy, begun billing.Millis) (billing.Status, billing.Millis) {
	if mark := l.best[billing.EventInterim]; mark != nil && p != Fail {
		return billing.StatusOK, mark.At
	}
	return billing.StatusFailed, begun
}

// telling is the order in which events are asked for what describes a leg:
// those first that know most.
var telling = [...]billing.EventKind{
	billing.EventStart, billing.EventStop, billing.EventFail, billing.EventInterim, billing.EventAttempt,
	billing.EventForward, billing.EventTransfer,
}

// describe fills in who called whom, each field from the first event that has
// it, and the media figures from the last.
func (l *leg) describe(c *billing.CDR, answered bool) {
	for _, k := range telling {
		e := l.best[k]
		if e == nil {
			continue
		}
		c.CallID, c.FromTag, c.Leg, c.Type, c.Init = e.CallID, e.FromTag, e.Leg, e.Type, e.Init
		c.ToTag = cmp.Or(c.ToTag, e.ToTag)
		c.Node = cmp.Or(c.Node, e.Node)
		c.Source = cmp.Or(c.Source, e.Source)
		fill(&c.Caller, e.Caller)
		fill(&c.Callee, e.Callee)
		if answered == (k != billing.EventFail) {
			c.Code = cmp.Or(c.Code, e.Code)
		}
	}
	if answered {
		c.Code = cmp.Or(c.Code, 200)
	}
	for _, k := range [...]billing.EventKind{billing.EventStop, billing.EventFail, billing.EventInterim, billing.EventStart} {
		if e := l.best[k]; e != nil && len(e.Media) > 0 {
			c.Media = e.Media
			break
		}
	}
}

func fill(to *billing.Endpoint, from billing.Endpoint) {
	to.Subscriber = cmp.Or(to.Subscriber, from.Subscriber)
	to.Account = cmp.Or(to.Account, from.Account)
	to.User = cmp.Or(to.User, from.User)
	to.Domain = cmp.Or(to.Domain, from.Domain)
	to.Number = cmp.Or(to.Number, from.Number)
	to.Dialled = cmp.Or(to.Dialled, from.Dialled)
	to.Peer = cmp.Or(to.Peer, from.Peer)
}

// same compares two records before they get key and revision.
func same(a, b billing.CDR) bool { return reflect.DeepEqual(a, b) }
