package rerating

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cmd/internal/books"
	"github.com/class5-go/class5/cmd/internal/charge"
	"github.com/class5-go/class5/internal/dbtest"
)

var mariadb dbtest.Server

func TestMain(m *testing.M) { mariadb.Main(m) }

var eur = billing.MustCurrency("EUR")

// platform is one with two customers who pay a cent a second, and a node whose
// calls are paid as they end.
type platform struct {
	*Rerating
	t         *testing.T
	now       time.Time
	profile   int64
	customers [2]int64
	node      ship.Store
	rate      func(context.Context, *ship.Record) error
	calls     atomic.Int64
}

func onEach(t *testing.T, test func(p *platform)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(newPlatform(t, "sqlite:"+filepath.Join(t.TempDir(), "t.db"))) })
	t.Run("mariadb", func(t *testing.T) { test(newPlatform(t, "mysql:"+mariadb.Database(t))) })
}

func newPlatform(t *testing.T, dsn string) *platform {
	p := &platform{t: t, now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return p.now }
	s, err := directory.Open(t.Context(), directory.Config{DSN: dsn, Now: clock})
	p.ok(err)
	t.Cleanup(func() { s.Close() })
	p.ok(s.Migrate(t.Context()))
	profile, err := s.BillingProfiles().Create(t.Context(), directory.BillingProfile{Name: "p", Currency: eur})
	p.ok(err)
	p.profile = profile.ID
	p.Rerating = &Rerating{Store: s, Node: "web", Now: clock, Log: slog.New(slog.DiscardHandler)}
	p.price("0.01")
	for i := range p.customers {
		c, err := s.Customers().Create(t.Context(), directory.Customer{Name: fmt.Sprint("c", i), BillingProfileID: profile.ID})
		p.ok(err)
		p.customers[i] = c.ID
	}
	reader, err := s.NewReader(t.Context(), directory.ReaderConfig{})
	p.ok(err)
	t.Cleanup(func() { reader.Close() })
	b := &books.Books{Store: s, Holder: reader.Holder, Node: "n", Now: clock}
	p.node, p.rate = s.Records(sqlstore.Options{Hook: b.Hook}), charge.Rate(reader)
	return p
}

func (p *platform) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err, directory.Cause(err))
	}
}

// price is that of a second from now on.
func (p *platform) price(second string) {
	p.t.Helper()
	ctx := p.t.Context()
	old, err := p.Store.Fees().List(ctx, directory.FeeFilter{ProfileID: p.profile}, directory.Page{})
	p.ok(err)
	for _, f := range old.Items {
		p.ok(p.Store.Fees().Delete(ctx, f.ID, f.Rev))
	}
	each := billing.MustPrice(second + "/1")
	_, err = p.Store.Fees().Create(ctx, directory.Fee{ProfileID: p.profile, Direction: billing.Out, Destination: "43", Init: each, InitInterval: 1, Follow: each, FollowInterval: 1})
	p.ok(err)
}

// call stores a call of a minute, as its node does.
func (p *platform) call(customer int, to string) error {
	return p.store(p.record(customer, to, p.calls.Add(1)))
}

func (p *platform) record(customer int, to string, n int64) ship.Record {
	start := billing.MillisOf(p.now) - billing.Millis(n)*60_000
	id := strconv.FormatInt(n, 10)
	return ship.Record{CDR: billing.CDR{
		Key: billing.NewLegKey(id, "a", 0, 0, start), Revision: 1, Generation: 1, CallID: id, FromTag: "a",
		Status: billing.StatusOK, Code: 200, Caller: billing.Endpoint{Account: strconv.FormatInt(p.customers[customer], 10), Number: "4311"},
		Callee: billing.Endpoint{Number: to}, Init: start, Start: start, End: start + 60_000, Duration: 60_000, Media: []byte(`{"mos":4.1}`),
	}}
}

func (p *platform) store(r ship.Record) error {
	if err := p.rate(p.t.Context(), &r); err != nil {
		return err
	}
	var err error
	for range 50 {
		if err = p.node.Store(p.t.Context(), ship.Batch{Records: []ship.Record{r}}); err == nil {
			return nil
		}
		time.Sleep(5 * time.Millisecond) // a deadlock: the shipper tries again as well
	}
	return err
}

