package mediate_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/mediate"
)

// t0 is when the calls of these tests begin.
const t0 billing.Millis = 1_780_000_000_000

// event makes one of call "c1", sec seconds after t0.
func event(k billing.EventKind, sec billing.Millis, more ...func(*billing.Event)) billing.Event {
	e := billing.Event{
		Kind: k, CallID: "c1", FromTag: "f", Init: t0, At: t0 + sec*1000,
		Caller: billing.Endpoint{Account: "a1", User: "alice"}, Callee: billing.Endpoint{User: "bob"},
	}
	for _, f := range more {
		f(&e)
	}
	return e
}

func code(c int) func(*billing.Event) { return func(e *billing.Event) { e.Code = c } }
func call(id string) func(*billing.Event) {
	return func(e *billing.Event) { e.CallID = id }
}
func started(sec billing.Millis) func(*billing.Event) {
	return func(e *billing.Event) { e.Start = t0 + sec*1000 }
}
func evidence(why string) func(*billing.Event) { return func(e *billing.Event) { e.Evidence = why } }

// line is the short form of a record in these tests: call, revision, status,
// seconds, evidence.
func line(c billing.CDR) string {
	s := fmt.Sprintf("%s r%d %s %d.%03d", c.CallID, c.Revision, c.Status, c.Duration/1000, c.Duration%1000)
	if c.Flags.Has(billing.FlagEvidence) {
		s += " " + c.Evidence
	}
	if c.Flags.Has(billing.FlagClock) {
		s += " clock"
	}
	if c.Flags.Has(billing.FlagLate) != (c.Revision > 1) {
		s += " late flag is wrong"
	}
	return s
}

// world feeds events and collects the lines of the records.
type world struct {
	t     *testing.T
	m     *mediate.Mediator
	pos   uint64
	lines []string
}

func (w *world) feed(events ...billing.Event) {
	w.t.Helper()
	for _, e := range events {
		w.pos++
		cdrs, err := w.m.Feed(nil, w.pos, e)
		if err != nil {
			w.t.Fatal(err)
		}
		w.take(cdrs)
	}
}

func (w *world) take(cdrs []billing.CDR) {
	for _, c := range cdrs {
		w.lines = append(w.lines, line(c))
	}
}

func (w *world) expire(after time.Duration) { w.take(w.m.Expire(nil, t0.Time().Add(after))) }

func (w *world) want(lines ...string) {
	w.t.Helper()
	if got, want := fmt.Sprint(w.lines), fmt.Sprint(lines); got != want {
		w.t.Errorf("got  %s\nwant %s", got, want)
	}
	w.lines = nil
}

func TestRules(t *testing.T) {
	attempt := event(billing.EventAttempt, 0)
	start := event(billing.EventStart, 4)
	for _, c := range []struct {
		name   string
		policy mediate.Policy
		events []billing.Event
		want   []string // records while feeding
		after  []string // and by Expire seven hours later
	}{
		{"busy", 0, []billing.Event{attempt, event(billing.EventFail, 2, code(486))}, []string{"c1 r1 busy 0.000"}, nil},
		{"cancelled", 0, []billing.Event{attempt, event(billing.EventFail, 9, code(487))}, []string{"c1 r1 cancel 0.000"}, nil},
		{"no answer", 0, []billing.Event{event(billing.EventFail, 9, code(480))}, []string{"c1 r1 noanswer 0.000"}, nil},
		{"not there", 0, []billing.Event{event(billing.EventFail, 9, code(404))}, []string{"c1 r1 offline 0.000"}, nil},
		{"declined", 0, []billing.Event{event(billing.EventFail, 9, code(603))}, []string{"c1 r1 other 0.000"}, nil},
		// answered at 4 s, ended at 64 s
		{"answered", 0, []billing.Event{attempt, start, event(billing.EventStop, 64)}, []string{"c1 r1 ok 60.000"}, nil},
		{"the first stop counts", 0, []billing.Event{start, event(billing.EventStop, 64), event(billing.EventStop, 66)}, []string{"c1 r1 ok 60.000"}, nil},
		{"an earlier stop comes late", 0, []billing.Event{start, event(billing.EventStop, 66), event(billing.EventStop, 64)},
			[]string{"c1 r1 ok 62.000", "c1 r2 ok 60.000"}, nil},
		{"stop before its start", 0, []billing.Event{event(billing.EventStop, 64), start}, []string{"c1 r1 ok 60.000"}, nil},
		{"a full stop needs no start", 0, []billing.Event{event(billing.EventStop, 64, started(4))}, []string{"c1 r1 ok 60.000"}, nil},
		{"everything twice", 0, []billing.Event{attempt, attempt, start, start, event(billing.EventStop, 64), event(billing.EventStop, 64), start, attempt},
			[]string{"c1 r1 ok 60.000"}, nil},
		{"clock went back", 0, []billing.Event{start, event(billing.EventStop, 1)}, []string{"c1 r1 ok 0.000 clock"}, nil},
		{"ended by evidence of the node", 0, []billing.Event{start, event(billing.EventStop, 64, evidence("media-timeout"))},
			[]string{"c1 r1 ok 60.000 media-timeout"}, nil},
		{"answered after all", 0, []billing.Event{event(billing.EventFail, 9, code(486)), start, event(billing.EventStop, 64)},
			[]string{"c1 r1 busy 0.000", "c1 r2 ok 60.000"}, nil},
		// marks at 60 and 120 s; the call is proven for 116 s
		{"missing stop", mediate.Evidence, []billing.Event{start, event(billing.EventInterim, 60), event(billing.EventInterim, 120)},
			nil, []string{"c1 r1 ok 116.000 silence"}},
		{"missing stop, no mark", mediate.Evidence, []billing.Event{start}, nil, []string{"c1 r1 failed 0.000 silence"}},
		{"missing stop, never charged", mediate.Fail, []billing.Event{start, event(billing.EventInterim, 60)}, nil, []string{"c1 r1 failed 0.000 silence"}},
		{"missing stop, held", mediate.Hold, []billing.Event{start, event(billing.EventInterim, 60)}, nil, nil},
		{"mark from before the answer", mediate.Evidence, []billing.Event{start, event(billing.EventInterim, 3)}, nil, []string{"c1 r1 ok 0.000 silence clock"}},
		{"attempt without an end", 0, []billing.Event{attempt}, nil, []string{"c1 r1 failed 0.000 silence"}},
		{"stop of an unknown call", 0, []billing.Event{event(billing.EventStop, 64)}, nil, []string{"c1 r1 failed 0.000 silence"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{t: t, m: mediate.New(mediate.Config{MissingStop: c.policy})}
			w.feed(c.events...)
			w.want(c.want...)
			w.expire(7 * time.Hour)
			w.want(c.after...)
		})
	}
}

