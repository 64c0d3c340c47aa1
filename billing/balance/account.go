package balance

import (
	"fmt"
	"slices"
	"time"

	"github.com/class5-go/class5/billing"
)

// Account is the balance of one customer as of the last change. It is plain
// data: JSON holds it whole. The functions of this package never change the
// account they are given but return another one.
type Account struct {
	ID       string           `json:"id"`
	Currency billing.Currency `json:"currency"`
	Zone     string           `json:"zone,omitempty"` // of the customer, a name of Terms.Zones
	Created  billing.Millis   `json:"created"`
	Package  string           `json:"package,omitempty"`
	// Assignments say which profiles are in force from when, in rising order.
	// The first mapping without a network gives the free amounts.
	Assignments []Assignment   `json:"assignments"`
	Lock        int            `json:"lock"`
	Overdraft   billing.Amount `json:"overdraft,omitzero"` // how far cash may go below zero

	// Anchor is where the chain of StartTopUpInterval began.
	Anchor billing.Millis `json:"anchor,omitempty"`
	// TopUpEnd is the end, or what would be the end, of the interval of the
	// last top-up; of the first interval before that.
	TopUpEnd  billing.Millis `json:"topup_end"`
	Intervals []Interval     `json:"intervals"` // in order; the last one is running
	Wallets   []Wallet       `json:"wallets,omitempty"`
}

// Assignment puts profiles into force.
type Assignment struct {
	From     billing.Millis `json:"from"`
	Profiles []Mapping      `json:"profiles"`
}

// Interval is one balance interval [Start, End).
type Interval struct {
	Start   billing.Millis `json:"start"`
	End     billing.Millis `json:"end,omitempty"` // 0 when it is not known yet
	Profile string         `json:"profile,omitempty"`

	Opening   billing.Amount `json:"opening"`   // cash at the start, free cash in it
	FreeCash  billing.Amount `json:"free_cash"` // given for this interval
	Cash      billing.Amount `json:"cash"`      // now, or at the end
	Debit     billing.Amount `json:"debit"`     // prices of what began in this interval, whoever paid them
	FreeTime  billing.Millis `json:"free_time_ms"`
	FreeLeft  billing.Millis `json:"free_left_ms"`
	TopUps    int            `json:"topups,omitempty"`
	Timely    bool           `json:"timely,omitempty"`    // one of them was, or the one that ended it
	Discarded bool           `json:"discarded,omitempty"` // cash of the interval before was
	Expiry    billing.Millis `json:"expiry,omitempty"`    // when cash is discarded without another top-up; 0 for never
}

// Running is the last interval.
func (a *Account) Running() Interval { return a.Intervals[len(a.Intervals)-1] }

// Cash is the money of the running interval.
func (a *Account) Cash() billing.Amount { return a.Running().Cash }

// ProfileAt returns the profile that gives the free amounts at an instant, ""
// when none was in force.
func (a *Account) ProfileAt(at billing.Millis) string {
	for _, s := range slices.Backward(a.Assignments) {
		if s.From > at {
			continue
		}
		for _, m := range s.Profiles {
			if m.Network == "" {
				return m.Profile
			}
		}
	}
	return ""
}

// Balance returns what a wallet holds, in its unit.
func (a *Account) Balance(wallet string) (value int64, unit Unit, err error) {
	switch wallet {
	case CashWallet:
		return a.Cash().Micros(), Cash, nil
	case FreeWallet:
		return int64(a.Running().FreeLeft), Time, nil
	}
	if i := a.wallet(wallet); i >= 0 {
		return a.Wallets[i].Value, a.Wallets[i].Unit, nil
	}
	return 0, "", fmt.Errorf("%w: %.40q", ErrWallet, wallet)
}

func (a *Account) wallet(id string) int {
	return slices.IndexFunc(a.Wallets, func(w Wallet) bool { return w.ID == id })
}

// clone copies all that changes.
func (a Account) clone() Account {
	a.Assignments = slices.Clone(a.Assignments)
	a.Intervals = slices.Clone(a.Intervals)
	a.Wallets = slices.Clone(a.Wallets)
	return a
}

// Change is what an operation did.
type Change struct {
	Account Account   `json:"account"`
	Shared  []Account `json:"shared,omitempty"` // accounts of groups, in the order given
	Entries []Entry   `json:"entries"`
	Events  []Event   `json:"events,omitempty"`
}

// run is an operation at work on an account. The first error sticks.
type run struct {
	t       *Terms
	a       Account
	entries []Entry
	events  []Event
	ref     string
	locked  bool // an underrun acted already
	moved   bool
	err     error
}

func begin(t *Terms, a Account) *run { return &run{t: t, a: a.clone()} }

func (r *run) change() (Change, error) {
	if r.err != nil {
		return Change{}, r.err
	}
	if extra := len(r.a.Intervals) - r.t.keep(); extra > 0 {
		r.a.Intervals = slices.Delete(r.a.Intervals, 0, extra)
	}
	return Change{Account: r.a, Entries: r.entries, Events: r.events}, nil
}

func (r *run) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// note writes an entry, if it says anything.
func (r *run) note(at billing.Millis, wallet string, u Unit, value int64, why Reason) {
	if value != 0 {
		r.entries = append(r.entries, Entry{at, r.a.ID, wallet, u, value, why, r.ref})
	}
}

func (r *run) event(at billing.Millis, k EventKind, text string) {
	r.events = append(r.events, Event{at, k, text})
}

func (r *run) last() *Interval { return &r.a.Intervals[len(r.a.Intervals)-1] }

// money is an amount in the account's currency.
func (r *run) money(micros int64) billing.Amount { return billing.NewAmount(micros, r.a.Currency) }

func (r *run) plus(a *billing.Amount, b billing.Amount) {
	s, err := a.Add(b)
	if err != nil {
		r.fail(err)
		return
	}
	*a = s
}

func (r *run) minus(a *billing.Amount, b billing.Amount) {
	s, err := a.Sub(b)
	if err != nil {
		r.fail(err)
		return
	}
	*a = s
}

func (r *run) pack() Package { return r.t.Packages[r.a.Package] }

// rule is the one in force for an interval that begins at an instant.
func (r *run) rule(at billing.Millis) Rule {
	if r.a.Package != "" {
		return r.pack().Rule.normal()
	}
	return r.t.Profiles[r.a.ProfileAt(at)].Rule.normal()
}

func (r *run) zone(rule Rule) *time.Location {
	if !rule.customer() || r.a.Zone == "" {
		return r.t.operator()
	}
	if loc := r.t.Zones[r.a.Zone]; loc != nil {
		return loc
	}
	r.fail(fmt.Errorf("%w: no time zone %.40q", ErrTerms, r.a.Zone))
	return time.UTC
}

// known checks what the account names.
func (r *run) known() {
	if _, ok := r.t.Packages[r.a.Package]; !ok && r.a.Package != "" {
		r.fail(fmt.Errorf("%w: no package %.40q", ErrTerms, r.a.Package))
	}
	for _, s := range r.a.Assignments {
		for _, m := range s.Profiles {
			if _, ok := r.t.Profiles[m.Profile]; !ok {
				r.fail(fmt.Errorf("%w: no profile %.40q", ErrTerms, m.Profile))
			}
		}
	}
}
