package mediate_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/mediate"
)

func genEvents() *rapid.Generator[[]billing.Event] {
	one := rapid.Custom(func(t *rapid.T) billing.Event {
		e := event(rapid.SampledFrom([]billing.EventKind{
			billing.EventAttempt, billing.EventStart, billing.EventInterim, billing.EventStop, billing.EventFail, billing.EventTransfer, billing.EventForward,
		}).Draw(t, "kind"), billing.Millis(rapid.IntRange(0, 200).Draw(t, "at")))
		e.CallID = rapid.SampledFrom([]string{"c1", "c2"}).Draw(t, "call")
		e.Leg = rapid.IntRange(0, 1).Draw(t, "leg")
		e.Node = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "node")
		e.Callee.Number = rapid.SampledFrom([]string{"", "431", "432"}).Draw(t, "number")
		e.Refer = rapid.SampledFrom([]string{"c1", "c2", "c3"}).Draw(t, "refer")
		e.Type = rapid.SampledFrom([]billing.CallType{billing.CallPlain, billing.CallPlain, billing.CallForward, billing.CallTransfer}).Draw(t, "type")
		if e.Kind == billing.EventFail {
			e.Code = rapid.SampledFrom([]int{486, 487, 500}).Draw(t, "code")
		} else if e.Kind < billing.EventTransfer && rapid.Bool().Draw(t, "tells start") {
			e.Start = t0 + billing.Millis(rapid.IntRange(1, 50).Draw(t, "start"))*1000
		}
		if rapid.Bool().Draw(t, "media") {
			e.Media, _ = json.Marshal(rapid.IntRange(0, 2).Draw(t, "figures"))
		}
		return e
	})
	return rapid.SliceOfN(one, 1, 12)
}

// final runs events through a Mediator and returns the last record of each
// leg, freed of what may depend on the order.
func final(t *rapid.T, events []billing.Event) map[billing.LegKey]billing.CDR {
	m := mediate.New(mediate.Config{})
	out := map[billing.LegKey]billing.CDR{}
	take := func(cdrs []billing.CDR) {
		for _, c := range cdrs {
			if was := out[c.Key].Revision; c.Revision != was+1 {
				t.Fatalf("revision %d follows %d", c.Revision, was)
			}
			if c.Duration < 0 || c.End < c.Start {
				t.Fatalf("negative duration in %+v", c)
			}
			out[c.Key] = c
		}
	}
	for i, e := range events {
		cdrs, err := m.Feed(nil, uint64(i), e)
		if err != nil {
			t.Fatal(err)
		}
		take(cdrs)
	}
	take(m.Expire(nil, t0.Time().Add(7*time.Hour)))
	for k, c := range out {
		c.Revision = 0
		c.Flags &^= billing.FlagLate
		out[k] = c
	}
	return out
}

// TestOrder: any order and repetition of a set of events gives the same
// final records.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := genEvents().Draw(t, "events")
		want := final(t, events)
		twice := append(append([]billing.Event{}, events...), rapid.SliceOf(rapid.SampledFrom(events)).Draw(t, "again")...)
		got := final(t, rapid.Permutation(twice).Draw(t, "order"))
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

// TestStateAnywhere: storing and restoring the state between any two steps
// changes no record.
func TestStateAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain, stored := mediate.New(mediate.Config{}), mediate.New(mediate.Config{})
		for i, e := range genEvents().Draw(t, "events") {
			if rapid.Bool().Draw(t, "store") {
				raw, err := stored.MarshalBinary()
				if err != nil {
					t.Fatal(err)
				}
				stored = mediate.New(mediate.Config{})
				if err := stored.UnmarshalBinary(raw); err != nil {
					t.Fatal(err)
				}
			}
			var a, b []billing.CDR
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				now := t0.Time().Add(time.Duration(rapid.IntRange(0, 8*3600).Draw(t, "now")) * time.Second)
				a, b = plain.Expire(nil, now), stored.Expire(nil, now)
			case 1:
				a, b = plain.Restart(nil, t0.Time()), stored.Restart(nil, t0.Time())
			default:
				a, _ = plain.Feed(nil, uint64(i), e)
				b, _ = stored.Feed(nil, uint64(i), e)
			}
			if !reflect.DeepEqual(a, b) || plain.Open() != stored.Open() || plain.Len() != stored.Len() {
				t.Fatalf("step %d: %+v and %+v, open %d and %d", i, a, b, plain.Open(), stored.Open())
			}
			low, ok := plain.Low()
			if l, o := stored.Low(); l != low || o != ok || ok != (plain.Open() > 0) {
				t.Fatalf("low %d %v and %d %v", low, ok, l, o)
			}
		}
	})
}

func FuzzState(f *testing.F) {
	m := mediate.New(mediate.Config{})
	for i, e := range []billing.Event{event(billing.EventStart, 4), event(billing.EventFail, 4, call("c2"), code(486))} {
		if _, err := m.Feed(nil, uint64(i), e); err != nil {
			f.Fatal(err)
		}
	}
	raw, _ := m.MarshalBinary()
	f.Add(raw)
	f.Add([]byte{1, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		m := mediate.New(mediate.Config{})
		if m.UnmarshalBinary(b) != nil {
			return
		}
		m.Restart(nil, t0.Time())
		if m.Open() != 0 {
			t.Fatalf("%d legs stay open", m.Open())
		}
		if _, err := m.MarshalBinary(); err != nil {
			t.Fatal(err)
		}
	})
}
