package books

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cmd/internal/charge"
	"github.com/class5-go/class5/cmd/internal/prepaid"
	"github.com/class5-go/class5/sip/routing"
)

func TestMain(m *testing.M) { mariadb.Main(m) }

var eur = billing.MustCurrency("EUR")

func euros(micros int64) billing.Amount { return billing.NewAmount(micros, eur) }

// office is a platform with a customer who pays 0.05 a minute.
type office struct {
	t        testing.TB
	store    *directory.Store
	reader   *directory.Reader
	records  ship.Store
	rate     func(context.Context, *ship.Record) error
	customer int64
	profile  int64
	now      time.Time
	n        int
	path     string
}

func newOffice(t *testing.T, terms directory.Terms) *office {
	t.Helper()
	return openOffice(t, terms, "")
}

// openOffice is newOffice in a database, SQLite's when it is "".
func openOffice(t testing.TB, terms directory.Terms, dsn string) *office {
	t.Helper()
	o := &office{t: t, path: filepath.Join(t.TempDir(), "t.db"), now: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return o.now }
	var err error
	o.store, err = directory.Open(t.Context(), directory.Config{DSN: cmp.Or(dsn, "sqlite:"+o.path), Now: clock})
	o.ok(err)
	t.Cleanup(func() { o.store.Close() })
	o.ok(o.store.Migrate(t.Context()))
	p, err := o.store.BillingProfiles().Create(t.Context(), directory.BillingProfile{Name: "p", Currency: eur})
	o.ok(err)
	_, err = o.store.Fees().Create(t.Context(),
		directory.Fee{ProfileID: p.ID, Direction: billing.Out, Init: billing.MustPrice("0.05/60"), InitInterval: 60, Follow: billing.MustPrice("0.05/60"), FollowInterval: 60, FreeTime: true},
		directory.Fee{ProfileID: p.ID, Direction: billing.Out, Destination: "49", Zone: "abroad", Init: billing.MustPrice("0.50/60"), InitInterval: 60, Follow: billing.MustPrice("0.50/60"), FollowInterval: 60})
	o.ok(err)
	terms.BillingProfileID = p.ID
	o.ok(o.store.BillingProfiles().SetTerms(t.Context(), terms))
	c, err := o.store.Customers().Create(t.Context(), directory.Customer{Name: "Acme", BillingProfileID: p.ID})
	o.ok(err)
	o.customer, o.profile = c.ID, p.ID
	o.reader, err = o.store.NewReader(t.Context(), directory.ReaderConfig{})
	o.ok(err)
	t.Cleanup(func() { o.reader.Close() })
	b := &Books{Store: o.store, Holder: o.reader.Holder, Node: "n", Now: clock}
	o.records = o.store.Records(sqlstore.Options{Hook: b.Hook})
	o.rate = charge.Rate(o.reader)
	return o
}

func (o *office) ok(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err, directory.Cause(err))
	}
}

// call is the record of a call of so many seconds that ended now.
func (o *office) call(to string, seconds int64) ship.Record {
	o.n++
	end := billing.MillisOf(o.now)
	start := end - billing.Millis(seconds*1000)
	r := ship.Record{CDR: billing.CDR{
		Key: billing.NewLegKey(strconv.Itoa(o.n), "a", 0, 0, start-1000), Revision: 1, Generation: 1, CallID: strconv.Itoa(o.n), FromTag: "a",
		Status: billing.StatusOK, Code: 200, Caller: billing.Endpoint{Account: strconv.FormatInt(o.customer, 10), Number: "4311"},
		Callee: billing.Endpoint{Number: to}, Init: start - 1000, Start: start, End: end, Duration: end - start,
	}}
	o.ok(o.rate(o.t.Context(), &r))
	return r
}

func (o *office) put(records ...ship.Record) {
	o.t.Helper()
	o.ok(o.records.Store(o.t.Context(), ship.Batch{Position: ship.Position{Source: "n", Offset: 1}, Records: records}))
	o.ok(o.store.Accounts().Audit(o.t.Context()))
}

