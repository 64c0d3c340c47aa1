package billing_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/mediate"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/spool"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/internal/sweep"
)

// ledger stands for the database: records and log position change together,
// in one transaction.
type ledger struct {
	records map[billing.LegKey]billing.CDR
	resume  spool.Offset
}

// consumer reads a spool, mediates, rates and stores, as a node does.
type consumer struct {
	t   *testing.T
	db  *ledger
	fee *tariff.Snapshot
	m   *mediate.Mediator
}

// commit is one transaction. A record that is known already, in this revision
// or a later one, is a repetition.
func (c *consumer) commit(cdrs []billing.CDR, next spool.Offset) {
	for _, r := range cdrs {
		if r.Revision <= c.db.records[r.Key].Revision {
			continue
		}
		p, err := rate.Party(c.fee, &r, billing.SideCaller, "retail")
		if err != nil {
			c.t.Fatal(err)
		}
		p.Explain = nil
		r.Parties = []billing.Party{p}
		c.db.records[r.Key] = r
	}
	c.db.resume = next
	if low, open := c.m.Low(); open {
		c.db.resume = min(next, spool.Offset(low))
	}
}

// run handles at most n entries of a log, from where the database says.
func (c *consumer) run(log *spool.Log, n int) {
	c.m = mediate.New(mediate.Config{})
	end := log.Stats().End
	if c.db.resume == end {
		return
	}
	for e, err := range log.Read(c.t.Context(), c.db.resume) {
		if err != nil {
			c.t.Fatal(err)
		}
		var ev billing.Event
		if err := ev.UnmarshalBinary(e.Data); err != nil {
			c.t.Fatal(err)
		}
		cdrs, err := c.m.Feed(nil, uint64(e.Offset), ev)
		if err != nil {
			c.t.Fatal(err)
		}
		c.commit(cdrs, e.Next)
		if n--; n == 0 || e.Next == end {
			return
		}
	}
}

// calls makes the events of n calls that overlap: call i lasts i seconds,
// every fifth is busy, every seventh never ends.
func calls(n int) []billing.Event {
	var starts, ends []billing.Event
	for i := 1; i <= n; i++ {
		e := billing.Event{
			CallID: fmt.Sprint("call", i), FromTag: "f", Init: 1_780_000_000_000 + billing.Millis(i),
			Caller: billing.Endpoint{Account: "a"}, Callee: billing.Endpoint{Number: "4319001"},
		}
		begin, end := e, e
		begin.Kind, begin.At = billing.EventStart, e.Init+1000
		end.Kind, end.At = billing.EventStop, e.Init+1000+billing.Millis(i)*1000
		switch {
		case i%5 == 0:
			end.Kind, end.Code = billing.EventFail, 486
			ends = append(ends, end)
			continue
		case i%7 == 0:
			end.Kind, end.Seq = billing.EventInterim, 1
		}
		starts, ends = append(starts, begin), append(ends, end)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(ends), func(i, j int) { ends[i], ends[j] = ends[j], ends[i] })
	half := len(starts) / 2
	out := append(starts[:half:half], ends[:half]...)
	return append(append(out, starts[half:]...), ends[half:]...)
}

// TestChain: from event to rated record, with the consumer killed between any
// two transactions, every call has one record, the right one.
func TestChain(t *testing.T) {
	b, err := tariff.NewBuilder(tariff.Config{Currency: eur})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.ReadCSV(strings.NewReader("destination,follow_price,follow_interval\n43,0.01,1\n")); err != nil {
		t.Fatal(err)
	}
	fee, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	const n = 60
	log, err := spool.Open(spool.Config{FS: spool.Dir(t.TempDir()), SegmentSize: 2000})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var last spool.Ticket
	for _, e := range calls(n) {
		raw, err := e.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if last, err = log.Begin(spool.Key(e.Key()), raw); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := last.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	finish := func(c *consumer) map[billing.LegKey]billing.CDR {
		c.run(log, -1)
		c.commit(c.m.Restart(nil, time.Unix(1_780_000_100, 0)), log.Stats().End)
		return c.db.records
	}
	want := finish(&consumer{t: t, db: &ledger{records: map[billing.LegKey]billing.CDR{}}, fee: fee})
	total := billing.Total{}
	for _, r := range want {
		if err := total.Add(r.Parties[0].Amount); err != nil {
			t.Fatal(err)
		}
	}
	// 1+...+60 less the multiples of five (1+...+12 times 5), a cent each: the
	// unended ones are proven for their whole time by their interim mark.
	if len(want) != n || total.String() != "14.40 EUR" {
		t.Fatalf("%d records, %s", len(want), total)
	}
	for seed := range sweep.Of[uint64](10, 30) {
		rng := rand.New(rand.NewPCG(seed, 3))
		c := &consumer{t: t, db: &ledger{records: map[billing.LegKey]billing.CDR{}}, fee: fee}
		for range 8 {
			c.run(log, 1+rng.IntN(25)) // and killed
		}
		if d := cmp.Diff(want, maps.Clone(finish(c)), cmp.AllowUnexported(billing.Amount{}, billing.Currency{}), sameAddr); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
	}
}
