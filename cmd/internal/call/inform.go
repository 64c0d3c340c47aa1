package call

import (
	"errors"
	"time"

	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/sip/b2bua"
	"github.com/class5-go/class5/sip/dialog"
)

// maxInforms bounds the digits that wait to be told to one side.
const maxInforms = 64

// informing tells one side of digits by INFO, one after the other: a request
// may overtake another, digits must not.
type informing struct {
	queue []dtmf.Digit
	busy  bool // one is under way
	gone  bool // the side does not take them
}

// Dialled takes a digit that the relay heard from the party with a tag, in the
// media session of a call. secret: it is kept from the others.
func (c *Core) Dialled(now time.Time, id, tag string, d dtmf.Digit, secret bool) {
	k := c.informed[id]
	if k == nil || !d.Ended {
		return
	}
	from := dialog.Caller
	switch tag {
	case k.record.Legs[dialog.Caller].Tag:
	case k.record.Legs[dialog.Callee].Tag:
		from = dialog.Callee
	default:
		return // of a branch that was not taken
	}
	if k.ways[from] == DigitsBlock || secret {
		c.Stats.Digits.WithLabelValues("blocked").Inc()
		return
	}
	if !told(k.ways[from.Other()], k.ways[from]) {
		return
	}
	to := &k.outbox[from.Other()]
	if len(to.queue) >= maxInforms || to.gone {
		c.Stats.Digits.WithLabelValues("lost").Inc()
		return
	}
	d.Duration = min(max(d.Duration, shortestKey), longestKey)
	to.queue = append(to.queue, d)
	k.inform(now, from.Other())
}

// inform tells a side of the next digit if it can be told now.
func (k *limited) inform(now time.Time, side dialog.Side) {
	x := &k.outbox[side]
	for len(x.queue) > 0 && !x.busy && !x.gone && k.joint.b2bua != nil {
		body, err := dtmf.FormatInfo(dtmf.TypeRelay, x.queue[0])
		if err != nil { // an event that is no key
			x.queue = x.queue[1:]
			continue
		}
		x.busy = true
		err = k.joint.b2bua.Inform(now, side, dtmf.TypeRelay, body, func(now time.Time, status int) {
			x.busy = false
			k.informedOf(side, status)
			k.inform(now, side)
		})
		if err != nil {
			x.busy = false
			if errors.Is(err, b2bua.ErrEarly) {
				return // told when the dialog is there
			}
			k.core.Stats.Digits.WithLabelValues("lost").Inc()
		}
		x.queue = x.queue[1:]
	}
}

// informedOf takes the answer of a side. One that does not know INFO, or not the
// digits in it, is not bothered again.
func (k *limited) informedOf(side dialog.Side, status int) {
	if status < 300 {
		k.core.Stats.Digits.WithLabelValues("told").Inc()
		return
	}
	k.core.Stats.Digits.WithLabelValues("lost").Inc()
	x := &k.outbox[side]
	if x.gone = x.gone || status == 405 || status == 415 || status == 481 || status == 501; x.gone {
		k.core.Stats.Digits.WithLabelValues("lost").Add(float64(len(x.queue)))
		x.queue = nil
	}
	k.core.Log.Warn("a party does not take a digit", "call_id", k.record.CallID, "side", side.String(), "status", status)
}
