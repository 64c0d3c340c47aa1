package directory_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
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

func store(t testing.TB, s *directory.Store, offset int64, records ...billing.CDR) {
	t.Helper()
	if err := s.StoreCDRs(t.Context(), directory.Checkpoint{Source: "p1", Segment: 1, Offset: offset}, records); err != nil {
		t.Fatal(err, directory.Cause(err))
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

// TestPoison: what can not be stored as it is does not stop what comes behind
// it in the same source.
func TestPoison(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		long := strings.Repeat("ü\xff\x00", 40_000)
		bad := call(1)
		bad.FromTag, bad.Caller.User, bad.Caller.Number, bad.Caller.Subscriber, bad.Node = long, long, long, long, long
		bad.Type, bad.Status = 99, 99
		bad.Media, bad.Parties[0].Explain = json.RawMessage("{"), json.RawMessage(long)
		bad.Parties[0].Side, bad.Parties[0].Role, bad.Parties[0].Zone, bad.Parties[0].Direction = billing.Side(long), billing.Role(long), long, 99
		big := call(2)
		big.Parties = nil
		for range 40 { // more than one statement takes
			p := call(2).Parties[0]
			p.Explain = json.RawMessage(`"` + strings.Repeat("x", 500_000) + `"`)
			big.Parties = append(big.Parties, p)
		}
		store(t, s, 1, bad, big, call(3))
		l := must(s.CDRs().List(t.Context(), directory.CDRFilter{}, directory.CDRCursor{}, 0))(t)
		if len(l.Items) != 3 || l.Items[2].Status != billing.StatusOther || len(l.Items[1].Parties) != 40 {
			t.Fatalf("%d calls", len(l.Items))
		}
		got := must(s.CDRs().Find(t.Context(), l.Items[2].ID))(t)
		if _, err := json.Marshal(got); err != nil || !utf8.ValidString(got.FromTag) || got.Media != nil {
			t.Errorf("stored %d bytes, %v", len(got.FromTag), err)
		}
		must(s.CDRs().Find(t.Context(), l.Items[1].ID))(t)
		err := s.StoreCDRs(t.Context(), directory.Checkpoint{Source: "p1", Offset: 2, State: make([]byte, 9<<20)}, nil)
		wantError(t, err, directory.ErrInvalid, "state")
		store(t, s, 3)
		err = s.StoreCDRs(t.Context(), directory.Checkpoint{Source: "p1", Segment: 2, State: make([]byte, 7<<20)}, nil)
		if err != nil {
			t.Error(directory.Cause(err))
		}
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
		// In one call.
		a, b, c := call(2), call(2), call(2)
		b.Revision, b.Code, c.Generation = 2, 299, 0
		store(t, s, 2, a, b, a, c)
		if legs := must(s.CDRs().ByCall(ctx, a.CallID))(t); len(legs) != 1 || legs[0].Code != 299 {
			t.Errorf("legs %+v", legs)
		}
	})
}

func TestReplayIsNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		_, err := s.Checkpoint(ctx, "p1")
		wantError(t, err, directory.ErrNotFound, "")
		put := func(source string, segment, offset int64, state string, from, to int) {
			t.Helper()
			c := directory.Checkpoint{Source: source, Segment: segment, Offset: offset, State: []byte(state)}
			if err := s.StoreCDRs(ctx, c, calls(from, to)); err != nil {
				t.Fatal(err)
			}
		}
		put("p1", 1, 100, "a", 0, 10)
		put("p1", 2, 50, "b", 10, 20)
		put("p1", 1, 100, "c", 0, 10) // the same again
		put("p1", 1, 200, "d", 5, 15) // cut otherwise
		if c := must(s.Checkpoint(ctx, "p1"))(t); c.Segment != 2 || c.Offset != 50 || string(c.State) != "b" {
			t.Errorf("checkpoint went back: %+v", c)
		}
		put("p2", 1, 10, "e", 0, 20)  // the standby's log of the same calls
		put("p1", 2, 50, "f", 20, 20) // time passed, nothing was read
		if n := must(s.CDRs().Count(ctx, directory.CDRFilter{Superseded: true}))(t); n != 20 {
			t.Errorf("%d records of 20 calls", n)
		}
		c := must(s.Checkpoint(ctx, "p1"))(t)
		if c.Segment != 2 || c.Offset != 50 || string(c.State) != "f" {
			t.Errorf("checkpoint %+v", c)
		}
		err = s.StoreCDRs(ctx, directory.Checkpoint{Source: "p\n1"}, nil)
		wantError(t, err, directory.ErrInvalid, "source")
		err = s.StoreCDRs(ctx, directory.Checkpoint{Source: "p1", Offset: -1}, nil)
		wantError(t, err, directory.ErrInvalid, "offset")
	})
}

// TestTwoNodesStoreTheSame: primary and standby report the same legs at once.
func TestTwoNodesStoreTheSame(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		var wg sync.WaitGroup
		for node := range 4 {
			wg.Go(func() {
				for i := range 10 {
					c := directory.Checkpoint{Source: fmt.Sprintf("p%d", node), Segment: 1, Offset: int64(i)}
					if err := s.StoreCDRs(t.Context(), c, calls(20*i, 20*i+20)); err != nil {
						t.Error(err, directory.Cause(err))
					}
				}
			})
		}
		wg.Wait()
		if n := must(s.CDRs().Count(t.Context(), directory.CDRFilter{Superseded: true}))(t); n != 200 {
			t.Errorf("%d records of 200 calls", n)
		}
	})
}

// TestCDROrder stores random revisions and generations of a few legs in
// random order and batches: what is shown is the newest of each leg, whatever
// the order.
func TestCDROrder(t *testing.T) {
	s, _ := newStore(t, engines[0].dsn(t))
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		type version struct{ revision, generation int }
		newest := map[string]version{}
		var offset int64
		for range rapid.IntRange(1, 6).Draw(rt, "batches") {
			var batch []billing.CDR
			for range rapid.IntRange(0, 5).Draw(rt, "records") {
				c := call(rapid.IntRange(0, 2).Draw(rt, "leg"))
				c.CallID = fmt.Sprintf("%d-%s", run, c.CallID)
				c.Key = billing.NewLegKey(c.CallID, "f", 0, billing.CallPlain, c.Init)
				c.Revision = rapid.IntRange(1, 3).Draw(rt, "revision")
				c.Generation = rapid.IntRange(1, 2).Draw(rt, "generation")
				c.Code = 100*c.Revision + c.Generation
				v := version{c.Revision, c.Generation}
				if old := newest[c.CallID]; v.revision > old.revision || v.revision == old.revision && v.generation > old.generation {
					newest[c.CallID] = v
				}
				batch = append(batch, c)
			}
			offset++
			store(t, s, offset, batch...)
		}
		for id, v := range newest {
			legs, err := s.CDRs().ByCall(t.Context(), id)
			if err != nil || len(legs) != 1 || legs[0].Code != 100*v.revision+v.generation {
				rt.Fatalf("%s: %+v (%v), want revision and generation %+v", id, legs, err, v)
			}
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
