package sqlstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/internal/dbtest"
)

var eur = billing.MustCurrency("EUR")

const begin = billing.Millis(1_777_900_000_000)

// record is the n-th call of a day, rated for a customer, a reseller and a
// carrier.
func record(n int) ship.Record {
	id := fmt.Sprintf("%d@phone.example", n)
	at := begin + billing.Millis(n)*1000
	return ship.Record{CDR: billing.CDR{
		Key: billing.NewLegKey(id, "f", 0, billing.CallPlain, at), Revision: 1, Generation: 1,
		CallID: id, FromTag: "f", ToTag: "t", Status: billing.StatusOK, Code: 200,
		Caller: billing.Endpoint{Subscriber: fmt.Sprint(n % 3), Account: "7", User: "alice", Domain: "example.com", Number: "12025550101"},
		Callee: billing.Endpoint{User: "bob😀", Domain: "example.com", Number: fmt.Sprintf("43%03d", n), Dialled: "+43", Peer: "carrier-9"},
		Source: netip.MustParseAddr("2001:db8::7"), Node: "p1",
		Init: at, Start: at + 100, End: at + 61_100, Duration: 61_000,
		Flags: billing.FlagEvidence, Evidence: "media-timeout", Media: json.RawMessage(`{"mos":4.3}`),
		Parties: []billing.Party{
			{
				Side: billing.SideCaller, Role: billing.RoleCustomer, Account: "7", Profile: "1", Fee: "12", Zone: "Österreich",
				Amount: billing.NewAmount(1_234_567, eur), Charged: 62_000, Tariff: billing.Hash{1, 2}, Explain: json.RawMessage(`["step"]`), Capped: true,
			},
			{Side: billing.SideCaller, Role: billing.RoleReseller, Depth: 2, Account: "8", Amount: billing.NewAmount(1_000_000, eur), Units: 3},
			{Side: billing.SideCaller, Role: billing.RoleCarrier, Account: "carrier-9", Amount: billing.NewAmount(-1, eur)},
		},
	}}
}

func records(from, to int) (out []ship.Record) {
	for n := from; n < to; n++ {
		out = append(out, record(n))
	}
	return out
}

var sameValues = cmp.Comparer(func(a, b billing.CDR) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
})

