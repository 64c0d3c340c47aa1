package mediate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/class5-go/class5/billing"
)

// BaseCallID returns the Call-ID of the call that a leg belongs to: without
// the suffixes "_pbx-1", "_xfer-1" and so on, of any number and in any chain,
// that back-to-back user agents append.
func BaseCallID(id string) string {
	for {
		rest := strings.TrimRight(id, "0123456789")
		cut, ok := strings.CutSuffix(rest, "_pbx-")
		if !ok {
			cut, ok = strings.CutSuffix(rest, "_xfer-")
		}
		if !ok || cut == "" || len(rest) == len(id) {
			return id
		}
		id = cut
	}
}

// call is the legs of one base Call-ID. They share an end: the forwards of a
// call have one BYE between them, and a transferred call ends with the one that
// it became.
type call struct {
	legs      []*leg
	only      [1]*leg  // room for legs: most calls have no more
	referrers []string // base Call-IDs of calls that were transferred to this one
}

// longestChain bounds how often a call is transferred.
const longestChain = 16

// join adds a new leg to its call.
func (m *Mediator) join(l *leg, id string) {
	l.base = BaseCallID(id)
	c := m.call(l.base)
	if c.legs == nil {
		c.legs = c.only[:0]
	}
	c.legs = append(c.legs, l)
}

func (m *Mediator) call(base string) *call {
	c := m.calls[base]
	if c == nil {
		c = &call{}
		m.calls[base] = c
	}
	return c
}

// refer notes that a transfer makes the end of another call that of this one.
func (m *Mediator) refer(l *leg) {
	e := l.best[billing.EventTransfer]
	if e == nil {
		return
	}
	to := m.call(BaseCallID(e.Refer))
	if !slices.Contains(to.referrers, l.base) {
		to.referrers = append(to.referrers, l.base)
	}
}

// touched returns the legs whose record may change with an event of l: l first,
// then those of its call and of the calls transferred to it.
func (m *Mediator) touched(l *leg) []*leg {
	own := m.calls[l.base]
	if len(own.legs) == 1 && len(own.referrers) == 0 {
		return own.legs
	}
	out := []*leg{l}
	seen := map[string]bool{}
	for at := []string{l.base}; len(at) > 0; at = at[1:] {
		c := m.calls[at[0]]
		if c == nil || seen[at[0]] {
			continue
		}
		seen[at[0]] = true
		for _, o := range c.legs {
			if o != l {
				out = append(out, o)
			}
		}
		at = append(at, c.referrers...)
	}
	slices.SortFunc(out[1:], func(a, b *leg) int {
		return cmp.Or(cmp.Compare(a.number(), b.number()), slices.Compare(a.key[:], b.key[:]))
	})
	return out
}

// end returns the stop that ends a leg: its own, or the first one of its call,
// or that of the call it was transferred to. One that is not its own does not
// count when the leg was answered or proven alive later.
func (m *Mediator) end(l *leg) *billing.Event {
	if own := l.best[billing.EventStop]; own != nil {
		return own
	}
	c := m.calls[l.base]
	if len(c.legs) == 1 && l.best[billing.EventTransfer] == nil {
		return nil
	}
	var stop *billing.Event
	if l.kind() != billing.CallTransfer {
		stop = c.stop()
	}
	for base, n := l.base, 0; stop == nil && n < longestChain; n++ {
		if base = m.calls[base].transferred(); base == "" || m.calls[base] == nil {
			break
		}
		stop = m.calls[base].stop()
	}
	if stop == nil || stop.At < l.proof() {
		return nil
	}
	return stop
}

// stop returns the first stop of the call's legs, transfers apart.
func (c *call) stop() *billing.Event {
	var first *billing.Event
	for _, l := range c.legs {
		e := l.best[billing.EventStop]
		if e != nil && e.Type != billing.CallTransfer && (first == nil || e.At < first.At || e.At == first.At && counts(e, first)) {
			first = e
		}
	}
	return first
}

// transferred returns the base Call-ID of the call that this one became.
func (c *call) transferred() string {
	var first *billing.Event
	for _, l := range c.legs {
		if e := l.best[billing.EventTransfer]; e != nil && (first == nil || counts(e, first)) {
			first = e
		}
	}
	if first == nil {
		return ""
	}
	return BaseCallID(first.Refer)
}

// leave forgets a call of which every leg is forgotten.
func (m *Mediator) leave(l *leg) {
	c := m.calls[l.base]
	if c == nil {
		return
	}
	c.legs = slices.DeleteFunc(c.legs, func(o *leg) bool { return o == l })
	if e := l.best[billing.EventTransfer]; e != nil {
		to := BaseCallID(e.Refer)
		if t := m.calls[to]; t != nil {
			t.referrers = slices.DeleteFunc(t.referrers, func(s string) bool { return s == l.base })
			if len(t.legs)+len(t.referrers) == 0 {
				delete(m.calls, to)
			}
		}
	}
	if len(c.legs)+len(c.referrers) == 0 {
		delete(m.calls, l.base)
	}
}

// over reports whether a call can be forgotten, and those that were transferred
// to it, for they have their ends from it: every leg is complete and has been
// remembered for long enough.
func (m *Mediator) over(base string, at billing.Millis, depth int) bool {
	c := m.calls[base]
	for _, l := range c.legs {
		if !l.done || l.noticed == 0 || at-l.noticed < m.linger(l) {
			return false
		}
	}
	for _, r := range c.referrers {
		if depth < longestChain && m.calls[r] != nil && !m.over(r, at, depth+1) {
			return false
		}
	}
	return true
}

// alone reports whether only ends are known of the leg's call.
func (c *call) alone() bool {
	return !slices.ContainsFunc(c.legs, func(l *leg) bool { return !l.bare() })
}
