package balance

import (
	"fmt"
	"slices"

	"github.com/class5-go/class5/billing"
)

// TopUp is money paid in.
type TopUp struct {
	Ref     string         `json:"ref"` // token of the payment, or code of the voucher
	At      billing.Millis `json:"at"`
	Amount  billing.Amount `json:"amount"`
	Package string         `json:"package,omitempty"` // which the account has from now on; "" for the one it has
}

// Voucher is a code that is worth a top-up, once.
type Voucher struct {
	Code       string         `json:"code"`
	Amount     billing.Amount `json:"amount"`
	Package    string         `json:"package,omitempty"`
	ValidUntil billing.Millis `json:"valid_until,omitempty"` // exclusive; 0 for always
	Account    string         `json:"account,omitempty"`     // only for this one
	Used       billing.Millis `json:"used,omitempty"`        // when it was redeemed; 0 for not yet
}

// Redeem tops an account up with a voucher and returns the voucher as used.
// Whoever stores both has to do so at once; the code is the key that keeps a
// voucher from being redeemed twice.
func Redeem(t *Terms, a Account, v Voucher, at billing.Millis) (Change, Voucher, error) {
	switch {
	case v.Used != 0:
		return Change{}, v, fmt.Errorf("%w: redeemed before", ErrVoucher)
	case v.ValidUntil != 0 && at >= v.ValidUntil:
		return Change{}, v, fmt.Errorf("%w: over since %s", ErrVoucher, v.ValidUntil.Time().Format("2006-01-02"))
	case v.Account != "" && v.Account != a.ID:
		return Change{}, v, fmt.Errorf("%w: not for this account", ErrVoucher)
	}
	c, err := Add(t, a, TopUp{Ref: v.Code, At: at, Amount: v.Amount, Package: v.Package})
	if err != nil {
		return Change{}, v, err
	}
	v.Used = at
	return c, v, nil
}

// Add tops an account up. A package that the top-up names takes its service
// charge off, gives its bundles and is the account's package from then on. A
// top-up for a time before the running interval counts for that interval.
func Add(t *Terms, a Account, u TopUp) (Change, error) {
	r := begin(t, a)
	r.ref = u.Ref
	if u.Amount.Sign() < 0 {
		r.fail(fmt.Errorf("%w: a top-up of %s", ErrUsage, u.Amount))
	}
	if r.advance(u.At); r.err != nil {
		return Change{}, r.err
	}
	at := max(u.At, r.last().Start)
	r.timely(at)
	r.enter(u.Package, at)
	if r.err != nil {
		return Change{}, r.err
	}
	r.credit(u, at)
	return r.change()
}

// credit books the money and what follows from it.
func (r *run) credit(u TopUp, at billing.Millis) {
	p := r.pack()
	i := r.last()
	was := i.Cash
	r.plus(&i.Cash, u.Amount)
	r.note(at, CashWallet, Cash, -u.Amount.Micros(), ReasonTopUp)
	if u.Package != "" {
		r.minus(&i.Cash, p.ServiceCharge)
		r.note(at, CashWallet, Cash, p.ServiceCharge.Micros(), ReasonService)
		r.bundles(p.Bundles, at)
	}
	i.TopUps++
	rule := r.rule(at)
	r.a.TopUpEnd = nominalEnd(r.grid(rule), *i)
	i.Expiry = r.expiry()
	if len(p.TopUp) > 0 {
		r.assign(p.TopUp, at)
	}
	if p.TopUpLock != nil {
		r.lock(*p.TopUpLock, at)
	}
	r.underrun(was, i.Cash, at) // a service charge may be more than the top-up
}

// timely marks the running interval when a top-up falls into its last part.
func (r *run) timely(at billing.Millis) {
	p := r.pack()
	if p.CarryOver != CarryTimely {
		return
	}
	rule := r.rule(at)
	g := r.grid(rule)
	end := nominalEnd(g, *r.last())
	if begin := shift(g.Zone, end, -p.Timely.Count, p.Timely.Period); at >= begin && at < end {
		r.last().Timely = true
	}
}

// enter makes a package the account's, and ends the running interval where
// the start mode says so.
func (r *run) enter(name string, at billing.Millis) {
	was := r.a.Package
	if name != "" && name != was {
		if _, ok := r.t.Packages[name]; !ok {
			r.fail(fmt.Errorf("%w: no package %.40q", ErrTerms, name))
			return
		}
	} else {
		name = was
	}
	rule := r.t.Packages[name].Rule.normal()
	if name == "" {
		rule = r.rule(at)
	}
	chained := rule.Start == StartTopUpInterval && r.last().End == 0
	if rule.Start == StartTopUp || chained || rule.Start == StartTopUpInterval && name != was {
		r.cut(name, rule, at)
		return
	}
	if name == was {
		return
	}
	r.rename(name, at)
	i := r.last()
	g := r.grid(rule)
	if r.err == nil {
		i.End = g.Border(g.Find(at) + 1)
	}
}

