package books

import (
	"strconv"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cmd/internal/charge"
)

// TestPackageProfiles: a package brings a cheap profile into force with a
// top-up and a dear one when cash falls below a threshold; calls are rated by the
// one in force when they begin, and account and contract agree on it.
func TestPackageProfiles(t *testing.T) {
	o := newOffice(t, directory.Terms{}) // 0.05 a minute
	ctx := t.Context()
	profile := func(name, minute string, currency billing.Currency) int64 {
		p, err := o.store.BillingProfiles().Create(ctx, directory.BillingProfile{Name: name, Currency: currency})
		o.ok(err)
		price := billing.MustPrice(minute + "/60")
		_, err = o.store.Fees().Create(ctx, directory.Fee{ProfileID: p.ID, Direction: billing.Out, Init: price, InitInterval: 60, Follow: price, FollowInterval: 60})
		o.ok(err)
		return p.ID
	}
	id := func(profile int64) []balance.Mapping {
		return []balance.Mapping{{Profile: strconv.FormatInt(profile, 10)}}
	}
	cheap, dear, foreign := profile("cheap", "0.01", eur), profile("dear", "0.10", eur), profile("foreign", "0.10", billing.MustCurrency("USD"))
	below := euros(500_000)
	for name, rules := range map[string]balance.Package{
		"flex":   {TopUp: id(cheap), Underrun: id(dear), ProfileBelow: &below},
		"abroad": {TopUp: id(foreign)},
	} {
		_, err := o.store.Packages().Create(ctx, directory.Package{Name: name, Rules: rules})
		o.ok(err)
	}
	topUp := func(pack string, amount int64) {
		t.Helper()
		_, err := o.store.Book(ctx, o.customer, directory.Booking{Key: pack + o.now.String(), Node: "web", At: billing.MillisOf(o.now)}, func(b directory.Books) (balance.Change, any, error) {
			c, err := balance.Add(b.Terms, b.Account, balance.TopUp{Ref: "t", At: billing.MillisOf(o.now), Amount: euros(amount), Package: pack})
			return c, nil, err
		})
		o.ok(err)
	}
	// call is one of ten minutes that ends in an hour; it is rated when it begins.
	call := func(want int64) {
		t.Helper()
		o.now = o.now.Add(time.Hour)
		// The books' own reader has not heard of anything; that of the rating has.
		reader, err := o.store.NewReader(ctx, directory.ReaderConfig{})
		o.ok(err)
		defer reader.Close()
		o.rate = charge.Rate(reader)
		r := o.call("4312", 600)
		if got := r.Parties[0].Amount; got != euros(want) {
			t.Errorf("call at %v costs %s, want %d", o.now, got, want)
		}
		o.put(r)
	}
	call(500_000) // its own profile
	o.now = o.now.Add(time.Hour)
	late := o.now.Add(20 * time.Minute)
	topUp("flex", 600_000)
	call(100_000) // 0.50 are left, which is not below
	call(100_000) // 0.40 are: the next call is dear
	call(1_000_000)
	topUp("", 1_000_000)
	call(100_000)
	topUp("abroad", 1_000_000) // in other money: nothing comes into force
	call(100_000)
	// A call that began before the top-up and is told late has the profile of then.
	began := o.now
	o.now = late.Add(-15 * time.Minute)
	r := o.call("4312", 600)
	o.now = began
	if got := r.Parties[0].Amount; got != euros(500_000) {
		t.Errorf("a call before the top-up costs %s", got)
	}
	list, err := o.store.Contracts().Assignments(ctx, o.customer)
	o.ok(err)
	if len(list) != 3 || list[0].BillingProfileID != cheap || list[1].BillingProfileID != dear || list[2].BillingProfileID != cheap {
		t.Errorf("assignments %+v", list)
	}
	if a, _ := o.account(); a.ProfileAt(billing.MillisOf(o.now)) != id(cheap)[0].Profile {
		t.Errorf("the account has profile %s", a.ProfileAt(billing.MillisOf(o.now)))
	}
}
