package directory_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/billing/spool"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/google/go-cmp/cmp"
)

const callsBegin = billing.Millis(1_777_900_000_000)

// call is the n-th call of a day, rated for both sides.
func call(n int) billing.CDR {
	id := fmt.Sprintf("%d@phone.example", n)
	begin := callsBegin + billing.Millis(n)*1000
	return billing.CDR{
		Key: billing.NewLegKey(id, "f", 0, billing.CallPlain, begin), Revision: 1, Generation: 1,
		CallID: id, FromTag: "f", ToTag: "t", Status: billing.StatusOK, Code: 200,
		Caller: billing.Endpoint{Subscriber: fmt.Sprint(n % 3), Account: "7", User: "alice", Domain: "example.com", Number: "12025550101"},
		Callee: billing.Endpoint{User: "bob😀", Domain: "example.com", Number: fmt.Sprintf("43%03d", n), Dialled: "+43"},
		Source: netip.MustParseAddr("2001:db8::7"), Node: "p1",
		Init: begin, Start: begin + 100, End: begin + 61_100, Duration: 61_000,
		Flags: billing.FlagEvidence, Evidence: "media-timeout", Media: json.RawMessage(`{"mos":4.3}`),
		Parties: []billing.Party{
			{Side: billing.SideCaller, Role: billing.RoleCustomer, Account: "7", Profile: "1", Fee: "12", Zone: "Österreich",
				Amount: billing.NewAmount(1_234_567, billing.MustCurrency("EUR")), Charged: 62_000, Tariff: billing.Hash{1, 2}, Explain: json.RawMessage(`["step"]`)},
			{Side: billing.SideCallee, Role: billing.RoleCustomer, Account: "8", Direction: billing.In, Amount: billing.NewAmount(-1, billing.MustCurrency("USD"))},
		},
	}
}

func calls(from, to int) (out []billing.CDR) {
	for n := from; n < to; n++ {
		out = append(out, call(n))
	}
	return out
}

var sameValues = cmp.Comparer(func(a, b billing.CDR) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
})

// batchOf is what a source of calls stores at once.
func batchOf(source string, offset int64, records ...billing.CDR) ship.Batch {
	b := ship.Batch{Position: ship.Position{Source: source, Offset: spool.Offset(offset)}}
	for _, c := range records {
		b.Records = append(b.Records, ship.Record{CDR: c})
	}
	return b
}

func store(t testing.TB, s *directory.Store, offset int64, records ...billing.CDR) {
	t.Helper()
	if err := s.Records(sqlstore.Options{}).Store(t.Context(), batchOf("p1", offset, records...)); err != nil {
		t.Fatal(err)
	}
}

func TestCDRsComeBackAsTheyWere(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		failed := billing.CDR{Key: billing.LegKey{9}, Revision: 1, CallID: strings.Repeat("ü", 512), Status: billing.StatusBusy, Code: 486, Init: 5, End: 7}
		store(t, s, 10, append(calls(0, 600), failed)...)
		for id, want := range map[int64]billing.CDR{1: call(0), 251: call(250), 601: failed} {
			got := must(s.CDRs().Find(ctx, id))(t)
			if diff := cmp.Diff(want, got.CDR, sameValues); diff != "" {
				t.Error(diff)
			}
			if got.Stored.IsZero() {
				t.Error("no time of storing")
			}
		}
		legs := must(s.CDRs().ByCall(ctx, failed.CallID))(t)
		if len(legs) != 1 || !cmp.Equal(failed, legs[0].CDR, sameValues) {
			t.Errorf("by Call-ID: %+v", legs)
		}
		l := must(s.CDRs().List(ctx, directory.CDRFilter{}, directory.CDRCursor{}, 0))(t)
		if len(l.Items) != 50 || l.Items[0].ID != 600 || len(l.Items[0].Parties) != 2 || l.Items[0].Parties[0].Amount.String() != "1.234567 EUR" || l.Items[0].Parties[0].Explain != nil {
			t.Errorf("first of %d: %+v", len(l.Items), l.Items[0])
		}
		_, err := s.CDRs().Find(ctx, 9999)
		wantError(t, err, directory.ErrNotFound, "")
	})
}