func (o *office) account() (balance.Account, ledger.Balance) {
	o.t.Helper()
	a, b, err := o.store.AccountNow(o.t.Context(), o.customer, billing.MillisOf(o.now))
	o.ok(err)
	return a, b
}

// want checks cash, free seconds and debit of the running interval, and that
// the ledger has what the document says.
func (o *office) want(cash, freeSeconds, debit int64) {
	o.t.Helper()
	a, b := o.account()
	i := a.Running()
	if i.Cash.Micros() != cash || int64(i.FreeLeft)/1000 != freeSeconds || i.Debit.Micros() != debit {
		o.t.Errorf("cash %s, free %d s, debit %s; want %d, %d, %d", i.Cash, int64(i.FreeLeft)/1000, i.Debit, cash, freeSeconds, debit)
	}
	if b.Value != cash {
		o.t.Errorf("the ledger has %d, want %d", b.Value, cash)
	}
}

func (o *office) receipt(r ship.Record) balance.Receipt {
	o.t.Helper()
	list, err := o.store.Receipts(o.t.Context(), r.Key)
	o.ok(err)
	if len(list) != 1 {
		o.t.Fatalf("%d receipts", len(list))
	}
	return list[0].Receipt
}

// TestFreeMinutes: a hundred free minutes a month, then 0.05 a minute, all of
// it due at the end of the month.
func TestFreeMinutes(t *testing.T) {
	o := newOffice(t, directory.Terms{FreeTime: 6_000_000})
	o.now = o.now.Add(24 * time.Hour)
	o.put(o.call("4312", 60*60), o.call("4312", 30*60), o.call("49", 60)) // 0.50, abroad, where free time does not count
	o.want(0, 600, 500_000)
	last := o.call("4312", 12*60) // 10 free minutes are left
	o.put(last)
	o.want(0, 0, 600_000)
	if r := o.receipt(last); r.FreeTime != 600_000 || r.Due != euros(100_000) || r.Price != euros(100_000) || !r.FromBalance.IsZero() {
		t.Errorf("receipt %+v", r)
	}
	o.put(last) // again, as after a crash
	o.want(0, 0, 600_000)
	o.now = time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC)
	o.want(0, 6000, 0)
	o.put(o.call("4312", 60))
	o.want(0, 5940, 0)
	if a, _ := o.account(); len(a.Intervals) != 2 || a.Intervals[0].Debit != euros(600_000) {
		t.Errorf("intervals %+v", a.Intervals)
	}
}

// TestLate: a record of last month that comes today is paid by last month's
// free minutes.
func TestLate(t *testing.T) {
	o := newOffice(t, directory.Terms{FreeTime: 6_000_000})
	o.now = o.now.Add(24 * time.Hour)
	r := o.call("4312", 600)
	o.now = time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC)
	o.put(o.call("4312", 60), r)
	o.want(0, 5940, 0)
	if a, _ := o.account(); a.Intervals[0].FreeLeft != 5_400_000 {
		t.Errorf("intervals %+v", a.Intervals)
	}
}

