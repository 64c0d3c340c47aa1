package mediate_test

import (
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/mediate"
)

func TestBaseCallID(t *testing.T) {
	for id, want := range map[string]string{
		"a@b": "a@b", "a_pbx-1": "a", "a_xfer-12": "a", "a_pbx-1_xfer-1_pbx-2": "a", "a_pbx-": "a_pbx-", "a_pbx-x": "a_pbx-x",
		"_pbx-1": "_pbx-1", "": "", "a_b2b-1": "a_b2b-1", "9": "9",
	} {
		if got := mediate.BaseCallID(id); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}

func leg(n int, ct billing.CallType) func(*billing.Event) {
	return func(e *billing.Event) { e.Leg, e.Type = n, ct }
}

func refer(to string) func(*billing.Event) { return func(e *billing.Event) { e.Refer = to } }

// bare is the key of an event that knows no leg.
func bare(e *billing.Event) { e.Init = e.At }

// TestShared: legs of one call share its end.
func TestShared(t *testing.T) {
	for _, c := range []struct {
		what   string
		events []billing.Event
		want   []string
	}{
		{"a forward shares the BYE", []billing.Event{
			event(billing.EventStart, 5), event(billing.EventForward, 6, leg(1, billing.CallForwardBusy)),
			event(billing.EventStart, 7, leg(1, billing.CallForwardBusy)), event(billing.EventStop, 65, started(5)),
		}, []string{"c1 r1 ok 60.000", "c1 r1 ok 58.000"}},
		{"a BYE that knows no leg", []billing.Event{
			event(billing.EventStart, 5), event(billing.EventStart, 7, leg(1, billing.CallForward)), event(billing.EventStop, 65, bare),
		}, []string{"c1 r1 ok 60.000", "c1 r1 ok 58.000"}},
		{"the first BYE counts", []billing.Event{
			event(billing.EventStop, 66, bare), event(billing.EventStop, 65, bare), event(billing.EventStart, 5),
		}, []string{"c1 r1 ok 60.000"}},
		{"a leg of a back-to-back user agent", []billing.Event{
			event(billing.EventStart, 5, call("c1_pbx-1")), event(billing.EventStop, 65, bare),
		}, []string{"c1_pbx-1 r1 ok 60.000"}},
		{"its own stop counts more", []billing.Event{
			event(billing.EventStart, 5), event(billing.EventStart, 7, leg(1, billing.CallForward)),
			event(billing.EventStop, 30, started(7), leg(1, billing.CallForward)), event(billing.EventStop, 65, started(5)),
		}, []string{"c1 r1 ok 23.000", "c1 r1 ok 25.000", "c1 r2 ok 60.000"}},
		{"a transferred leg goes on", []billing.Event{
			event(billing.EventStart, 5), event(billing.EventStart, 30, leg(1, billing.CallTransfer)), event(billing.EventStop, 31, started(5)),
			event(billing.EventStop, 90, started(30), leg(1, billing.CallTransfer)),
		}, []string{"c1 r1 ok 26.000", "c1 r1 ok 60.000"}},
		{"a REFER names the call that goes on", []billing.Event{
			event(billing.EventStart, 5), event(billing.EventTransfer, 20, refer("c2_xfer-1"), bare),
			event(billing.EventStart, 22, call("c2")), event(billing.EventStop, 65, call("c2"), started(22)),
		}, []string{"c2 r1 ok 43.000", "c1 r1 ok 60.000"}},
		{"transferred twice, told late", []billing.Event{
			event(billing.EventStop, 65, call("c3"), bare), event(billing.EventStart, 5),
			event(billing.EventTransfer, 30, call("c2"), refer("c3"), bare), event(billing.EventTransfer, 20, refer("c2"), bare),
		}, []string{"c1 r1 ok 60.000"}},
		{"proven alive after the BYE of another leg", []billing.Event{
			event(billing.EventStart, 5), event(billing.EventInterim, 60), event(billing.EventStop, 20, bare),
		}, nil},
		{"and told so later", []billing.Event{
			event(billing.EventStart, 5), event(billing.EventStop, 20, bare), event(billing.EventInterim, 60), event(billing.EventStop, 65, started(5)),
		}, []string{"c1 r1 ok 15.000", "c1 r2 ok 60.000"}},
		{"a BYE without a call", []billing.Event{event(billing.EventStop, 20, bare)}, nil},
		{"a call transferred to itself", []billing.Event{event(billing.EventStart, 5), event(billing.EventTransfer, 20, refer("c1_pbx-1"), bare)}, nil},
	} {
		m := mediate.New(mediate.Config{})
		var got []string
		for i, e := range c.events {
			cdrs, err := m.Feed(nil, uint64(i), e)
			if err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			for _, r := range cdrs {
				got = append(got, line(r))
			}
			m = again(t, m)
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %q, want %q", c.what, got, c.want)
			}
		}
	}
}

