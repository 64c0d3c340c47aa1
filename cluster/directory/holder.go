package directory

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
)

// agreed are the terms of all billing profiles and packages, as package
// balance wants them.
type agreed struct {
	profiles   map[string]balance.Profile
	currencies map[string]billing.Currency
	zones      map[string]*time.Location
	packages   map[string]balance.Package
}

func (s *Store) agreed(ctx context.Context) (*agreed, error) {
	a := &agreed{profiles: map[string]balance.Profile{}, currencies: map[string]billing.Currency{}, zones: map[string]*time.Location{}, packages: map[string]balance.Package{}}
	profiles, err := all[billingProfileRow](ctx, s, selectBillingProfile)
	if err != nil {
		return nil, err
	}
	for _, row := range profiles {
		p := row.value()
		id := strconv.FormatInt(p.ID, 10)
		zone, err := time.LoadLocation(p.TimeZone)
		if err != nil {
			return nil, damaged(p.ID, err)
		}
		a.profiles[id], a.zones[id], a.currencies[id] = balance.Profile{}, zone, p.Currency
	}
	terms, err := all[termsRow](ctx, s, selectTerms)
	if err != nil {
		return nil, err
	}
	for _, row := range terms {
		id := strconv.FormatInt(row.ProfileID, 10)
		t, err := row.value(a.currencies[id])
		if err != nil {
			return nil, err
		}
		a.profiles[id] = t.profile()
	}
	packages, err := all[packageRow](ctx, s, selectPackage)
	if err != nil {
		return nil, err
	}
	for _, row := range packages {
		p, err := row.value()
		if err != nil {
			return nil, err
		}
		for _, list := range []*[]balance.Mapping{&p.Rules.TopUp, &p.Rules.Underrun} { // without what is gone
			*list = slices.DeleteFunc(*list, func(m balance.Mapping) bool { _, ok := a.currencies[m.Profile]; return !ok })
		}
		a.packages[p.Name] = p.Rules
	}
	return a, nil
}

// Holder is a customer as the holder of an account. It is shared by all who ask
// and does not change.
type Holder struct {
	CustomerID int64
	Created    billing.Millis
	Currency   billing.Currency
	contract   *Contract
	agreed     *agreed
}

// Holder gives a customer as the holder of an account, from the database.
func (s *Store) Holder(ctx context.Context, customerID int64) (*Holder, error) {
	a, err := s.agreed(ctx)
	if err != nil {
		return nil, err
	}
	return s.holder(ctx, customerID, a)
}

func (s *Store) holder(ctx context.Context, customerID int64, a *agreed) (*Holder, error) {
	c, err := s.Customers().Find(ctx, customerID)
	if err != nil {
		return nil, err
	}
	contract, err := s.Contracts().Find(ctx, customerID)
	if err != nil {
		return nil, err
	}
	p, err := s.BillingProfiles().Find(ctx, c.BillingProfileID)
	if err != nil {
		return nil, err
	}
	return &Holder{CustomerID: customerID, Created: billing.MillisOf(c.Created), Currency: p.Currency, contract: &contract, agreed: a}, nil
}

// Holder gives a customer as the holder of an account, from memory until
// something of it changes.
func (r *Reader) Holder(ctx context.Context, customerID int64) (*Holder, error) {
	return r.holders.get(ctx, customerID, func(ctx context.Context, id int64) (*Holder, error) {
		a, err := r.agreed.get(ctx, 0, func(ctx context.Context, _ int64) (*agreed, error) { return r.store.agreed(ctx) })
		if err != nil {
			return nil, err
		}
		return r.store.holder(ctx, id, a)
	})
}

// fits reports whether a profile can take the place of the customer's own:
// whoever pays before goes on doing so, in the same money.
func (h *Holder) fits(profile string) bool {
	own := h.agreed.profiles[strconv.FormatInt(h.contract.BillingProfileID, 10)]
	return h.agreed.currencies[profile] == h.Currency && h.agreed.profiles[profile].Prepaid == own.Prepaid
}

// Account is the name of the account in the ledger.
func (h *Holder) Account() string { return strconv.FormatInt(h.CustomerID, 10) }

// profile is the billing profile that gives the free amounts at an instant.
func (h *Holder) profile(at billing.Millis) string {
	return strconv.FormatInt(h.contract.Profile(at.Time(), netip.Addr{}), 10)
}

// Prepaid reports whether the account has to pay before, at an instant.
func (h *Holder) Prepaid(at billing.Millis) bool { return h.agreed.profiles[h.profile(at)].Prepaid }

// Terms are what was agreed with the customer at an instant, for an account. A
// profile or package that is gone since the account had it has no rules.
func (h *Holder) Terms(at billing.Millis, a *balance.Account) *balance.Terms {
	t := &balance.Terms{Operator: h.agreed.zones[h.profile(at)], Profiles: h.agreed.profiles, Packages: h.agreed.packages, Keep: intervals}
	for name, p := range t.Packages {
		unfit := func(m balance.Mapping) bool { return !h.fits(m.Profile) }
		if slices.ContainsFunc(p.TopUp, unfit) || slices.ContainsFunc(p.Underrun, unfit) {
			t.Packages = maps.Clone(t.Packages)
			p.TopUp = slices.DeleteFunc(slices.Clone(p.TopUp), unfit)
			p.Underrun = slices.DeleteFunc(slices.Clone(p.Underrun), unfit)
			t.Packages[name] = p
		}
	}
	for _, s := range a.Assignments {
		for _, m := range s.Profiles {
			if _, ok := t.Profiles[m.Profile]; !ok {
				t.Profiles = maps.Clone(t.Profiles)
				t.Profiles[m.Profile] = balance.Profile{}
			}
		}
	}
	if _, ok := t.Packages[a.Package]; !ok && a.Package != "" {
		t.Packages = maps.Clone(t.Packages)
		t.Packages[a.Package] = balance.Package{}
	}
	return t
}
