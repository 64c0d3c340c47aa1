package prepaid

import (
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/account"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

// Rater prices one side of one call by one snapshot of a tariff: what it takes
// from cash.
type Rater struct {
	snapshot *tariff.Snapshot
	call     rate.Call
	funds    *account.Rater // of an account that has more than cash
}

// NewRater makes the Rater of a side of a call as its record will be rated.
func NewRater(s *tariff.Snapshot, e *billing.Event, side billing.Side) *Rater {
	cdr := billing.CDR{Caller: e.Caller, Callee: e.Callee, Source: e.Source, Init: e.Init}
	direction := billing.Out
	if side == billing.SideCallee {
		direction = billing.In
	}
	call := rate.CallOf(&cdr, direction)
	if s.Domains() {
		call.SourceURI, call.DestinationURI = rate.URI(&e.Caller), rate.URI(&e.Callee)
	}
	return &Rater{snapshot: s, call: call}
}

// start says when the call was answered, or will be as far as is known.
func (r *Rater) start(at time.Time) { r.call.Start = billing.MillisOf(at) }

// with has the funds of an account pay before its cash.
func (r *Rater) with(a balance.Account, t *balance.Terms) {
	r.funds = &account.Rater{Terms: t, Account: a, Snapshot: r.snapshot}
}

// paying is what prices, for the call as it is now.
func (r *Rater) paying() *account.Rater {
	r.funds.Call = r.call
	return r.funds
}

// Price implements session.Rater.
func (r *Rater) Price(duration billing.Millis) (billing.Amount, error) {
	if r.funds != nil {
		return r.paying().Price(duration)
	}
	call := r.call
	call.Duration = duration
	p, err := rate.Rate(r.snapshot, call, rate.Options{})
	return p.Amount, err
}

// MaxDuration implements session.Rater.
func (r *Rater) MaxDuration(credit billing.Amount, wanted billing.Millis) (billing.Millis, error) {
	if r.funds != nil {
		return r.paying().MaxDuration(credit, wanted)
	}
	call := r.call
	call.Duration = wanted
	return rate.MaxDuration(r.snapshot, call, credit)
}

// longest is how far ahead the end of a credit is looked for.
const longest billing.Millis = 24 * 3_600_000

// lasts is how long a call can last that has so much time and may spend so
// much more money.
func (r *Rater) lasts(granted billing.Millis, micros int64) (billing.Millis, error) {
	have, err := r.Price(granted)
	if err != nil {
		return 0, err
	}
	if have, err = have.Add(billing.NewAmount(max(micros, 0), have.Currency())); err != nil {
		return 0, err
	}
	return r.MaxDuration(have, longest)
}
