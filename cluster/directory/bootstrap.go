package directory

import (
	"context"
	"errors"

	"github.com/class5-go/class5/billing"
)

// BootstrapOptions say what the first start of a platform creates.
type BootstrapOptions struct {
	Domain        string // "localhost"
	AdminName     string // "admin"
	AdminPassword Secret // made up when empty
	Currency      billing.Currency
	// Demo adds two subscribers who can call each other, and the test number.
	Demo       bool
	TestNumber string // "9999"
	TestApp    string // application behind it: "announce"
}

// DemoSubscriber is a subscriber of the demo. The password is there only when
// it was created just now.
type DemoSubscriber struct {
	Subscriber Subscriber
	Password   Secret
}

// BootstrapResult is what a start found or made. Profile and Admin are those
// of the first start, and passwords those made just now: nobody can read them
// later.
type BootstrapResult struct {
	First         bool // this was the first start
	Domain        Domain
	Profile       BillingProfile
	Admin         Admin
	AdminPassword Secret
	Demo          []DemoSubscriber
	TestNumber    string
}

// Marks of what was done, so that it is not done again after an operator
// deleted it.
const (
	markBase = "bootstrap/base"
	markDemo = "bootstrap/demo"
)

// Bootstrap creates what an empty platform needs: a domain, a billing profile
// with fees and an admin; with Demo two subscribers and a test number. Later
// calls change nothing and answer First false. Of several nodes that start at
// once, one does it.
func (s *Store) Bootstrap(ctx context.Context, o BootstrapOptions) (BootstrapResult, error) {
	o.Domain, o.AdminName = either(o.Domain, "localhost"), either(o.AdminName, "admin")
	o.TestNumber, o.TestApp = either(o.TestNumber, "9999"), either(o.TestApp, "announce")
	o.Currency = either(o.Currency, billing.MustCurrency("EUR"))
	var out BootstrapResult
	ctx = WithActor(ctx, "bootstrap")
	err := s.onceMarked(ctx, markBase, func(tx *Tx) error {
		out = BootstrapResult{First: true}
		return tx.bootstrapBase(ctx, o, &out)
	})
	if err == nil && o.Demo {
		err = s.onceMarked(ctx, markDemo, func(tx *Tx) error { return tx.bootstrapDemo(ctx, o, &out) })
		if err == nil {
			err = s.findDemo(ctx, o, &out)
		}
	}
	if err != nil || out.First {
		return out, err
	}
	out.Domain, err = s.Domains().bootstrapped(ctx, o.Domain)
	return out, replace(err, ErrNotFound, nil)
}

// bootstrapped is the domain of a name or, when it is not there because the
// first start was told another one, the oldest domain.
func (d Domains) bootstrapped(ctx context.Context, name string) (Domain, error) {
	found, err := d.ByName(ctx, name)
	if !errors.Is(err, ErrNotFound) {
		return found, err
	}
	l, err := d.List(ctx, DomainFilter{}, Page{Limit: 1})
	if err != nil || len(l.Items) == 0 {
		return Domain{}, firstError(err, ErrNotFound)
	}
	return l.Items[0], nil
}

// onceMarked runs fn in a transaction unless its mark is there; the mark is
// set first, so that the others wait for the one who works and then see it.
func (s *Store) onceMarked(ctx context.Context, mark string, fn func(*Tx) error) error {
	err := s.update(ctx, func(tx *Tx) error {
		if _, err := tx.Settings().Create(ctx, mark, nil); err != nil {
			return &marked{err}
		}
		return fn(tx)
	})
	var m *marked
	if errors.As(err, &m) && errors.Is(m.error, ErrConflict) {
		return nil
	}
	return err
}

type marked struct{ error }

func (m *marked) Unwrap() error { return m.error }

