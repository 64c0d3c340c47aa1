package mediate_test

import (
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/mediate"
)

// TestRunning: a leg has an interim record from its first mark to its end, and
// that says how it stood at its last mark.
func TestRunning(t *testing.T) {
	mark := func(seq uint32, sec billing.Millis, more ...func(*billing.Event)) billing.Event {
		return event(billing.EventInterim, sec, append(more, func(e *billing.Event) { e.Seq = seq })...)
	}
	for name, c := range map[string]struct {
		events  []billing.Event
		seq     uint32 // 0: there is none
		seconds billing.Millis
		flags   billing.Flags
	}{
		"rings":                    {[]billing.Event{event(billing.EventAttempt, 0)}, 0, 0, 0},
		"answered, no mark":        {[]billing.Event{event(billing.EventStart, 2)}, 0, 0, 0},
		"one mark":                 {[]billing.Event{event(billing.EventStart, 2), mark(1, 62)}, 1, 60, 0},
		"the last mark":            {[]billing.Event{event(billing.EventStart, 2), mark(2, 122), mark(1, 62)}, 2, 120, 0},
		"the mark tells the start": {[]billing.Event{mark(3, 62, started(32))}, 3, 30, 0},
		"nothing tells the start":  {[]billing.Event{mark(3, 62)}, 0, 0, 0},
		"a clock was set back":     {[]billing.Event{event(billing.EventStart, 100), mark(1, 62)}, 1, 0, billing.FlagClock},
		"ended":                    {[]billing.Event{event(billing.EventStart, 2), mark(1, 62), event(billing.EventStop, 70)}, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := mediate.New(mediate.Config{})
			for i, e := range c.events {
				if _, err := m.Feed(nil, uint64(i), e); err != nil {
					t.Fatal(err)
				}
			}
			r, ok := m.Running(c.events[0].Key())
			if ok != (c.seq != 0) || r.Interim != c.seq || r.Duration != c.seconds*1000 || r.Flags != c.flags {
				t.Errorf("%v %+v", ok, r)
			}
			if ok && (r.Revision != 0 || r.CallID != "c1" || r.Caller.User != "alice" || r.Key != c.events[0].Key() || r.Status != billing.StatusOK || r.Chargeable()) {
				t.Errorf("%+v", r)
			}
		})
	}
	if _, ok := mediate.New(mediate.Config{}).Running(billing.LegKey{1}); ok {
		t.Error("of a leg that nobody heard of")
	}
}