func (r *run) rename(name string, at billing.Millis) {
	if r.a.Package != name {
		r.a.Package = name
		r.event(at, EventPackage, name)
	}
}

// cut ends the running interval at an instant, by the rules it ran under, and
// begins the next one under those of the package.
func (r *run) cut(name string, rule Rule, at billing.Millis) {
	next := Interval{Start: at}
	if i := r.last(); at == i.Start {
		// An interval of no length would be neither; it gets its new end.
		r.rename(name, at)
		i.End = 0
		if rule.Start == StartTopUpInterval {
			r.a.Anchor = at
			i.End = r.grid(rule).Border(1)
		}
		return
	}
	r.last().End = at
	if rule.Start == StartTopUpInterval {
		r.a.Anchor = at
		g := rule.Grid(r.a.Created, r.zone(rule))
		g.Anchor = at
		next.End = g.Border(1)
	}
	r.cross(next)
	r.rename(name, at)
}

// assign puts profiles into force, unless they are already.
func (r *run) assign(m []Mapping, at billing.Millis) {
	n := len(r.a.Assignments)
	for n > 0 && r.a.Assignments[n-1].From > at {
		n--
	}
	if n > 0 && slices.Equal(r.a.Assignments[n-1].Profiles, m) {
		return
	}
	r.a.Assignments = slices.Insert(r.a.Assignments, n, Assignment{at, m})
	r.event(at, EventProfile, m[0].Profile)
}

func (r *run) bundles(list []Bundle, at billing.Millis) {
	for _, b := range list {
		w := b.Wallet
		if b.Life != (Span{}) {
			w.Expires = shift(r.t.operator(), at, b.Life.Count, b.Life.Period)
		}
		r.note(at, w.ID, w.Unit, -w.Value, ReasonGrant)
		n := r.a.wallet(w.ID)
		if n < 0 {
			r.a.Wallets = append(r.a.Wallets, w)
			continue
		}
		sum, err := addMicros(r.a.Wallets[n].Value, w.Value)
		if err != nil {
			r.fail(err)
		}
		w.Value = sum
		if old := r.a.Wallets[n].Expires; old == 0 || w.Expires != 0 && old > w.Expires {
			w.Expires = old
		}
		r.a.Wallets[n] = w
	}
}

// Set corrects what a wallet holds, which only for money may be below zero. Cash
// that falls below a threshold that way is an underrun.
func Set(t *Terms, a Account, wallet string, value int64, at billing.Millis, ref string) (Change, error) {
	r := begin(t, a)
	r.ref = ref
	if r.advance(at); r.err != nil {
		return Change{}, r.err
	}
	was, unit, err := r.a.Balance(wallet)
	if err != nil {
		return Change{}, err
	}
	if unit != Cash && value < 0 {
		return Change{}, fmt.Errorf("%w: %d in wallet %.40q", ErrUsage, value, wallet)
	}
	diff, err := addMicros(was, -value)
	if err != nil {
		return Change{}, err
	}
	at = max(at, r.last().Start)
	r.note(at, wallet, unit, diff, ReasonSet)
	switch wallet {
	case CashWallet:
		before := r.last().Cash
		r.last().Cash = r.money(value)
		r.underrun(before, r.last().Cash, at)
	case FreeWallet:
		r.last().FreeLeft = billing.Millis(value)
	default:
		r.a.Wallets[r.a.wallet(wallet)].Value = value
	}
	return r.change()
}

// Grant gives an account another wallet.
func Grant(t *Terms, a Account, w Wallet, at billing.Millis, ref string) (Change, error) {
	r := begin(t, a)
	r.ref = ref
	if err := w.check(); err != nil {
		return Change{}, err
	}
	if r.a.wallet(w.ID) >= 0 {
		return Change{}, fmt.Errorf("%w: %.40q is there already", ErrTerms, w.ID)
	}
	if r.advance(at); r.err != nil {
		return Change{}, r.err
	}
	r.note(at, w.ID, w.Unit, -w.Value, ReasonGrant)
	r.a.Wallets = append(r.a.Wallets, w)
	return r.change()
}

// Unlock ends the lock that an underrun has set, whatever the balance is. Only
// the next crossing of the threshold locks again.
func Unlock(t *Terms, a Account, at billing.Millis) (Change, error) {
	r := begin(t, a)
	r.advance(at)
	if r.err != nil {
		return Change{}, r.err
	}
	r.lock(0, at)
	return r.change()
}

// Assign puts profiles into force from an instant on, as the customer agreed.
func Assign(t *Terms, a Account, m []Mapping, at billing.Millis) (Change, error) {
	r := begin(t, a)
	if len(m) == 0 {
		return Change{}, fmt.Errorf("%w: no profile to assign", ErrTerms)
	}
	r.assign(m, at)
	r.known()
	return r.change()
}
