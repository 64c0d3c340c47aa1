package watch

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/fraud"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/routing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var eur = billing.MustCurrency("EUR")

// world is a customer with a daily limit of a euro, at a cent a second.
type world struct {
	*Watch
	t        *testing.T
	store    *directory.Store
	records  ship.Store
	customer int64
	profile  int64
	clock    atomic.Int64
	cuts     []string
	told     []fraud.Verdict
	n        int
}

func (w *world) now() time.Time { return time.UnixMilli(w.clock.Load()).UTC() }

func newWorld(t *testing.T, limits fraud.Limits) *world {
	t.Helper()
	w := &world{t: t}
	w.clock.Store(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC).UnixMilli())
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err, directory.Cause(err))
		}
	}
	var err error
	w.store, err = directory.Open(t.Context(), directory.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "t.db"), Now: w.now})
	ok(err)
	t.Cleanup(func() { w.store.Close() })
	ok(w.store.Migrate(t.Context()))
	p, err := w.store.BillingProfiles().Create(t.Context(), directory.BillingProfile{Name: "p", Currency: eur})
	ok(err)
	second, _ := billing.ParsePrice("0.01/1")
	_, err = w.store.Fees().Create(t.Context(), directory.Fee{ProfileID: p.ID, Direction: billing.Out, Init: second, InitInterval: 1, Follow: second, FollowInterval: 1})
	ok(err)
	ok(w.store.BillingProfiles().SetTerms(t.Context(), directory.Terms{BillingProfileID: p.ID, Limits: limits}))
	c, err := w.store.Customers().Create(t.Context(), directory.Customer{Name: "Acme", BillingProfileID: p.ID})
	ok(err)
	w.customer, w.profile = c.ID, p.ID
	reader, err := w.store.NewReader(t.Context(), directory.ReaderConfig{})
	ok(err)
	t.Cleanup(func() { reader.Close() })
	w.Watch = New(Config{
		Store: w.store, Reader: reader, Ledger: w.store.Accounts(), Now: w.now,
		Cut:    func(_ context.Context, callID, id string) error { w.cuts = append(w.cuts, callID+"/"+id); return nil },
		Notify: func(_ int64, v fraud.Verdict) { w.told = append(w.told, v) },
	})
	w.records = &Counted{Records: w.store.Records(sqlstore.Options{Hook: w.Hook}), Watch: w.Watch}
	return w
}

func day(cents int64) fraud.Limits {
	return fraud.Limits{Day: &fraud.Money{Limit: billing.NewAmount(cents*10_000, eur), Action: fraud.Action{Lock: 2, Cut: true, Notify: true}}}
}

// bill stores the record of a call of so many cents.
func (w *world) bill(cents int64) billing.CDR {
	w.t.Helper()
	w.n++
	end := billing.MillisOf(w.now())
	c := billing.CDR{
		Key: billing.NewLegKey(fmt.Sprint(w.n), "a", 0, 0, end), Revision: 1, Generation: 1, CallID: fmt.Sprint(w.n), FromTag: "a", Status: billing.StatusOK, Code: 200,
		Caller: billing.Endpoint{Account: strconv.FormatInt(w.customer, 10)}, Init: end - 60_000, Start: end - 50_000, End: end, Duration: 50_000,
		Parties: []billing.Party{{Side: billing.SideCaller, Role: billing.RoleCustomer, Account: strconv.FormatInt(w.customer, 10), Amount: billing.NewAmount(cents*10_000, eur)}},
	}
	w.put(c)
	return c
}

func (w *world) put(c billing.CDR) {
	w.t.Helper()
	if err := w.records.Store(w.t.Context(), ship.Batch{Position: ship.Position{Source: "n", Offset: 1}, Records: []ship.Record{{CDR: c}}}); err != nil {
		w.t.Fatal(err)
	}
}

// call is a running call that was answered now.
func (w *world) call(id string) {
	now := billing.MillisOf(w.now())
	w.Answered(id, &billing.Event{
		CallID: "c" + id, Init: now, Start: now, Caller: billing.Endpoint{Account: strconv.FormatInt(w.customer, 10), Number: "4311"}, Callee: billing.Endpoint{Number: "4312"},
	})
}

