package directory_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/routing"
)

// noon is when tests begin, by the clock of their stores.
var noon = billing.MillisOf(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC))

// TestPackages: rules come back as they were stored; what can't be is refused.
func TestPackages(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		level, below := 2, euros(1)
		rules := balance.Package{
			Rule: balance.Rule{Length: balance.Span{Count: 2, Period: balance.Week}, Start: balance.StartTopUpInterval}, CarryOver: balance.CarryTimely,
			Timely: balance.Span{Count: 1, Period: balance.Day}, DiscardAfter: 3, InitialBalance: euros(2), ServiceCharge: euros(1), LockBelow: &below, LockLevel: &level,
			Bundles: []balance.Bundle{{Wallet: balance.Wallet{ID: "abroad", Unit: balance.Time, Value: 60_000, Weight: 1}, Life: balance.Span{Count: 30, Period: balance.Day}}},
		}
		p := must(s.Packages().Create(t.Context(), directory.Package{Name: "gold", Rules: rules}))(t)
		got := must(s.Packages().Find(t.Context(), p.ID))(t)
		if got.Name != "gold" || got.Rev != 1 || got.Rules.Rule != rules.Rule || *got.Rules.LockBelow != below || got.Rules.Bundles[0].Wallet.Value != 60_000 {
			t.Errorf("stored %+v", got)
		}
		_, err := s.Packages().Create(t.Context(), directory.Package{Name: "gold"})
		wantError(t, err, directory.ErrConflict, "name")
		got.Name = "silver"
		_, err = s.Packages().Update(t.Context(), got)
		wantError(t, err, directory.ErrInvalid, "name")
		got.Name, got.Rules.DiscardAfter = "gold", 0
		if got = must(s.Packages().Update(t.Context(), got))(t); got.Rev != 2 || got.Rules.DiscardAfter != 0 {
			t.Errorf("updated %+v", got)
		}
		for _, bad := range []balance.Package{
			{DiscardAfter: -1},
			{CarryOver: "sometimes"},
			{Underrun: []balance.Mapping{{Profile: "1"}}},
			{Bundles: []balance.Bundle{{Wallet: balance.Wallet{ID: balance.CashWallet, Unit: balance.Time}}}},
		} {
			_, err := s.Packages().Create(t.Context(), directory.Package{Name: "bad", Rules: bad})
			wantError(t, err, directory.ErrInvalid, "")
		}
		if l := must(s.Packages().List(t.Context(), directory.Page{}))(t); len(l.Items) != 1 {
			t.Errorf("listed %+v", l)
		}
		if err := s.Packages().Delete(t.Context(), p.ID, 2); err != nil {
			t.Error(err)
		}
	})
}