func TestCDRFilters(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		busy := call(100)
		busy.Status, busy.Code, busy.Callee.Number = billing.StatusBusy, 486, ""
		store(t, s, 1, append(calls(0, 12), busy)...)
		at := func(n int) time.Time { return (callsBegin + billing.Millis(n)*1000).Time() }
		for _, c := range []struct {
			filter directory.CDRFilter
			want   int64
		}{
			{directory.CDRFilter{}, 13},
			{directory.CDRFilter{Status: "busy"}, 1},
			{directory.CDRFilter{From: at(3), To: at(5)}, 2},
			{directory.CDRFilter{Subscriber: "2"}, 4},
			{directory.CDRFilter{Subscriber: "2", To: at(4)}, 1},
			{directory.CDRFilter{Account: "7"}, 13},
			{directory.CDRFilter{Account: "8"}, 0}, // a party, not an endpoint's account
			{directory.CDRFilter{Number: "+4300"}, 10},
			{directory.CDRFilter{Number: "bob"}, 1},
			{directory.CDRFilter{CallID: "3@phone.example"}, 1},
			{directory.CDRFilter{CallID: "3@PHONE.example"}, 0},
		} {
			if n := must(s.CDRs().Count(t.Context(), c.filter))(t); n != c.want {
				t.Errorf("%+v: %d, want %d", c.filter, n, c.want)
			}
			if l := must(s.CDRs().List(t.Context(), c.filter, directory.CDRCursor{}, 500))(t); int64(len(l.Items)) != c.want || l.Next != (directory.CDRCursor{}) {
				t.Errorf("%+v: %d listed, next %v", c.filter, len(l.Items), l.Next)
			}
		}
	})
}

func TestCDRRevisions(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		put := func(revision, generation int, zone string) {
			c := call(1)
			c.Revision, c.Generation = revision, generation
			c.Parties = c.Parties[:1]
			c.Parties[0].Zone = zone
			store(t, s, 1, c)
		}
		shown := func(want string) {
			t.Helper()
			l := must(s.CDRs().List(ctx, directory.CDRFilter{}, directory.CDRCursor{}, 0))(t)
			if len(l.Items) != 1 || l.Items[0].Parties[0].Zone != want {
				t.Errorf("shown %+v, want %s alone", l.Items, want)
			}
		}
		put(1, 1, "first")
		put(1, 1, "first again")
		shown("first")
		put(3, 1, "third revision")
		shown("third revision")
		put(2, 1, "second revision, late")
		shown("third revision")
		put(3, 2, "second generation")
		shown("second generation")
		put(3, 1, "first generation again")
		shown("second generation")
		put(4, 1, "fourth revision") // a late event after the re-rating
		shown("fourth revision")
		if n := must(s.CDRs().Count(ctx, directory.CDRFilter{Superseded: true}))(t); n != 2 {
			t.Errorf("%d records kept, want one of each generation", n)
		}
	})
}

func TestCDRPaging(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		records := calls(0, 300)
		for i := range records {
			records[i].Init = callsBegin + billing.Millis(i/7) // several begin at once
			records[i].Parties = nil
		}
		store(t, s, 1, records...)
		seen := map[int64]bool{}
		var cursor directory.CDRCursor
		last := directory.CDRCursor{Init: 1 << 60}
		for {
			l := must(s.CDRs().List(t.Context(), directory.CDRFilter{}, cursor, 11))(t)
			for _, c := range l.Items {
				if seen[c.ID] || c.Init > last.Init || c.Init == last.Init && c.ID > last.ID {
					t.Fatalf("call %d of %d after %+v", c.ID, c.Init, last)
				}
				seen[c.ID], last = true, directory.CDRCursor{Init: c.Init, ID: c.ID}
			}
			if cursor = l.Next; cursor == (directory.CDRCursor{}) {
				break
			}
			store(t, s, 1, call(1000+len(seen))) // newer ones do not disturb
		}
		if len(seen) != 300 {
			t.Errorf("saw %d of 300 calls", len(seen))
		}
	})
}