// again stores and restores a state: nothing may depend on what is not in it.
func again(t *testing.T, m *mediate.Mediator) *mediate.Mediator {
	t.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	n := mediate.New(mediate.Config{})
	if err := n.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	if n.Open() != m.Open() || n.Len() != m.Len() {
		t.Fatalf("%d of %d legs open, restored %d of %d", m.Open(), m.Len(), n.Open(), n.Len())
	}
	return n
}

// TestForgets: a call leaves nothing behind once all of it is over.
func TestForgets(t *testing.T) {
	m := mediate.New(mediate.Config{})
	for i, e := range []billing.Event{
		event(billing.EventStart, 5), event(billing.EventStart, 6, leg(1, billing.CallForward)), event(billing.EventTransfer, 7, refer("c2"), bare),
		event(billing.EventStart, 8, call("c2")), event(billing.EventStop, 65, call("c2"), started(8)),
	} {
		if _, err := m.Feed(nil, uint64(i), e); err != nil {
			t.Fatal(err)
		}
	}
	if m.Open() != 0 {
		t.Errorf("%d legs open", m.Open())
	}
	now := t0.Time().Add(time.Hour)
	m.Expire(nil, now)
	m.Expire(nil, now.Add(5*time.Minute))
	if m.Len() == 0 {
		t.Error("legs that ended with the BYE of another are forgotten at once")
	}
	m.Expire(nil, now.Add(7*time.Hour))
	m.Expire(nil, now.Add(8*time.Hour))
	if m.Len() != 0 {
		t.Errorf("%d legs held", m.Len())
	}
}

func TestAcc(t *testing.T) {
	row := mediate.Acc{Method: "INVITE", Code: 200, CallID: "c1_pbx-1", FromTag: "f", At: t0 + 5000, Type: billing.CallForward, Leg: 1}
	m := mediate.New(mediate.Config{})
	feed := func(a mediate.Acc) []billing.CDR {
		t.Helper()
		e, err := a.Event()
		if err != nil {
			t.Fatal(err)
		}
		cdrs, err := m.Feed(nil, 0, e)
		if err != nil {
			t.Fatal(err)
		}
		return cdrs
	}
	if got := feed(row); len(got) != 0 {
		t.Errorf("%d records of an answer", len(got))
	}
	feed(row) // once more says nothing new
	busy := row
	busy.Code, busy.CallID = 486, "c9"
	if got := feed(busy); len(got) != 1 || got[0].Status != billing.StatusBusy {
		t.Errorf("busy: %+v", got)
	}
	got := feed(mediate.Acc{Method: "bye", Code: 481, CallID: "c1", FromTag: "other", At: t0 + 65_000})
	if len(got) != 1 || line(got[0]) != "c1_pbx-1 r1 ok 60.000" || got[0].Type != billing.CallForward {
		t.Errorf("%+v", got)
	}
	for _, a := range []mediate.Acc{
		{Method: "INVITE", Code: 180, CallID: "c", At: t0}, {Method: "OPTIONS", Code: 200, CallID: "c", At: t0},
		{Method: "BYE", Code: 200, At: t0}, {Method: "REFER", Code: 202, CallID: "c", At: t0}, {Method: "REFER", Code: 603, CallID: "c", Refer: "d", At: t0},
	} {
		if _, err := a.Event(); err == nil {
			t.Errorf("%+v was taken", a)
		}
	}
}
