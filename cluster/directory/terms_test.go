package directory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/fraud"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/routing"
)

func euros(n int64) billing.Amount {
	return billing.NewAmount(n*1_000_000, billing.MustCurrency("EUR"))
}

func TestTermsAndLocks(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		w := newWorld(t, s)
		w.subscriber("alice", "4930100")
		r := must(s.NewReader(t.Context(), directory.ReaderConfig{}))(t)
		defer r.Close()
		profile := func() *directory.Profile { return must(r.Subscriber(t.Context(), "alice", "example.com"))(t) }
		if p := profile(); p.Prepaid || p.Lock != routing.LockNone {
			t.Errorf("a new subscriber: %+v", p)
		}
		if sp := must(r.Spending(t.Context(), w.customer.ID))(t); sp.Limited() || sp.Zone != time.UTC || sp.Currency.String() != "EUR" {
			t.Errorf("spending of a new customer: %+v", sp)
		}
		day := fraud.Limits{Day: &fraud.Money{Limit: euros(10), Action: fraud.Action{Lock: 2}}}
		if err := s.BillingProfiles().SetTerms(t.Context(), directory.Terms{BillingProfileID: w.profile.ID, Prepaid: true, Limits: day}); err != nil {
			t.Fatal(err)
		}
		if !profile().Prepaid {
			t.Error("the subscriber is not prepaid")
		}
		if err := s.Customers().SetLocks(t.Context(), directory.Locks{CustomerID: w.customer.ID, Operator: routing.LockForeign, Limits: fraud.Limits{
			Hour: &fraud.Money{Limit: euros(1), Action: fraud.Action{Notify: true}},
		}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Customers().SetSpentLock(t.Context(), w.customer.ID, routing.LockAll); err != nil {
			t.Fatal(err)
		}
		if got := profile().Lock; got != routing.LockAll {
			t.Errorf("lock is %v", got)
		}
		if d := must(r.Destination(t.Context(), "alice", "", "example.com"))(t); d.Subscriber.Lock != routing.LockAll {
			t.Errorf("routing sees %v", d.Subscriber.Lock)
		}
		if sp := must(r.Spending(t.Context(), w.customer.ID))(t); !sp.Limited() || sp.Limits.Day == nil || sp.Limits.Hour == nil {
			t.Errorf("limits: %+v", sp.Limits)
		}
		if list := must(s.Customers().SpentLocks(t.Context()))(t); len(list) != 1 || list[0].CustomerID != w.customer.ID || list[0].Operator != routing.LockForeign {
			t.Errorf("locked by limits: %+v", list)
		}
		if err := s.Customers().SetSpentLock(t.Context(), w.customer.ID, routing.LockNone); err != nil {
			t.Fatal(err)
		}
		if got := profile().Lock; got != routing.LockForeign {
			t.Errorf("lock is %v", got)
		}
		wantError(t, s.Customers().SetLocks(t.Context(), directory.Locks{CustomerID: w.customer.ID, Operator: 6}), directory.ErrInvalid, "lock")
		wantError(t, s.Customers().SetSpentLock(t.Context(), 99, 1), directory.ErrNotFound, "")
		wantError(t, s.BillingProfiles().SetTerms(t.Context(), directory.Terms{BillingProfileID: w.profile.ID, Limits: fraud.Limits{
			Window: &fraud.Calls{},
		}}), directory.ErrInvalid, "limits")
		wantError(t, s.BillingProfiles().SetTerms(t.Context(), directory.Terms{BillingProfileID: 99}), directory.ErrNotFound, "")
	})
}

func TestSpent(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		if c := must(s.Spent().Find(t.Context(), "1"))(t); len(c.Sums) != 0 {
			t.Errorf("nothing spent: %+v", c)
		}
		for range 2 {
			err := s.Spent().Change(t.Context(), "1", func(c fraud.Counter) (fraud.Counter, error) {
				c, _, err := fraud.Add(c, fraud.Limits{}, fraud.Spent{End: 1_780_000_000_000, Customer: euros(2), Reseller: euros(1), Calls: 1}, euros(0), time.UTC)
				return c, err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		c := must(s.Spent().Find(t.Context(), "1"))(t)
		if len(c.Sums) != 3 || c.Sums[1].Customer.String() != "4.00 EUR" || c.Sums[1].Calls != 2 {
			t.Errorf("sums: %+v", c.Sums)
		}
		no := errors.New("no")
		if err := s.Spent().Change(t.Context(), "1", func(c fraud.Counter) (fraud.Counter, error) { return fraud.Counter{}, no }); err == nil {
			t.Error("a change that fails is no error")
		}
		if again := must(s.Spent().Find(t.Context(), "1"))(t); len(again.Sums) != 3 {
			t.Error("a change that fails was stored")
		}
	})
}