// TestVouchers: a voucher is redeemed once, however many try at the same time,
// by whom it is for and as long as it is valid.
func TestVouchers(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		w := newWorld(t, s)
		other := must(s.Customers().Create(t.Context(), directory.Customer{Name: "Other", BillingProfileID: w.profile.ID}))(t)
		must(s.Packages().Create(t.Context(), directory.Package{Name: "gold", Rules: balance.Package{
			Bundles: []balance.Bundle{{Wallet: balance.Wallet{ID: "s", Unit: balance.Time, Value: 60_000}}},
		}}))(t)
		create := func(v directory.Voucher, code string) directory.Voucher {
			return must(s.Vouchers().Create(t.Context(), v, code))(t)
		}
		v := create(directory.Voucher{Amount: euros(5), Package: "gold"}, "ABCD-efgh 12")
		if v.Hint != "gh12" || !v.Used.IsZero() {
			t.Errorf("voucher %+v", v)
		}
		for field, bad := range map[string]directory.Voucher{
			"amount": {Amount: euros(-1)}, "package": {Amount: euros(1), Package: "none"}, "customer_id": {Amount: euros(1), CustomerID: 99},
		} {
			_, err := s.Vouchers().Create(t.Context(), bad, "othercode")
			wantError(t, err, directory.ErrInvalid, field)
		}
		_, err := s.Vouchers().Create(t.Context(), directory.Voucher{Amount: euros(1)}, "abcdefgh12")
		wantError(t, err, directory.ErrConflict, "code")
		_, err = s.Vouchers().Create(t.Context(), directory.Voucher{Amount: euros(1)}, "short")
		wantError(t, err, directory.ErrInvalid, "code")

		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() { errs[i] = s.Redeem(t.Context(), []int64{w.customer.ID, other.ID}[i%2], "abcd efgh12") })
		}
		wg.Wait()
		done := 0
		for _, err := range errs {
			if err == nil {
				done++
				continue
			}
			wantError(t, err, directory.ErrInvalid, "code")
		}
		if v = must(s.Vouchers().Find(t.Context(), v.ID))(t); done != 1 || v.Used.IsZero() || v.UsedBy == 0 {
			t.Errorf("redeemed %d times, %+v", done, v)
		}
		a, cash, err := s.AccountNow(t.Context(), v.UsedBy, noon)
		if err != nil || cash.Value != 5_000_000 || a.Package != "gold" || len(a.Wallets) != 1 || a.Wallets[0].Value != 60_000 {
			t.Errorf("account %+v, %+v, %v", a, cash, err)
		}

		create(directory.Voucher{Amount: euros(1), CustomerID: other.ID}, "onlyother")
		create(directory.Voucher{Amount: euros(1), ValidUntil: noon.Time().Add(-time.Hour)}, "overover")
		create(directory.Voucher{Amount: billing.NewAmount(1, billing.MustCurrency("USD"))}, "dollars1")
		for _, code := range []string{"onlyother", "overover", "dollars1", "unknown1", "abcdefgh12"} {
			wantError(t, s.Redeem(t.Context(), w.customer.ID, code), directory.ErrInvalid, "code")
		}
		wantError(t, s.Redeem(t.Context(), 99, "onlyother"), directory.ErrNotFound, "")
		if err := s.Redeem(t.Context(), other.ID, "OnlyOther"); err != nil {
			t.Error(err)
		}
		if err := s.Accounts().Audit(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestBook: an account opens with its first booking, is booked once for a key,
// follows its contract, and its lock is the customer's.
func TestBook(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		w := newWorld(t, s)
		level := 3
		below := euros(1)
		must(s.Packages().Create(t.Context(), directory.Package{Name: "gold", Rules: balance.Package{LockBelow: &below, LockLevel: &level}}))(t)
		if err := s.BillingProfiles().SetTerms(t.Context(), directory.Terms{
			BillingProfileID: w.profile.ID, FreeTime: 60_000, FreeCash: euros(1), Rule: balance.Rule{Start: balance.StartCreate},
		}); err != nil {
			t.Fatal(err)
		}
		now := noon
		topUp := func(key, content string, units int64) error {
			_, err := s.Book(t.Context(), w.customer.ID, directory.Booking{Key: key, Node: "n", At: now, Content: content}, func(b directory.Books) (balance.Change, any, error) {
				c, err := balance.Add(b.Terms, b.Account, balance.TopUp{At: now, Amount: euros(units), Package: "gold"})
				return c, nil, err
			})
			return err
		}
		var wg sync.WaitGroup
		for range 6 { // the account is opened by one of them
			wg.Go(func() {
				if err := topUp("a", "5", 5); err != nil {
					t.Error(err, directory.Cause(err))
				}
			})
		}
		wg.Wait()
		wantError(t, topUp("a", "6", 6), directory.ErrConflict, "token")
		look := func() (balance.Account, int64) {
			t.Helper()
			a, cash, err := s.AccountNow(t.Context(), w.customer.ID, now)
			if err != nil {
				t.Fatal(err, directory.Cause(err))
			}
			return a, cash.Value
		}
		if a, cash := look(); cash != 6_000_000 || a.Running().FreeLeft != 60_000 || a.Cash() != euros(6) || a.Package != "gold" {
			t.Errorf("%+v with %d", a, cash)
		}
		_, err := s.Book(t.Context(), w.customer.ID, directory.Booking{Key: "set", Node: "n", At: now}, func(b directory.Books) (balance.Change, any, error) {
			c, err := balance.Set(b.Terms, b.Account, balance.CashWallet, 500_000, now, "")
			return c, nil, err
		})
		if err != nil {
			t.Fatal(err, directory.Cause(err))
		}
		if l := must(s.Customers().Locks(t.Context(), w.customer.ID))(t); l.Balance != routing.LockAll || l.Level() != routing.LockAll {
			t.Errorf("locks %+v", l)
		}
		refused := errors.New("no")
		_, err = s.Book(t.Context(), w.customer.ID, directory.Booking{Key: "no", Node: "n", At: now}, func(directory.Books) (balance.Change, any, error) { return balance.Change{}, nil, refused })
		if !errors.Is(err, directory.ErrAccount) || !errors.Is(err, refused) {
			t.Errorf("refused with %v", err)
		}
		// Another profile gives other amounts from the next interval on; what is
		// deleted leaves the account as it is.
		p := must(s.BillingProfiles().Create(t.Context(), directory.BillingProfile{Name: "new", Currency: billing.MustCurrency("EUR")}))(t)
		w.customer.BillingProfileID = p.ID
		w.customer = must(s.Customers().Update(t.Context(), w.customer))(t)
		l := must(s.Packages().List(t.Context(), directory.Page{}))(t)
		if err := s.Packages().Delete(t.Context(), l.Items[0].ID, l.Items[0].Rev); err != nil {
			t.Fatal(err)
		}
		now += 40 * 86_400_000
		h := must(s.Holder(t.Context(), w.customer.ID))(t)
		a, terms, err := s.OpenAccount(t.Context(), h, now)
		if err != nil || a.Running().FreeTime != 0 || len(a.Intervals) < 2 || terms == nil {
			t.Errorf("%+v, %v", a, err)
		}
		if _, cash := look(); cash != a.Cash().Micros() {
			t.Errorf("the ledger has %d, the account %s", cash, a.Cash())
		}
		if err := s.Accounts().Audit(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