// TestForwards: one Call-ID, several legs, a record each.
func TestForwards(t *testing.T) {
	forward := func(e *billing.Event) {
		e.Leg, e.Type = 1, billing.CallForwardBusy
		e.Caller.Account = "a2"
	}
	w := &world{t: t, m: mediate.New(mediate.Config{})}
	w.feed(event(billing.EventFail, 2, code(486)), event(billing.EventStart, 5, forward), event(billing.EventStop, 35, forward))
	w.want("c1 r1 busy 0.000", "c1 r1 ok 30.000")
}

func TestRestart(t *testing.T) {
	w := &world{t: t, m: mediate.New(mediate.Config{})}
	w.feed(
		event(billing.EventStart, 4, call("ended")), event(billing.EventStop, 9, call("ended")),
		event(billing.EventStart, 4, call("running")), event(billing.EventInterim, 64, call("running")),
		event(billing.EventAttempt, 70, call("ringing")),
	)
	w.want("ended r1 ok 5.000")
	if w.m.Open() != 2 || w.m.Len() != 3 {
		t.Errorf("%d open, %d held", w.m.Open(), w.m.Len())
	}
	if low, ok := w.m.Low(); !ok || low != 3 {
		t.Errorf("low %d, %v; want 3", low, ok)
	}
	w.take(w.m.Restart(nil, t0.Time().Add(time.Minute)))
	if got := len(w.lines); got != 2 {
		t.Fatalf("%d records: %s", got, w.lines)
	}
	has := map[string]bool{w.lines[0]: true, w.lines[1]: true}
	if !has["running r1 ok 60.000 restart"] || !has["ringing r1 failed 0.000 restart"] {
		t.Errorf("%s", w.lines)
	}
	w.lines = nil
	if _, ok := w.m.Low(); ok || w.m.Open() != 0 {
		t.Error("a leg is still open")
	}
	w.take(w.m.Restart(nil, t0.Time().Add(2*time.Minute)))
	w.want()
	// The phone hangs up on the node that came back.
	w.feed(event(billing.EventStop, 100, call("running")))
	w.want("running r2 ok 96.000")
}

func TestLinger(t *testing.T) {
	w := &world{t: t, m: mediate.New(mediate.Config{Linger: time.Minute, MaxAge: time.Hour})}
	w.feed(event(billing.EventStart, 4), event(billing.EventStop, 9))
	w.want("c1 r1 ok 5.000")
	w.expire(10 * time.Second) // noticed
	w.expire(69 * time.Second)
	w.feed(event(billing.EventStop, 9))
	w.want()
	w.expire(70 * time.Second) // noticed anew
	w.expire(130 * time.Second)
	if w.m.Len() != 0 {
		t.Error("the leg is still held")
	}
	w.want()
}

