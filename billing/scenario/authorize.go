package scenario

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/account"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/session"
	"github.com/class5-go/class5/billing/tariff"
)

// What is wanted when a request does not say.
const (
	longest   billing.Millis = 24 * 3600 * 1000
	mostUnits int64          = 1 << 30
	// mostUnpriced bounds units without a price.
	mostUnpriced int64 = 1_000_000
)

// allowed is an authorization, with the maximum in milliseconds or units.
type allowed struct {
	AuthorizeAnswer
	most int64
}

func (r *run) authorize(here string, c *Call, when billing.Millis) (*AuthorizeAnswer, error) {
	s, err := r.spec(here, c)
	if err != nil {
		return nil, err
	}
	name := cmp.Or(s.payer, r.accountOf(s.cdr.Caller.Account))
	var a *allowed
	if s.credit != nil || name == "" {
		a, err = r.credit(s, when)
	} else {
		a, err = r.maximum(s, name, when)
	}
	if err != nil {
		return nil, err
	}
	return &a.AuthorizeAnswer, nil
}

// refusal is the error of what is not authorized.
func refusal(a *allowed) error {
	if a.Lock > 0 && a.most == 0 {
		return fmt.Errorf("%w: level %d", errLocked, a.Lock)
	}
	return session.ErrCredit
}

// quoted is the call of a spec as its first party's tariff sees it. Without a
// tariff the snapshot is nil.
func (r *run) quoted(s *spec, when billing.Millis) (*tariff.Snapshot, rate.Call, string, string, error) {
	c := s.directCDR(s.cdr)
	c.Status, c.Init, c.Start, c.Duration = billing.StatusOK, when, when, 0
	prices, err := r.rater(s, nil).Prices(nil, &c)
	call := rate.CallOf(&c, s.direction)
	call.Service = s.service
	if errors.Is(err, chain.ErrNoTariff) {
		return nil, call, "", "", nil
	}
	if err != nil || len(prices) == 0 || !prices[0].Rated {
		return nil, call, "", "", err
	}
	p := &prices[0]
	return p.Terms.Snapshot, p.Call, p.Party.Fee, p.Party.Zone, nil
}

// want is what a request asks for at most.
func (s *spec) want(priced bool) (billing.Millis, int64) {
	d, n := s.cdr.Duration, s.units
	if !s.wanted {
		d, n = longest, mostUnits
		if !priced {
			n = mostUnpriced
		}
	}
	return d, n
}

// credit authorizes against an amount of money.
func (r *run) credit(s *spec, when billing.Millis) (*allowed, error) {
	if s.credit == nil {
		return nil, fmt.Errorf("%w: neither an account nor a credit", ErrName)
	}
	snapshot, call, fee, zone, err := r.quoted(s, when)
	if err != nil {
		return nil, err
	}
	if snapshot == nil {
		return nil, chain.ErrNoTariff
	}
	a := &allowed{AuthorizeAnswer: AuthorizeAnswer{Fee: fee, Zone: zone, Available: r.unit.of(*s.credit)}}
	call.Duration, call.Units = s.want(true)
	if s.service == tariff.Voice {
		m, err := rate.MaxDuration(snapshot, call, *s.credit)
		if err != nil {
			return nil, err
		}
		a.set(s, int64(m))
		return a, nil
	}
	n, err := rate.MaxUnits(snapshot, call, *s.credit)
	a.set(s, n)
	return a, err
}

func (a *allowed) set(s *spec, most int64) {
	a.most, a.Authorized = most, most > 0
	if s.service == tariff.Voice {
		a.Maximum = seconds(billing.Millis(most))
	} else {
		a.Maximum = fmt.Sprint(most)
	}
}

// maximum authorizes against an account.
func (r *run) maximum(s *spec, name string, when billing.Millis) (*allowed, error) {
	rater, fee, zone, err := r.accountRater(s, name, when)
	if err != nil {
		return nil, err
	}
	b, err := r.available(name, when)
	if err != nil {
		return nil, err
	}
	available := billing.NewAmount(b.Available, r.unit.currency)
	lock, _, _ := r.lockOf(name, when)
	a := &allowed{AuthorizeAnswer: AuthorizeAnswer{Fee: fee, Zone: zone, Available: r.unit.of(available), Lock: lock}}
	if r.barred(lock, s) {
		a.set(s, 0)
		return a, nil
	}
	d, n := s.want(rater.Snapshot != nil)
	if s.service == tariff.Voice {
		m, err := rater.MaxDuration(available, d)
		if err != nil {
			return nil, err
		}
		a.set(s, int64(m))
		return a, nil
	}
	n, err = rater.MaxUnits(available, n)
	a.set(s, n)
	return a, err
}

// barred reports whether a lock level forbids to call: 1 does so for calls to
// who is no customer here, the higher ones for all.
func (r *run) barred(level int, s *spec) bool {
	return level > 1 || level == 1 && s.cdr.Callee.Account == ""
}

// accountRater prices a call in the cash of an account.
func (r *run) accountRater(s *spec, name string, when billing.Millis) (*account.Rater, string, string, error) {
	own, shared, err := r.look(name)
	if err != nil {
		return nil, "", "", err
	}
	snapshot, call, fee, zone, err := r.quoted(s, when)
	if err != nil {
		return nil, "", "", err
	}
	opened, err := balance.Advance(r.terms, own, when)
	if err != nil {
		return nil, "", "", err
	}
	return &account.Rater{Terms: r.terms, Account: opened.Account, Shared: shared, Snapshot: snapshot, Call: call}, fee, zone, nil
}

// available is the cash of an account as the ledger has it: what can be reserved
// and what is held.
func (r *run) available(name string, when billing.Millis) (ledger.Balance, error) {
	return r.ledger.Balance(r.ctx, name, balance.CashWallet, when)
}