// TestRevision: a later revision of a record takes back what the account has
// paid and pays by what is right, whether that is less, more or nothing.
func TestRevision(t *testing.T) {
	o := newOffice(t, directory.Terms{FreeTime: 600_000})
	o.now = o.now.Add(24 * time.Hour)
	_, err := o.store.Book(t.Context(), o.customer, directory.Booking{Key: "topup", Node: "web", At: billing.MillisOf(o.now)}, func(b directory.Books) (balance.Change, any, error) {
		c, err := balance.Add(b.Terms, b.Account, balance.TopUp{At: billing.MillisOf(o.now), Amount: euros(1_000_000)})
		return c, nil, err
	})
	o.ok(err)
	r := o.call("4312", 12*60)
	o.put(r)
	o.want(900_000, 0, 100_000)
	next := r
	for _, c := range []struct {
		seconds             int64
		status              billing.Status
		cash, free, charged int64
	}{
		{3 * 60, billing.StatusOK, 1_000_000, 420, 0},
		{20 * 60, billing.StatusOK, 500_000, 0, 500_000},
		{40 * 60, billing.StatusOK, 0, 0, 1_500_000}, // 0.50 of it is due
		{0, billing.StatusOther, 1_000_000, 600, 0},
		{11 * 60, billing.StatusOK, 950_000, 0, 50_000},
	} {
		next.Revision++
		next.Status, next.Duration = c.status, billing.Millis(c.seconds*1000)
		next.End = next.Start + next.Duration
		next.Parties, next.Detail = nil, nil
		o.ok(o.rate(t.Context(), &next))
		o.put(next)
		o.want(c.cash, c.free, c.charged)
	}
	if r := o.receipt(next); r.Price != euros(50_000) || r.FreeTime != 600_000 {
		t.Errorf("receipt %+v", r)
	}
	// The journal tells all of it.
	var reversals int
	db := sqlx.MustOpen("sqlite", o.path)
	defer db.Close()
	o.ok(db.Get(&reversals, "SELECT COUNT(*) FROM ledger_journal WHERE reason = 'reversal' AND wallet = 'cash'"))
	if reversals != 3 {
		t.Errorf("%d reversing entries of cash, want 3", reversals)
	}
}

// TestPrepaid: the session of a call settles its price before the record comes:
// the record pays no more, and gives back what a package pays.
func TestPrepaid(t *testing.T) {
	o := newOffice(t, directory.Terms{Prepaid: true})
	ctx := t.Context()
	lock, none := 2, 0
	below := euros(100_000)
	_, err := o.store.Packages().Create(ctx, directory.Package{Name: "abroad10", Rules: balance.Package{
		ServiceCharge: euros(2_000_000), LockBelow: &below, LockLevel: &lock, TopUpLock: &none,
		Bundles: []balance.Bundle{{Wallet: balance.Wallet{ID: "abroad", Unit: balance.Time, Value: 600_000, Weight: 1, Filter: balance.Filter{Zones: []string{"abroad"}}},
			Life: balance.Span{Count: 30, Period: balance.Day}}},
	}})
	o.ok(err)
	_, err = o.store.Vouchers().Create(ctx, directory.Voucher{Amount: euros(3_000_000), Package: "abroad10"}, "VOUC-HER1")
	o.ok(err)
	o.ok(o.store.Redeem(ctx, o.customer, "vouc her1"))
	o.want(1_000_000, 0, 0)
	if err := o.store.Redeem(ctx, o.customer, "voucher1"); err == nil {
		t.Error("redeemed twice")
	}
	o.now = o.now.Add(time.Hour)
	settle := func(r ship.Record, micros int64) {
		_, err := o.store.Accounts().Settle(ctx, ledger.Settlement{
			Request: ledger.Request{Key: prepaid.Settled(r.Key, billing.SideCaller), Node: "n", Account: strconv.FormatInt(o.customer, 10), At: billing.MillisOf(o.now)},
			Hold:    "session/" + r.Key.String() + "/0", Value: micros, Ref: r.Key.String(),
		})
		o.ok(err)
	}
	r := o.call("4912", 4*60) // 2.00 without the package
	settle(r, 1_000_000)
	if _, b := o.account(); b.Value != 0 {
		t.Errorf("after the settlement there is %d", b.Value)
	}
	o.put(r)
	o.want(1_000_000, 0, 0)
	if a, _ := o.account(); a.Wallets[0].Value != 360_000 {
		t.Errorf("wallets %+v", a.Wallets)
	}
	r = o.call("4912", 7*60) // six minutes of the package, then 0.50
	settle(r, 500_000)
	o.put(r)
	o.want(500_000, 0, 500_000)
	r = o.call("4312", 9*60) // 0.45
	settle(r, 450_000)
	o.put(r)
	o.want(50_000, 0, 950_000)
	locks := func(want routing.Lock) {
		t.Helper()
		if l, err := o.store.Customers().Locks(ctx, o.customer); err != nil || l.Level() != want {
			t.Errorf("lock %v, %v, want %v", l.Level(), err, want)
		}
	}
	locks(routing.LockOutgoing)
	// A call that nobody settled: its record pays what there is.
	r = o.call("4312", 3*60)
	o.put(r)
	o.want(0, 0, 1_100_000)
	if r := o.receipt(r); r.FromBalance != euros(50_000) || r.Due != euros(100_000) {
		t.Errorf("receipt %+v", r)
	}
	_, err = o.store.Vouchers().Create(ctx, directory.Voucher{Amount: euros(5_000_000), CustomerID: o.customer}, "voucher2")
	o.ok(err)
	o.ok(o.store.Redeem(ctx, o.customer, "voucher2"))
	locks(routing.LockNone)
	// The lock of a balance can be ended by hand, and comes back with the next
	// crossing of the threshold.
	o.put(o.call("4312", 120*60))
	locks(routing.LockOutgoing)
	o.now = o.now.Add(time.Minute)
	o.ok(o.store.Unlock(ctx, o.customer, directory.LockedBySpending))
	locks(routing.LockOutgoing)
	o.ok(o.store.Unlock(ctx, o.customer, directory.LockedBySpending, directory.LockedByBalance))
	locks(routing.LockNone)
	_, err = o.store.Vouchers().Create(ctx, directory.Voucher{Amount: euros(5_000_000), CustomerID: o.customer}, "voucher3")
	o.ok(err)
	o.ok(o.store.Redeem(ctx, o.customer, "voucher3"))
	o.put(o.call("4312", 120*60))
	locks(routing.LockOutgoing)
}