// owed is what a customer has to pay for this month, which must be what its
// calls cost.
func (p *platform) owed(customer int) int64 {
	p.t.Helper()
	a, _, err := p.Store.AccountNow(p.t.Context(), p.customers[customer], billing.MillisOf(p.now))
	p.ok(err)
	debit := a.Running().Debit.Micros()
	var sum int64
	for c, err := range p.Store.Records(sqlstore.Options{}).Records(p.t.Context(), sqlstore.Filter{Account: strconv.FormatInt(p.customers[customer], 10)}) {
		p.ok(err)
		if sum += c.Parties[0].Amount.Micros(); len(c.Media) == 0 {
			p.t.Errorf("call %s lost its media figures", c.CallID)
		}
	}
	if sum != debit {
		p.t.Errorf("calls of customer %d cost %d, it owes %d", customer, sum, debit)
	}
	p.ok(p.Store.Accounts().Audit(p.t.Context()))
	return debit
}

func (p *platform) owes(customer int, cents int64) {
	p.t.Helper()
	if got := p.owed(customer); got != cents*10_000 {
		p.t.Errorf("customer %d owes %d, want %d cents", customer, got, cents)
	}
}

// TestRerate: a plan writes nothing; carried out it is in force for whom it was
// planned, once; and it is noted who did it.
func TestRerate(t *testing.T) {
	onEach(t, func(p *platform) {
		ctx := p.t.Context()
		for range 3 {
			p.ok(p.call(0, "4312"))
			p.ok(p.call(1, "4312"))
		}
		p.owes(0, 180)
		p.price("0.02")
		all := directory.RerateFilter{From: billing.MillisOf(p.now.Add(-time.Hour)), To: billing.MillisOf(p.now)}
		one := all
		one.CustomerID, one.Profile = p.customers[0], "p"
		plan, err := p.Rerate(ctx, one, "", "")
		p.ok(err)
		if plan.Records != 3 || plan.Changed != 3 || len(plan.Accounts) != 1 || plan.Accounts[0].Difference != "1.80 EUR" || plan.Done {
			p.t.Errorf("plan %+v", plan)
		}
		p.owes(0, 180)
		if _, err := p.Rerate(ctx, all, plan.Plan, "eve"); !errors.Is(err, directory.ErrStale) {
			p.t.Errorf("the plan of another selection: %v", err)
		}
		for range 2 {
			done, err := p.Rerate(ctx, one, plan.Plan, "alice")
			p.ok(err)
			if !done.Done || done.Changed != 3 || done.Refused != 0 || done.By != "alice" {
				p.t.Errorf("applied %+v", done)
			}
			p.owes(0, 360)
			p.owes(1, 180)
		}
		again, err := p.Rerate(ctx, one, "", "")
		p.ok(err)
		if again.Changed != 0 || again.Records != 3 {
			p.t.Errorf("planned again: %+v", again)
		}
		// Forth and back is a plan of its own each time.
		for i, second := range []string{"0.01", "0.02", "0.01"} {
			p.price(second)
			plan, err := p.Rerate(ctx, all, "", "")
			p.ok(err)
			_, err = p.Rerate(ctx, all, plan.Plan, "alice")
			p.ok(err)
			p.owes(0, []int64{180, 360, 180}[i])
			p.owes(1, []int64{180, 360, 180}[i])
		}
		list, err := p.Store.Reratings().List(ctx)
		p.ok(err)
		if len(list) != 4 || list[3].Filter != one || list[3].By != "alice" || len(list[3].Accounts) != 1 {
			p.t.Errorf("noted: %+v", list)
		}
	})
}

// TestStale: what is not as it was planned is not carried out, and calls
// without a price keep theirs.
func TestStale(t *testing.T) {
	onEach(t, func(p *platform) {
		ctx := p.t.Context()
		p.ok(p.call(0, "4312"))
		all := directory.RerateFilter{From: 1, To: billing.MillisOf(p.now)}
		p.price("0.02")
		plan, err := p.Rerate(ctx, all, "", "")
		p.ok(err)
		p.price("0.03")
		if _, err := p.Rerate(ctx, all, plan.Plan, "alice"); !errors.Is(err, directory.ErrStale) {
			p.t.Errorf("another tariff: %v", err)
		}
		p.price("0.02")
		p.ok(p.call(0, "4312"))
		if _, err := p.Rerate(ctx, all, plan.Plan, "alice"); !errors.Is(err, directory.ErrStale) {
			p.t.Errorf("another call: %v", err)
		}
		p.owes(0, 180)
		fees, err := p.Store.Fees().List(ctx, directory.FeeFilter{ProfileID: p.profile}, directory.Page{})
		p.ok(err)
		p.ok(p.Store.Fees().Delete(ctx, fees.Items[0].ID, fees.Items[0].Rev))
		plan, err = p.Rerate(ctx, all, "", "")
		p.ok(err)
		if plan.Failed != 2 || plan.Changed != 0 || len(plan.Failures) != 2 {
			p.t.Errorf("without a fee: %+v", plan)
		}
		p.owes(0, 180)
	})
}

