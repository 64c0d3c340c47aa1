package balance

import (
	"fmt"
	"time"

	"github.com/class5-go/class5/billing"
)

// Terms are what was agreed with customers. They are read only here and may
// be shared by any number of goroutines.
type Terms struct {
	Operator *time.Location            // nil is UTC
	Zones    map[string]*time.Location // of customers, by name
	Profiles map[string]Profile
	Packages map[string]Package
	// WholeFirst gives the free amounts of the first interval in full, however
	// late in it the account was created. By default they are scaled.
	WholeFirst bool
	// Keep is how many intervals an account remembers; 0 stands for 64. A
	// charge for a time before them goes to the oldest one.
	Keep int
}

// Profile is the part of a billing profile that balances depend on.
type Profile struct {
	Prepaid  bool           `json:"prepaid,omitempty"`
	FreeTime billing.Millis `json:"free_time_ms,omitempty"` // for each interval
	FreeCash billing.Amount `json:"free_cash,omitzero"`
	Rule     Rule           `json:"rule,omitzero"` // for accounts without a package
}

// Mapping puts a profile into force for callers from a network, or for all.
type Mapping struct {
	Profile string `json:"profile"`
	Network string `json:"network,omitempty"`
}

// Package bundles the rules of an account's balance.
type Package struct {
	Rule      Rule      `json:"rule,omitzero"`
	CarryOver CarryOver `json:"carry_over,omitempty"` // CarryAlways when empty
	Timely    Span      `json:"timely,omitzero"`      // the last part of an interval, for CarryTimely
	// DiscardAfter is notopup_discard_intervals: cash is discarded this many
	// periods of the rule after the end of the interval of the last top-up; 0
	// for never.
	DiscardAfter int `json:"discard_after,omitempty"`

	InitialBalance billing.Amount `json:"initial_balance,omitzero"`
	ServiceCharge  billing.Amount `json:"service_charge,omitzero"` // taken off a top-up that names the package

	LockBelow    *billing.Amount `json:"lock_below,omitempty"` // threshold of the underrun lock
	LockLevel    *int            `json:"lock_level,omitempty"`
	ProfileBelow *billing.Amount `json:"profile_below,omitempty"` // threshold of the underrun profiles
	TopUpLock    *int            `json:"topup_lock,omitempty"`    // lock level after a top-up

	Initial  []Mapping `json:"initial,omitempty"`
	Underrun []Mapping `json:"underrun,omitempty"`
	TopUp    []Mapping `json:"topup,omitempty"`

	Bundles []Bundle `json:"bundles,omitempty"` // given with each top-up that names the package
}

// Bundle is a wallet that a package gives. What is left in a wallet of that
// name is added to, and lives as long as the new one.
type Bundle struct {
	Wallet Wallet `json:"wallet"`
	Life   Span   `json:"life,omitzero"` // for ever when zero
}

func (t *Terms) operator() *time.Location {
	if t.Operator == nil {
		return time.UTC
	}
	return t.Operator
}

func (t *Terms) keep() int {
	if t.Keep <= 0 {
		return 64
	}
	return max(t.Keep, 2)
}

// Check says whether the terms are possible and complete in themselves.
func (t *Terms) Check() error {
	for name, p := range t.Profiles {
		if err := p.Rule.check(); err != nil || p.FreeTime < 0 || p.FreeCash.Sign() < 0 {
			return fmt.Errorf("%w: profile %.40q: %w", ErrTerms, name, orRange(err))
		}
	}
	for name, p := range t.Packages {
		if err := p.check(t); err != nil {
			return fmt.Errorf("%w: package %.40q: %w", ErrTerms, name, err)
		}
	}
	return nil
}

func orRange(err error) error {
	if err == nil {
		return fmt.Errorf("%w: a negative amount", ErrTerms)
	}
	return err
}

func (p *Package) check(t *Terms) error {
	if err := p.Rule.check(); err != nil {
		return err
	}
	switch p.CarryOver {
	case "", CarryAlways, CarryNever:
	case CarryTimely:
		if err := p.Timely.check(); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: carry-over mode %.20q", ErrTerms, string(p.CarryOver))
	}
	if p.DiscardAfter < 0 || p.ServiceCharge.Sign() < 0 {
		return fmt.Errorf("%w: a negative number", ErrTerms)
	}
	for _, level := range []*int{p.LockLevel, p.TopUpLock} {
		if level != nil && (*level < 0 || *level > maxLock) {
			return fmt.Errorf("%w: lock level %d", ErrTerms, *level)
		}
	}
	for _, b := range p.Bundles {
		if err := b.Wallet.check(); err != nil {
			return err
		}
		if b.Life != (Span{}) {
			if err := b.Life.check(); err != nil {
				return err
			}
		}
	}
	for _, list := range [][]Mapping{p.Initial, p.Underrun, p.TopUp} {
		for _, m := range list {
			if _, ok := t.Profiles[m.Profile]; !ok {
				return fmt.Errorf("%w: no profile %.40q", ErrTerms, m.Profile)
			}
		}
	}
	return nil
}

// maxLock is the highest lock level: 0 none, 1 foreign calls, 2 all outgoing
// calls, 3 calls in and out, 4 and self-care, 5 ported.
const maxLock = 5