// TestReserved: what another call has reserved does not pay for a record, and
// what a record is settled for is not charged twice.
func TestReserved(t *testing.T) {
	o := newOffice(t, directory.Terms{Prepaid: true})
	ctx := t.Context()
	account := strconv.FormatInt(o.customer, 10)
	_, err := o.store.Vouchers().Create(ctx, directory.Voucher{Amount: euros(1_000_000)}, "voucher1")
	o.ok(err)
	o.ok(o.store.Redeem(ctx, o.customer, "voucher1"))
	o.now = o.now.Add(time.Hour)
	at := billing.MillisOf(o.now)
	_, err = o.store.Accounts().Reserve(ctx, ledger.Reservation{
		Request: ledger.Request{Key: "r", Node: "n", Account: account, At: at}, Hold: "other", Value: 900_000, Until: at + 60_000,
	})
	o.ok(err)
	r := o.call("4312", 4*60) // 0.20
	o.put(r)
	o.want(900_000, 0, 200_000)
	if r := o.receipt(r); r.FromBalance != euros(100_000) || r.Due != euros(100_000) {
		t.Errorf("receipt %+v", r)
	}
	if b, err := o.store.Accounts().Balance(ctx, account, balance.CashWallet, at); err != nil || b.Available != 0 || b.Held != 900_000 {
		t.Errorf("ledger %+v, %v", b, err)
	}
}

// TestPoison: a record that an account can not pay for is named, and nothing of
// its batch is stored.
func TestPoison(t *testing.T) {
	o := newOffice(t, directory.Terms{})
	o.now = o.now.Add(time.Hour)
	good, bad := o.call("4312", 60), o.call("4312", 60)
	bad.Detail = nil
	bad.Parties[0].Amount = billing.NewAmount(1, billing.MustCurrency("USD"))
	err := o.records.Store(t.Context(), ship.Batch{Records: []ship.Record{good, bad}})
	if e := new(ship.RecordError); !errors.As(err, &e) || e.Key != bad.Key {
		t.Errorf("error %v", err)
	}
	o.want(0, 0, 0)
	o.put(good)
	o.want(0, 0, 50_000)
}