func put(t testing.TB, s *sqlstore.Store, b ship.Batch) {
	t.Helper()
	if err := s.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func all(t testing.TB, s *sqlstore.Store) (out []billing.CDR) {
	t.Helper()
	for c, err := range s.Records(t.Context(), sqlstore.Filter{Superseded: true}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, *c)
	}
	return out
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	onEach(t, func(t *testing.T, db *sqlx.DB) {
		s := sqlstore.New(db, sqlstore.Options{})
		failed := ship.Record{CDR: billing.CDR{
			Key: billing.LegKey{9}, Revision: 1, CallID: strings.Repeat("ü", 512), Status: billing.StatusBusy, Code: 486, Init: 5, End: 7,
		}}
		batch := append(records(0, 520), failed) // more than are looked up at once
		at := ship.Position{Source: "p1/aa", Offset: 10}
		for range 2 { // the second time changes nothing
			put(t, s, ship.Batch{Position: at, Records: batch})
		}
		put(t, s, ship.Batch{Position: ship.Position{Source: "p1/aa", Offset: 5}}) // never back
		got := all(t, s)
		if len(got) != len(batch) {
			t.Fatalf("%d records", len(got))
		}
		for i := range got {
			if diff := cmp.Diff(batch[i].CDR, got[i], sameValues); diff != "" {
				t.Fatal(diff)
			}
		}
		if p, err := s.Position(t.Context(), "p1/aa"); err != nil || p != at {
			t.Errorf("%+v, %v", p, err)
		}
		if p, err := s.Position(t.Context(), "other"); err != nil || p.Offset != 0 {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

// TestRecordsByThePage: all come once, in order, whoever breaks off leaves
// nothing behind, and who only wants prices gets no explanations.
func TestRecordsByThePage(t *testing.T) {
	onEach(t, func(t *testing.T, db *sqlx.DB) {
		const n = 2100 // three pages
		s := sqlstore.New(db, sqlstore.Options{})
		batch := records(0, n)
		for i := range batch {
			batch[i].Parties[0].Explain = json.RawMessage(`{"why":1}`)
		}
		put(t, s, ship.Batch{Records: batch})
		for _, f := range []sqlstore.Filter{{}, {Brief: true}} {
			for _, stop := range []int{1, 1500, n + 1} {
				i := 0
				for c, err := range s.Records(t.Context(), f) {
					if err != nil {
						t.Fatal(err)
					}
					p := c.Parties[0]
					if c.Key != batch[i].Key || p.Amount != batch[i].Parties[0].Amount || (len(p.Explain) == 0) != f.Brief {
						t.Fatalf("%+v: record %d is %+v", f, i, c)
					}
					if i++; i == stop {
						break
					}
				}
				if i != min(stop, n) {
					t.Errorf("%+v: %d records of %d", f, i, min(stop, n))
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, err := range s.Records(ctx, sqlstore.Filter{}) {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("ended before it began: %v", err)
			}
		}
	})
}

// TestNastyTexts: what no column takes is changed, not refused.
func TestNastyTexts(t *testing.T) {
	onEach(t, func(t *testing.T, db *sqlx.DB) {
		s := sqlstore.New(db, sqlstore.Options{})
		r := record(1)
		r.CallID, r.Caller.Account, r.Parties[0].Fee = "a\xff\x00", strings.Repeat("x", 400), strings.Repeat("ü", 300)
		r.Media, r.Status = json.RawMessage("{"), 200
		r.Caller.User = strings.Repeat("\xfe", 40_000)
		put(t, s, ship.Batch{Records: []ship.Record{r}})
		got := all(t, s)
		if len(got) != 1 || got[0].CallID != "a\uFFFD\x00" || len(got[0].Caller.Account) != 255 || got[0].Media != nil {
			t.Errorf("%+v", got)
		}
	})
}

// TestHook: the hook sees each coming into force once, with what it replaces,
// in the transaction that is rolled back with it.
func TestHook(t *testing.T) {
	onEach(t, func(t *testing.T, db *sqlx.DB) {
		db.MustExec("CREATE TABLE journal (id INTEGER NOT NULL, amount BIGINT NOT NULL)")
		fail := error(nil)
		s := sqlstore.New(db, sqlstore.Options{Hook: func(ctx context.Context, tx *sqlx.Tx, changes []sqlstore.Change) error {
			for _, c := range changes {
				amount := c.New.Parties[0].Amount.Micros()
				if c.Old != nil {
					amount -= c.Old.Parties[0].Amount.Micros()
				}
				if _, err := tx.ExecContext(ctx, "INSERT INTO journal (id, amount) VALUES (1, ?)", amount); err != nil {
					return err
				}
			}
			return fail
		}})
		sum := func() (n, sum int64) {
			if err := db.QueryRow("SELECT COUNT(*), COALESCE(SUM(amount), 0) FROM journal").Scan(&n, &sum); err != nil {
				t.Fatal(err)
			}
			return n, sum
		}
		priced := func(revision, generation int, micros int64) ship.Record {
			r := record(1)
			r.Revision, r.Generation = revision, generation
			r.Parties[0].Amount = billing.NewAmount(micros, eur)
			return r
		}
		step := func(r ship.Record, n, total int64) {
			t.Helper()
			for range 2 {
				put(t, s, ship.Batch{Records: []ship.Record{r}})
				if gotN, got := sum(); gotN != n || got != total {
					t.Errorf("revision %d, generation %d: %d entries, sum %d; want %d and %d", r.Revision, r.Generation, gotN, got, n, total)
				}
			}
		}
		fail = errors.New("no")
		if err := s.Store(t.Context(), ship.Batch{Records: []ship.Record{priced(1, 1, 100)}}); !errors.Is(err, fail) {
			t.Errorf("%v", err)
		}
		fail = nil
		if n, _ := sum(); n != 0 || len(all(t, s)) != 0 {
			t.Error("something of a failed transaction stayed")
		}
		step(priced(1, 1, 100), 1, 100)
		step(priced(1, 2, 70), 2, 70)   // rated anew
		step(priced(2, 1, 120), 3, 120) // more became known
		step(priced(1, 3, 60), 3, 120)  // an old revision does not come into force
		step(priced(2, 2, 90), 4, 90)
		// Two of one leg in one batch: only the end counts.
		put(t, s, ship.Batch{Records: []ship.Record{priced(3, 1, 1), priced(4, 1, 2), priced(3, 2, 5)}})
		if n, got := sum(); n != 5 || got != 2 {
			t.Errorf("%d entries, sum %d", n, got)
		}
	})
}

// TestAnyOrder: whatever order and however often records come, the same ones
// are in force in the end and the hook's sum is theirs.
func TestAnyOrder(t *testing.T) {
	db := sqlite(t)
	legs := 0
	rapid.Check(t, func(t *rapid.T) {
		var sum int64
		var pending int64
		s := sqlstore.New(db, sqlstore.Options{Hook: func(_ context.Context, _ *sqlx.Tx, changes []sqlstore.Change) error {
			pending = 0
			for _, c := range changes {
				pending += c.New.Parties[0].Amount.Micros()
				if c.Old != nil {
					pending -= c.Old.Parties[0].Amount.Micros()
				}
			}
			return nil
		}})
		legs += 3
		type version struct{ revision, generation int }
		best := map[int]version{}
		price := func(leg int, v version) int64 { return int64(leg*10_000 + v.revision*100 + v.generation) }
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			var b ship.Batch
			for range rapid.IntRange(1, 4).Draw(t, "records") {
				leg := legs + rapid.IntRange(0, 2).Draw(t, "leg")
				v := version{rapid.IntRange(1, 3).Draw(t, "revision"), rapid.IntRange(1, 3).Draw(t, "generation")}
				r := record(leg)
				r.Revision, r.Generation = v.revision, v.generation
				r.Parties[0].Amount = billing.NewAmount(price(leg, v), eur)
				b.Records = append(b.Records, r)
				if old := best[leg]; v.revision > old.revision || v.revision == old.revision && v.generation > old.generation {
					best[leg] = v
				}
			}
			pending = 0
			if err := s.Store(context.Background(), b); err != nil {
				t.Fatal(err)
			}
			sum += pending
		}
		var want int64
		for leg, v := range best {
			want += price(leg, v)
			var got struct{ Revision, Generation int }
			err := db.Get(&got, "SELECT revision, generation FROM acct_cdrs WHERE superseded = 0 AND leg_key = ?", record(leg).Key)
			if err != nil || got.Revision != v.revision || got.Generation != v.generation {
				t.Fatalf("in force: %+v, want %+v, %v", got, v, err)
			}
		}
		if sum != want {
			t.Fatalf("the hook's sum is %d, that of what is in force %d", sum, want)
		}
	})
}

func TestQuarantine(t *testing.T) {
	onEach(t, func(t *testing.T, db *sqlx.DB) {
		s := sqlstore.New(db, sqlstore.Options{})
		list := []ship.Poison{
			{Source: "p1", Offset: 3, Kind: ship.PoisonEvent, Key: billing.LegKey{1}, Reason: "bad\xff", Data: []byte{0, 1}},
			{Source: "p1", Offset: 9, Kind: ship.PoisonDamage, Reason: "damaged"},
		}
		for range 2 {
			put(t, s, ship.Batch{Poison: list})
		}
		got, err := s.Quarantine(t.Context(), 0, 10)
		if err != nil || len(got) != 2 || got[0].ID != 1 || got[0].Offset != 3 || string(got[0].Data) != "\x00\x01" || got[1].Kind != ship.PoisonDamage {
			t.Fatalf("%+v, %v", got, err)
		}
		put(t, s, ship.Batch{Cured: []int64{1}})
		if got, err = s.Quarantine(t.Context(), 0, 10); err != nil || len(got) != 1 || got[0].ID != 2 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestPortable: schema and queries are for SQLite, MariaDB and MySQL alike.
func TestPortable(t *testing.T) { dbtest.Portable(t, sqlstore.Migrations()) }