func (t *Tx) bootstrapBase(ctx context.Context, o BootstrapOptions, out *BootstrapResult) error {
	var err error
	if out.Domain, err = t.Domains().Create(ctx, o.Domain); err != nil {
		return err
	}
	out.Profile, err = t.BillingProfiles().Create(ctx, BillingProfile{Name: "default", Currency: o.Currency})
	if err != nil {
		return err
	}
	if _, err := t.Fees().Create(ctx, defaultFees(out.Profile.ID)...); err != nil {
		return err
	}
	out.Admin, out.AdminPassword, err = t.Admins().Create(ctx, Admin{Name: o.AdminName, Role: RoleAdmin}, o.AdminPassword)
	return err
}

// demoNumber is the beginning of the numbers of the demo: +1 202 555 01xx are
// kept free for fiction, nobody can be reached by them.
const demoNumber = "120255501"

func defaultFees(profile int64) []Fee {
	minute := func(p string) billing.Price { return billing.MustPrice(p + "/60") }
	out := func(prefix, zone string, connect int64, price string, first, follow int) Fee {
		return Fee{
			ProfileID: profile, Direction: billing.Out, Destination: prefix, Zone: zone, Connect: connect,
			Init: minute(price), InitInterval: first, Follow: minute(price), FollowInterval: follow,
		}
	}
	return []Fee{
		out("", "international", 50_000, "0.25", 60, 60),
		out("1", "North America", 0, "0.02", 60, 1),
		out("49", "Germany", 0, "0.03", 60, 1),
		out("43", "Austria", 0, "0.03", 60, 1),
		out("44", "United Kingdom", 0, "0.03", 60, 1),
		out(demoNumber, "on-net", 0, "0.01", 1, 1),
		{
			ProfileID: profile, Direction: billing.In, Zone: "incoming", Init: billing.MustPrice("0"), InitInterval: 1,
			Follow: billing.MustPrice("0"), FollowInterval: 1,
		},
	}
}

// demoUsers are the subscribers of the demo.
func demoUsers() []NewSubscriber {
	return []NewSubscriber{
		{Username: "alice", DisplayName: "Alice", Numbers: []string{demoNumber + "01"}},
		{Username: "bob", DisplayName: "Bob", Numbers: []string{demoNumber + "02"}},
	}
}

func (t *Tx) bootstrapDemo(ctx context.Context, o BootstrapOptions, out *BootstrapResult) error {
	out.Demo = nil
	domain, err := t.Domains().bootstrapped(ctx, o.Domain)
	if err != nil {
		return err
	}
	profiles, err := t.BillingProfiles().List(ctx, BillingProfileFilter{}, Page{Limit: 1})
	if err != nil {
		return err
	}
	if len(profiles.Items) == 0 {
		return ErrNotFound
	}
	customer, err := t.Customers().Create(ctx, Customer{Name: "Demo", BillingProfileID: profiles.Items[0].ID})
	if err != nil {
		return err
	}
	for _, n := range demoUsers() {
		n.DomainID, n.CustomerID = domain.ID, customer.ID
		sub, password, err := t.Subscribers().Create(ctx, n)
		if err != nil {
			return err
		}
		out.Demo = append(out.Demo, DemoSubscriber{sub, password})
	}
	// Whoever tries the platform out should not pay for it.
	free := billing.MustPrice("0")
	if _, err := t.Fees().Create(ctx, Fee{
		ProfileID: profiles.Items[0].ID, Direction: billing.Out, Destination: o.TestNumber, Zone: "test number",
		Init: free, InitInterval: 1, Follow: free, FollowInterval: 1,
	}); err != nil {
		return err
	}
	_, err = t.Specials().Create(ctx, o.TestNumber, o.TestApp)
	return err
}

// findDemo fills in the demo that an earlier start made, without passwords.
func (s *Store) findDemo(ctx context.Context, o BootstrapOptions, out *BootstrapResult) error {
	out.TestNumber = o.TestNumber
	if len(out.Demo) > 0 {
		return nil
	}
	domain, err := s.Domains().bootstrapped(ctx, o.Domain)
	if err != nil {
		return replace(err, ErrNotFound, nil)
	}
	for _, n := range demoUsers() {
		sub, err := s.Subscribers().ByName(ctx, n.Username, domain.Name)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		out.Demo = append(out.Demo, DemoSubscriber{Subscriber: sub})
	}
	return nil
}
