package account

import (
	"math"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

// Rater prices the call of a session in the cash of an account: free time and
// the wallets that come before cash are taken into account as they were when the
// session began. It is a session.Rater.
//
// Wallets are not reserved: of two calls at the same time both count on the same
// free minutes, and the one that is charged second is short of them.
type Rater struct {
	Terms   *balance.Terms
	Account balance.Account
	Shared  []balance.Account // accounts whose wallets pay too
	// Snapshot prices the call. Without one, only wallets of time and things can
	// pay.
	Snapshot *tariff.Snapshot
	Call     rate.Call // its duration does not count
}

// plenty is more cash than any call costs, in micro-units.
const plenty = 1_000_000_000_000_000

// Price is what a call of a duration takes from cash.
func (r *Rater) Price(d billing.Millis) (billing.Amount, error) {
	c := r.Call
	c.Duration = d
	a := withCash(r.Account, plenty)
	receipt, err := r.charge(a, c)
	if err != nil {
		return billing.Amount{}, err
	}
	price := receipt.Price.Micros()
	for _, m := range receipt.Moves {
		if m.Unit == balance.Cash && m.Wallet != balance.CashWallet {
			price -= m.Before - m.After
		}
	}
	return billing.NewAmount(price, r.Account.Currency), nil
}

// MaxDuration is how long the call may last, at most as long as wanted, with so
// much cash.
func (r *Rater) MaxDuration(credit billing.Amount, wanted billing.Millis) (billing.Millis, error) {
	if _, err := billing.NewAmount(0, r.Account.Currency).Cmp(credit); err != nil {
		return 0, err
	}
	c := r.Call
	c.Duration = wanted
	receipt, err := r.charge(withCash(r.Account, credit.Micros()), c)
	return min(max(receipt.Covered, 0), wanted), err
}

// MaxUnits is MaxDuration for messages and data.
func (r *Rater) MaxUnits(credit billing.Amount, wanted int64) (int64, error) {
	if _, err := billing.NewAmount(0, r.Account.Currency).Cmp(credit); err != nil {
		return 0, err
	}
	a := withCash(r.Account, credit.Micros())
	pays := func(n int64) (bool, error) {
		c := r.Call
		c.Units = n
		receipt, err := r.charge(a, c)
		return receipt.Due.Sign() <= 0, err
	}
	low, high := int64(0), wanted+1
	for low+1 < high {
		mid := low + (high-low)/2
		ok, err := pays(mid)
		if err != nil {
			return 0, err
		}
		if ok {
			low = mid
		} else {
			high = mid
		}
	}
	return low, nil
}

func (r *Rater) charge(a balance.Account, c rate.Call) (balance.Receipt, error) {
	if r.Snapshot == nil {
		_, receipt, err := balance.Charge(r.Terms, poor(a), Unpriced(c, ""), r.Shared...)
		return receipt, err
	}
	res, err := rate.Rate(r.Snapshot, c, rate.Options{Steps: make([]rate.Step, 0, 8)})
	if err != nil {
		return balance.Receipt{}, err
	}
	u, err := Usage(r.Snapshot, c, res, "")
	if err != nil {
		return balance.Receipt{}, err
	}
	_, receipt, err := balance.Charge(r.Terms, a, u, r.Shared...)
	return receipt, err
}

// withCash is an account that has so much cash and nothing below it.
func withCash(a balance.Account, micros int64) balance.Account {
	a.Intervals = append([]balance.Interval{}, a.Intervals...)
	if n := len(a.Intervals); n > 0 {
		a.Intervals[n-1].Cash = billing.NewAmount(micros, a.Currency)
	}
	a.Overdraft = billing.Amount{}
	return a
}

// Unpriced is the usage of a call, message or data for which there is no price:
// wallets of time and things pay for it and money does not, for a second costs
// more than accounts hold.
func Unpriced(c rate.Call, ref string) balance.Usage {
	u := balance.Usage{
		Ref: ref, Start: c.Start, End: c.Start + c.Duration, Direction: c.Direction, Service: Service(c.Service), Destination: c.Destination,
		FreeTime: true,
	}
	n := int64(c.Duration+999) / 1000
	if c.Service != tariff.Voice {
		n, u.End = c.Units, c.Start
	}
	price, err := billing.NewPrice(math.MaxInt64, 1)
	if err == nil && n > 0 {
		u.Steps = []balance.Step{{Count: n, Span: billing.Millis(n) * 1000, Price: price}}
	}
	return u
}

// poor bounds the cash of an account below the price of a second that has none.
func poor(a balance.Account) balance.Account {
	const most = 1_000_000_000_000
	return withCash(a, min(a.Cash().Micros(), most))
}