// TestClockAhead: a leg with an event from the future ages from when it was
// first noticed.
func TestClockAhead(t *testing.T) {
	w := &world{t: t, m: mediate.New(mediate.Config{MaxAge: time.Hour})}
	w.feed(event(billing.EventStart, 365*86400))
	w.expire(time.Minute)
	w.expire(time.Hour)
	w.want()
	w.expire(time.Hour + time.Minute)
	w.want("c1 r1 failed 0.000 silence")
}

func TestRefused(t *testing.T) {
	m := mediate.New(mediate.Config{MaxLegs: 1})
	if _, err := m.Feed(nil, 1, billing.Event{}); !errors.Is(err, billing.ErrEvent) {
		t.Errorf("poison: %v", err)
	}
	if _, err := m.Feed(nil, 2, event(billing.EventStart, 1)); err != nil {
		t.Error(err)
	}
	if _, err := m.Feed(nil, 3, event(billing.EventStart, 1, call("c2"))); !errors.Is(err, mediate.ErrFull) {
		t.Errorf("too many: %v", err)
	}
	if cdrs, err := m.Feed(nil, 4, event(billing.EventStop, 2)); err != nil || len(cdrs) != 1 {
		t.Errorf("the leg that is held: %v, %v", cdrs, err)
	}
}

// TestCrowded: completed legs make room before their time, so that the calls
// of a busy node are not refused; open ones stay.
func TestCrowded(t *testing.T) {
	m := mediate.New(mediate.Config{MaxLegs: 32})
	feed := func(n int, kind billing.EventKind, second billing.Millis) int {
		t.Helper()
		cdrs, err := m.Feed(nil, uint64(n), event(kind, second, call(fmt.Sprint("c", n))))
		if err != nil {
			t.Fatalf("call %d: %v", n, err)
		}
		return len(cdrs)
	}
	feed(0, billing.EventStart, 1)
	for n := 1; n < 1000; n++ {
		feed(n, billing.EventStart, 1)
		if got := feed(n, billing.EventStop, 2); got != 1 {
			t.Fatalf("call %d: %d records", n, got)
		}
		if n%7 == 0 {
			m.Expire(nil, time.UnixMilli(int64(n)))
		}
	}
	if m.Len() > 32 || m.Open() != 1 {
		t.Errorf("%d legs, %d open", m.Len(), m.Open())
	}
	if low, ok := m.Low(); !ok || low != 0 {
		t.Errorf("low is %d, %v", low, ok)
	}
	if got := feed(0, billing.EventStop, 9); got != 1 {
		t.Errorf("the call that was open all the time: %d records", got)
	}
}

// TestRecord looks at all fields of one record.
func TestRecord(t *testing.T) {
	m := mediate.New(mediate.Config{})
	start := event(billing.EventStart, 4, code(202))
	start.Callee, start.Media = billing.Endpoint{Number: "43199002", Peer: "carrier"}, []byte(`{"n":1}`)
	stop := event(billing.EventStop, 64)
	stop.ToTag, stop.Media, stop.Node = "t", []byte(`{"n":2}`), "p1"
	for i, e := range []billing.Event{stop, start} {
		cdrs, err := m.Feed(nil, uint64(i), e)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			continue
		}
		c := cdrs[0]
		if c.Key != start.Key() || c.ToTag != "t" || c.Node != "p1" || c.Code != 202 || string(c.Media) != `{"n":2}` ||
			c.Callee != (billing.Endpoint{User: "bob", Number: "43199002", Peer: "carrier"}) || c.Caller.Account != "a1" ||
			c.Init != t0 || c.Start != t0+4000 || c.End != t0+64000 || !c.Chargeable() {
			t.Errorf("%+v", c)
		}
	}
}

func TestState(t *testing.T) {
	m := mediate.New(mediate.Config{})
	for i, e := range []billing.Event{
		event(billing.EventStart, 4), event(billing.EventStart, 4, call("c2")), event(billing.EventStop, 9, call("c2")),
	} {
		if _, err := m.Feed(nil, uint64(i), e); err != nil {
			t.Fatal(err)
		}
	}
	m.Expire(nil, t0.Time().Add(time.Minute))
	raw, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	n := mediate.New(mediate.Config{})
	if err := n.UnmarshalBinary(raw); err != nil {
		t.Fatal(err)
	}
	again, err := n.MarshalBinary()
	if err != nil || !bytes.Equal(raw, again) || n.Open() != 1 || n.Len() != 2 {
		t.Errorf("restored %d open of %d, %v", n.Open(), n.Len(), err)
	}
	for cut := range raw {
		if err := n.UnmarshalBinary(raw[:cut]); !errors.Is(err, mediate.ErrState) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
	if n.Len() != 2 {
		t.Error("a bad state replaced the good one")
	}
	w := &world{t: t, m: n, pos: 3}
	w.feed(event(billing.EventStop, 9, call("c2")), event(billing.EventStop, 64))
	w.want("c1 r1 ok 60.000")
}
