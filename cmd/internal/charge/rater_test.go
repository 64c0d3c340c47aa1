package charge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/cluster/directory"
)

// TestNoFee: a call that no fee covers is kept, without a price, and counted.
func TestNoFee(t *testing.T) {
	f := setUp(t)
	fees, err := f.store.Fees().List(t.Context(), directory.FeeFilter{}, directory.Page{Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	for _, fee := range fees.Items {
		if err := f.store.Fees().Delete(t.Context(), fee.ID, fee.Rev); err != nil {
			t.Fatal(err)
		}
	}
	r := f.open()
	f.record(r, f.event("c1", billing.EventStart, 1))
	f.record(r, f.event("c1", billing.EventStop, 61))
	calls := f.run(r, count(1))
	if len(calls[0].Parties) != 0 || r.shipper.Stats().Unrated != 1 {
		t.Errorf("priced without a fee: %+v", calls[0].Parties)
	}
}

func TestCustomerGone(t *testing.T) {
	f := setUp(t)
	for _, account := range []string{"987654", "not a number"} {
		c := ship.Record{CDR: billing.CDR{Caller: f.alice, Callee: f.bob, Status: billing.StatusOK, Start: t0, Duration: 60_000}}
		c.Caller.Account = account
		err := Rate(f.reader)(t.Context(), &c)
		if !errors.Is(err, ship.ErrUnrated) || !errors.Is(err, chain.ErrNoTariff) || len(c.Parties) != 0 {
			t.Errorf("%v, %+v", err, c.Parties)
		}
	}
}

// profile makes a billing profile with one price a minute, by the second.
func (f *fixture) profile(name, minute string) int64 {
	f.t.Helper()
	p, err := f.store.BillingProfiles().Create(f.t.Context(), directory.BillingProfile{Name: name, Currency: billing.MustCurrency("EUR")})
	if err != nil {
		f.t.Fatal(err)
	}
	for _, d := range []billing.Direction{billing.Out, billing.In} {
		fee := directory.Fee{ProfileID: p.ID, Direction: d, Zone: name, InitInterval: 1, FollowInterval: 1}
		fee.Init, fee.Follow = billing.MustPrice(minute+"/60"), billing.MustPrice(minute+"/60")
		if _, err := f.store.Fees().Create(f.t.Context(), fee); err != nil {
			f.t.Fatal(err)
		}
	}
	return p.ID
}

func (f *fixture) customer(name, minute string) int64 {
	f.t.Helper()
	c, err := f.store.Customers().Create(f.t.Context(), directory.Customer{Name: name, BillingProfileID: f.profile(name, minute)})
	if err != nil {
		f.t.Fatal(err)
	}
	return c.ID
}

// TestChain: everybody who has a share in a call has a price of it: customers,
// the resellers above them, and the network that the call went to, by profiles
// that hold at its time and for its caller's address.
func TestChain(t *testing.T) {
	f := setUp(t)
	ctx := t.Context()
	customer, inner, outer, carrier := f.customer("acme", "0.60"), f.customer("inner", "0.30"), f.customer("outer", "0.12"), f.customer("carrier", "0.06")
	for _, r := range [][2]int64{{customer, inner}, {inner, outer}} {
		if err := f.store.Contracts().Resell(ctx, r[0], r[1]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.store.Peers().Create(ctx, directory.Peer{Name: "carrier-9", CustomerID: carrier}); err != nil {
		t.Fatal(err)
	}
	_, err := f.store.Contracts().Assign(ctx, directory.Assignment{
		CustomerID: customer, BillingProfileID: f.profile("office", "1.20"), From: t0.Time().Add(-time.Hour), Network: netip.MustParsePrefix("192.0.2.0/24"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from string
		to   billing.Endpoint
		want string
	}{
		{"198.51.100.7", billing.Endpoint{Number: "4312345", Peer: "carrier-9"},
			"caller customer acme 0.30, caller reseller 1 inner 0.15, caller reseller 2 outer 0.06, caller carrier carrier 0.03"},
		{"192.0.2.7", billing.Endpoint{Number: "4312345", Peer: "carrier-9"},
			"caller customer office 0.60, caller reseller 1 inner 0.15, caller reseller 2 outer 0.06, caller carrier carrier 0.03"},
		{"198.51.100.7", f.bob, // whose profile says nothing of what is received
			"caller customer acme 0.30, caller reseller 1 inner 0.15, caller reseller 2 outer 0.06, callee customer default 0.00"},
	} {
		r := ship.Record{CDR: billing.CDR{Caller: f.alice, Callee: c.to, Source: netip.MustParseAddr(c.from), Status: billing.StatusOK, Start: t0, Duration: 30_000}}
		r.Caller.Account = fmt.Sprint(customer)
		if err := Rate(f.reader)(ctx, &r); err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, p := range r.Parties {
			depth := ""
			if p.Depth > 0 {
				depth = fmt.Sprintf(" %d", p.Depth)
			}
			got = append(got, fmt.Sprintf("%s %s%s %s %s", p.Side, p.Role, depth, p.Profile, strings.TrimSuffix(p.Amount.String(), " EUR")))
			if prices := r.Detail.([]chain.Price); len(prices[i].Result.Steps) == 0 || len(p.Explain) == 0 {
				t.Errorf("%s: nothing says how the price was made", p.Profile)
			}
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("from %s: %s\nwant %s", c.from, s, c.want)
		}
	}
}

// broken is a directory with an error in it.
type broken struct {
	Contracts
	err error
}

func (b broken) Tariff(context.Context, int64) (*tariff.Snapshot, error) { return nil, b.err }

// TestDirectoryAway: a record waits for a directory that is away, and does not
// wait for what will never be read.
func TestDirectoryAway(t *testing.T) {
	f := setUp(t)
	for _, c := range []struct {
		err, want error
	}{
		{directory.ErrUnavailable, directory.ErrUnavailable},
		{fmt.Errorf("%w: %w", directory.ErrUnavailable, directory.ErrDamaged), ship.ErrUnrated},
		{directory.ErrNotFound, ship.ErrUnrated},
	} {
		r := ship.Record{CDR: billing.CDR{Caller: f.alice, Status: billing.StatusOK, Start: t0, Duration: 30_000}}
		if err := Rate(broken{f.reader, c.err})(t.Context(), &r); !errors.Is(err, c.want) || errors.Is(c.want, directory.ErrUnavailable) && errors.Is(err, ship.ErrUnrated) {
			t.Errorf("%v: %v", c.err, err)
		}
	}
}
