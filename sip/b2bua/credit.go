package b2bua

import (
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// noCredit is the status for a call that may not begin, and cutReason what
// both sides hear of one that is cut.
const (
	noCredit  = 402
	cutReason = `SIP;cause=402;text="Credit Used Up", Q.850;cause=31`
)

// Granted answers Begin or Renew of the call's Authorizer.
func (c *Call) Granted(now time.Time, g Grant) {
	switch {
	case c.state == Ended || !c.begun:
	case c.state == Authorizing && g.Total < time.Second:
		c.Refused(now, 0, "")
	case c.state == Authorizing:
		c.grant, c.asked, c.state = g, now, Calling
		c.b.cfg.Layer.Stop(&c.limit)
		c.schedule(now)
		c.next(now)
	default:
		c.renewing = false
		g.Total = max(g.Total, c.grant.Total)
		c.grant = g
		c.schedule(now)
	}
}

// Regranted replaces the last grant by one that may be less: somebody else has
// come to pay for a part of the call. It answers Renew as well.
func (c *Call) Regranted(now time.Time, g Grant) {
	if c.state == Ended || !c.begun || c.state == Authorizing {
		return
	}
	c.renewing, c.grant = false, g
	c.schedule(now)
}

// Refused answers Begin: the caller gets the status (402 for 0), phrase and
// header fields. As an answer to Renew it says that there is no more: the call
// ends with what was granted.
func (c *Call) Refused(now time.Time, status int, phrase string, fields ...wire.Field) {
	switch {
	case c.state == Ended || !c.begun:
	case c.state == Authorizing:
		c.b.stats.Refused++
		if status < 300 {
			status = noCredit
		}
		c.finish(now, ending{cause: dialog.CauseRefused, status: status, phrase: phrase, fields: fields})
	default:
		c.renewing = false
		c.grant.Final = true
		c.grant.ValidUntil = time.Time{}
		c.schedule(now)
	}
}

// indecision is a Call whose Authorizer does not answer.
type indecision Call

func (i *indecision) Expire(now time.Time) {
	c := (*Call)(i)
	if c.state == Authorizing {
		c.Refused(now, 503, "")
	}
}

// Grant is the last one.
func (c *Call) Grant() Grant { return c.grant }

// schedule sets the timers of the credit.
func (c *Call) schedule(now time.Time) {
	if !c.begun {
		return
	}
	layer, g := c.b.cfg.Layer, &c.grant
	var renew, cut time.Time
	if c.state == Answered {
		cut = c.answered.Add(g.Total)
		if g.Renew > 0 && !g.Final {
			renew = c.answered.Add(g.Renew)
		}
		layer.Start(&c.cut, cut, (*cutOff)(c))
		c.warning(now)
	}
	if until := g.ValidUntil; !until.IsZero() && (cut.IsZero() || until.Before(cut)) {
		if at := until.Add(-c.b.cfg.Early); renew.IsZero() || at.Before(renew) {
			renew = at
		}
	}
	if renew.IsZero() || c.renewing {
		layer.Stop(&c.renew)
		return
	}
	// A store that grants what is over already is not asked without end.
	if next := c.asked.Add(time.Second); renew.Before(next) {
		renew = next
	}
	layer.Start(&c.renew, renew, (*renewal)(c))
}

// warning sets the timer of the warning.
func (c *Call) warning(now time.Time) {
	w, ok := c.plan.Handler.(Warner)
	if !ok {
		return
	}
	total := c.expected()
	if total == 0 {
		c.b.cfg.Layer.Stop(&c.warn)
		return
	}
	at := c.answered.Add(total - c.b.cfg.Warn)
	if c.warned && at.After(now) {
		c.warned = false // there was more credit since
	}
	if !c.warned {
		c.b.cfg.Layer.Start(&c.warn, at, &warning{call: c, to: w})
	}
}

// expected is how long the call can last as far as is known, 0 when nothing is.
func (c *Call) expected() time.Duration {
	if c.grant.Final {
		return c.grant.Total
	}
	return c.grant.Expected
}

// warning is a Call whose end is near.
type warning struct {
	call *Call
	to   Warner
}

func (w *warning) Expire(now time.Time) {
	c := w.call
	if c.state != Answered || c.warned {
		return
	}
	c.warned = true
	w.to.Warn(now, c, max(0, c.answered.Add(c.expected()).Sub(now)))
}

// renewal is a Call that needs more.
type renewal Call

func (r *renewal) Expire(now time.Time) {
	c := (*Call)(r)
	if c.state == Ended || c.renewing {
		return
	}
	c.renewing, c.asked = true, now
	c.plan.Authorizer.Renew(now, c, c.Used(now))
}

// cutOff is a Call that has used up what was granted.
type cutOff Call

func (o *cutOff) Expire(now time.Time) {
	c := (*Call)(o)
	if end := c.answered.Add(c.grant.Total + c.b.cfg.Overrun); c.renewing && now.Before(end) {
		c.b.stats.Overruns++
		c.b.cfg.Layer.Start(&c.cut, end, o)
		return
	}
	c.b.stats.CutOff++
	c.finish(now, ending{cause: dialog.CauseCredit, reason: cutReason})
}

var _ transaction.Expirer = (*cutOff)(nil)