// broken is a store that fails after some batches.
type broken struct {
	Inner ship.Store
	left  int
}

func (b *broken) Position(ctx context.Context, source string) (ship.Position, error) {
	return b.Inner.Position(ctx, source)
}

var errBroken = errors.New("broken")

func (b *broken) Store(ctx context.Context, batch ship.Batch) error {
	if b.left--; b.left < 0 {
		return errBroken
	}
	return b.Inner.Store(ctx, batch)
}

// TestBrokenOff: a plan that was broken off goes on when it is asked for again.
func TestBrokenOff(t *testing.T) {
	onEach(t, func(p *platform) {
		ctx := p.t.Context()
		const calls = 2*batch + 50
		for range calls {
			p.ok(p.call(0, "4312"))
		}
		p.price("0.02")
		all := directory.RerateFilter{From: 1, To: billing.MillisOf(p.now)}
		plan, err := p.Rerate(ctx, all, "", "")
		p.ok(err)
		p.ok(p.Store.Reratings().Begin(ctx, plan))
		reader, err := p.Store.NewReader(ctx, directory.ReaderConfig{})
		p.ok(err)
		defer reader.Close()
		w := &work{Rerating: p.Rerating, filter: all, rate: charge.Rate(reader), records: &broken{p.records(reader), 1}}
		if err := w.apply(ctx); !errors.Is(err, errBroken) {
			p.t.Fatal(err)
		}
		p.owes(0, (calls+batch)*60)
		done, err := p.Rerate(ctx, all, plan.Plan, "alice")
		p.ok(err)
		if !done.Done || done.Changed != calls {
			p.t.Errorf("%+v", done)
		}
		p.owes(0, calls*120)
	})
}

// TestBesideCalls: calls that end meanwhile, and what becomes known late of
// those that are priced anew, are paid, and each one once.
func TestBesideCalls(t *testing.T) {
	onEach(t, func(p *platform) {
		ctx := p.t.Context()
		const before, meanwhile = 300, 40
		for range before {
			p.ok(p.call(0, "4312"))
		}
		p.price("0.02")
		all := directory.RerateFilter{From: billing.MillisOf(p.now.Add(-before * time.Minute)), To: billing.MillisOf(p.now)}
		plan, err := p.Rerate(ctx, all, "", "")
		p.ok(err)
		var wg sync.WaitGroup
		var failed error
		waiting, cancel := context.WithCancel(ctx)
		defer cancel()
		wg.Go(func() {
			// Once it has begun: what changes before that makes another plan of it.
			for begun := directory.ErrNotFound; errors.Is(begun, directory.ErrNotFound); time.Sleep(time.Millisecond) {
				_, begun = p.Store.Reratings().Find(waiting, plan.Plan)
			}
			for i := range meanwhile {
				late := p.record(0, "4312", int64(before-5*i)) // of one that is being priced anew
				late.Revision, late.End, late.Duration = 2, late.End+60_000, late.Duration+60_000
				if failed = errors.Join(p.call(0, "4312"), p.store(late)); failed != nil {
					return
				}
			}
		})
		done, err := p.Rerate(ctx, all, plan.Plan, "alice")
		if err != nil {
			cancel()
		}
		wg.Wait()
		p.ok(errors.Join(err, failed))
		if !done.Done || done.Refused != 0 {
			p.t.Errorf("%+v", done)
		}
		p.owed(0)
		again, err := p.Rerate(ctx, all, "", "")
		p.ok(err)
		_, err = p.Rerate(ctx, all, again.Plan, "alice")
		p.ok(err)
		p.owes(0, (before+2*meanwhile)*120) // new calls, and as many late minutes
	})
}