func (w *world) locked(want routing.Lock) {
	w.t.Helper()
	l, err := w.store.Customers().Locks(w.t.Context(), w.customer)
	if err != nil || l.Spent != want {
		w.t.Errorf("lock %v, %v, want %v", l.Spent, err, want)
	}
}

// TestRecordsCross: what records cost crosses the limit: it is told once, the
// customer is locked, its calls are cut; a new day or an unlock ends that.
func TestRecordsCross(t *testing.T) {
	w := newWorld(t, day(100))
	w.call("1")
	c := w.bill(60)
	w.put(c) // again, as after a crash: it counts once
	w.locked(routing.LockNone)
	w.bill(40)
	w.locked(routing.LockOutgoing)
	if !slices.Equal(w.cuts, []string{"c1/1"}) || len(w.told) != 1 {
		t.Errorf("cut %v, told %d", w.cuts, len(w.told))
	}
	w.Ended("1")
	w.bill(5)
	if len(w.told) != 1 {
		t.Errorf("told %d times", len(w.told))
	}
	w.sweep(t.Context())
	w.locked(routing.LockOutgoing)
	if err := w.store.Unlock(t.Context(), w.customer, directory.LockedBySpending); err != nil {
		t.Fatal(err)
	}
	w.bill(50)
	w.locked(routing.LockNone)
	w.bill(50)
	w.locked(routing.LockOutgoing)
	w.clock.Add(24 * 3_600_000)
	w.sweep(t.Context())
	w.locked(routing.LockNone)
}

// TestRunningCross: what running calls cost so far crosses the limit.
func TestRunningCross(t *testing.T) {
	w := newWorld(t, day(100))
	w.bill(50)
	w.call("1")
	w.call("2")
	w.Ended("unknown")
	w.clock.Add(20_000)
	w.judgeAll(t.Context())
	if len(w.cuts) != 0 {
		t.Fatalf("cut at 0.90: %v", w.cuts)
	}
	w.clock.Add(5_000)
	w.judgeAll(t.Context())
	w.judgeAll(t.Context())
	w.locked(routing.LockOutgoing)
	slices.Sort(w.cuts)
	if len(w.told) != 1 || !slices.Equal(slices.Compact(w.cuts), []string{"c1/1", "c2/2"}) {
		t.Errorf("cut %v, told %d", w.cuts, len(w.told))
	}
}

// TestReservedCross: for a prepaid customer what is set aside counts.
func TestReservedCross(t *testing.T) {
	w := newWorld(t, day(100))
	if err := w.store.BillingProfiles().SetTerms(t.Context(), directory.Terms{BillingProfileID: w.profile, Prepaid: true, Limits: day(100)}); err != nil {
		t.Fatal(err)
	}
	w.call("1")
	w.judgeAll(t.Context()) // nothing was ever paid in
	account, now := strconv.FormatInt(w.customer, 10), billing.MillisOf(w.now())
	accounts := w.store.Accounts()
	if _, err := accounts.Post(t.Context(), ledger.Posting{
		Request: ledger.Request{Key: "p", Node: "n", Account: account, At: now},
		Effect:  ledger.Effect{Entries: []balance.Entry{{Account: account, Wallet: balance.CashWallet, Unit: balance.Cash, Value: -5_000_000}}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := accounts.Reserve(t.Context(), ledger.Reservation{
		Request: ledger.Request{Key: "r", Node: "n", Account: account, At: now}, Hold: "h", Value: 1_000_000, Until: now + 60_000,
	}); err != nil {
		t.Fatal(err)
	}
	w.judgeAll(t.Context())
	w.locked(routing.LockOutgoing)
	if len(w.cuts) != 1 {
		t.Errorf("cut %v", w.cuts)
	}
}

// TestRun judges by itself and ends with its context.
func TestRun(t *testing.T) {
	w := newWorld(t, fraud.Limits{})
	w.cfg.Every, w.cfg.Sweep = time.Millisecond, time.Millisecond
	w.call("1")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.Run(ctx); err != nil {
		t.Error(err)
	}
	w.locked(routing.LockNone)
	if len(w.Metrics()) != 2 {
		t.Error("metrics are missing")
	}
}
