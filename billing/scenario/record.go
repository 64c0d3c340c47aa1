package scenario

import (
	"cmp"
	"slices"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/account"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/fraud"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

// record is a call that was rated and charged.
type record struct {
	id       string
	cdr      billing.CDR
	spec     *spec
	prices   []chain.Price // none for given prices
	payments []payment
	maximum  string
	session  *settlement
}

// settlement is what a session took from cash for a call, and what cash has for
// it all in all.
type settlement struct{ micros, room int64 }

// payment is how an account paid for a party.
type payment struct {
	account string
	party   int
	booked  booked
	verdict *fraud.Verdict
}

// booked is the result of a posting.
type booked struct {
	Receipt       balance.Receipt
	Before, After []balance.Move // of every wallet; Before counts in both
	Events        []balance.Event
}

// rater is the chain for a call.
func (r *run) rater(s *spec, replace map[string]string) *chain.Rater {
	d := &directory{r: r, replace: replace}
	if s.direct != "" {
		d.direct = s
	}
	return &chain.Rater{
		Directory: d, Ported: r.portings.Ported, Explain: slices.Contains(r.f.Show, "explain"),
		Complete: func(c rate.Call, _ *billing.CDR) rate.Call {
			if s.service != tariff.Voice {
				c.Service, c.Units = s.service, s.units
			}
			return c
		},
	}
}

// directCDR is a record whose only party is a profile.
func (s *spec) directCDR(c billing.CDR) billing.CDR {
	if s.direct == "" {
		return c
	}
	own, other := &c.Caller, &c.Callee
	if s.direction == billing.In {
		own, other = other, own
	}
	own.Account, own.Peer, other.Account, other.Peer = s.direct, "", "", ""
	return c
}

// rate prices a record.
func (r *run) rate(rec *record, replace map[string]string) error {
	s := rec.spec
	if len(s.given) > 0 {
		rec.prices, rec.cdr.Parties = nil, slices.Clone(s.given)
		return nil
	}
	c := s.directCDR(rec.cdr)
	prices, err := r.rater(s, replace).Prices(nil, &c)
	if err != nil {
		return err
	}
	rec.prices, rec.cdr.Parties = prices, rec.cdr.Parties[:0:0]
	for i := range prices {
		rec.cdr.Parties = append(rec.cdr.Parties, prices[i].Party)
	}
	return nil
}

// payer is the account that pays for a party, or "".
func (r *run) payer(s *spec, p *billing.Party) string {
	if s.direct != "" {
		return s.payer
	}
	return r.accountOf(p.Account)
}

// usage is what an account pays for a party of a record.
func (r *run) usage(rec *record, i int) (balance.Usage, error) {
	p := &rec.cdr.Parties[i]
	if len(rec.prices) == 0 {
		u := account.Price(p.Amount, rec.cdr.Start, rec.id)
		if u.End = rec.cdr.End; p.Amount.IsZero() {
			u.Steps = nil
		}
		return u, nil
	}
	price := &rec.prices[i]
	if !price.Rated {
		return balance.Usage{Ref: rec.id, Start: rec.cdr.Start, End: rec.cdr.End, Rounding: billing.Rounding{}}, nil
	}
	return account.Usage(price.Terms.Snapshot, price.Call, price.Result, rec.id)
}

// charge lets accounts pay for a record, or pay otherwise for what they paid
// before. key tells the bookings of a record apart.
func (r *run) charge(rec *record, key string, old *record) error {
	for i := range rec.cdr.Parties {
		name := r.payer(rec.spec, &rec.cdr.Parties[i])
		if name == "" || !rec.cdr.Chargeable() && old == nil {
			continue
		}
		u, err := r.usage(rec, i)
		if err != nil {
			return err
		}
		if rec.cdr.Parties[i].Role == billing.RoleCustomer {
			u.Settled = rec.spec.settled
		}
		var paid *settlement
		if rec.session != nil && i == 0 && old == nil {
			b, err := r.available(name, r.now)
			if err != nil {
				return err
			}
			paid = &settlement{rec.session.micros, rec.session.micros + max(b.Available, 0)}
		}
		if !rec.cdr.Chargeable() {
			u.Steps, u.Settled = nil, nil
		}
		p := payment{account: name, party: i}
		if err := r.post(key+"/"+name+"/"+string(rec.cdr.Parties[i].Side), name, r.pay(u, paid, previous(old, name, i), r.now), true, &p.booked, u.Start); err != nil {
			return err
		}
		if err := r.count(rec, &p, old); err != nil {
			return err
		}
		rec.payments = append(rec.payments, p)
	}
	return nil
}

// previous is how an account paid for a party before, or nil.
func previous(old *record, name string, party int) *balance.Receipt {
	if old == nil {
		return nil
	}
	for i := range old.payments {
		if p := &old.payments[i]; p.account == name && p.party == party {
			return &p.booked.Receipt
		}
	}
	return nil
}

// pay reverses what was paid before and charges a usage. What a session settled
// is given back first; what other sessions hold is not there for its call.
func (r *run) pay(u balance.Usage, paid *settlement, before *balance.Receipt, now billing.Millis) account.Make {
	return account.Apply(func(a balance.Account, shared []balance.Account) (balance.Change, any, error) {
		var undone balance.Change
		if before != nil {
			var err error
			if undone, err = balance.Reverse(r.terms, a, *before, u.Ref, max(now, u.Start), shared...); err != nil {
				return undone, nil, err
			}
			a, shared = undone.Account, undone.Shared
		}
		opened, err := balance.Advance(r.terms, a, u.Start)
		if err != nil {
			return opened, nil, err
		}
		floor := a.Overdraft
		if paid != nil {
			a.Overdraft = billing.NewAmount(min(floor.Micros(), paid.room-a.Cash().Micros()), a.Currency)
		}
		c, receipt, err := balance.Charge(r.terms, a, u, shared...)
		if err != nil {
			return c, nil, err
		}
		c.Account.Overdraft = floor
		b := booked{Receipt: receipt, Before: holdings(opened.Account), After: holdings(c.Account), Events: append(undone.Events, c.Events...)}
		if paid != nil && paid.micros != 0 {
			c.Entries = append(c.Entries, balance.Entry{
				At: u.Start, Account: a.ID, Wallet: balance.CashWallet, Unit: balance.Cash, Value: -paid.micros, Reason: balance.ReasonUsage, Ref: u.Ref,
			})
		}
		c.Entries = append(undone.Entries, c.Entries...)
		return c, b, nil
	})
}

// holdings lists what the wallets of an account hold.
func holdings(a balance.Account) []balance.Move {
	out := []balance.Move{
		{Account: a.ID, Wallet: balance.CashWallet, Unit: balance.Cash, Before: a.Cash().Micros()},
		{Account: a.ID, Wallet: balance.FreeWallet, Unit: balance.Time, Before: int64(a.Running().FreeLeft)},
	}
	for _, w := range a.Wallets {
		out = append(out, balance.Move{Account: a.ID, Wallet: w.ID, Unit: w.Unit, Before: w.Value})
	}
	return out
}

// count counts what a customer spent, for the limits of its account.
func (r *run) count(rec *record, p *payment, old *record) error {
	party := &rec.cdr.Parties[p.party]
	if party.Role != billing.RoleCustomer {
		return nil
	}
	spent := fraud.Spent{End: max(rec.cdr.End, rec.cdr.Start), Customer: party.Amount, Reseller: resold(&rec.cdr, party.Side), Calls: 1}
	if rec.spec.settled != nil {
		spent.Customer = *rec.spec.settled
	}
	if old != nil {
		if len(old.cdr.Parties) > p.party {
			was := &old.cdr.Parties[p.party]
			var err error
			if spent.Customer, err = spent.Customer.Sub(was.Amount); err != nil {
				return err
			}
			if spent.Reseller, err = spent.Reseller.Sub(resold(&old.cdr, was.Side)); err != nil {
				return err
			}
		}
		spent.Calls = 0
	}
	limits, reserved := r.limitsOf(p.account, rec.cdr.Start), r.reserved(p.account)
	r.mu.Lock()
	defer r.mu.Unlock()
	c, v, err := fraud.Add(r.counters[p.account], limits, spent, reserved, r.clock.zone)
	if err != nil {
		return err
	}
	r.counters[p.account], r.verdicts[p.account] = c, v
	p.verdict = &v
	return nil
}

// resold is the price of the reseller that sells to a customer.
func resold(c *billing.CDR, side billing.Side) billing.Amount {
	for i := range c.Parties {
		if p := &c.Parties[i]; p.Side == side && p.Role == billing.RoleReseller && p.Depth == 1 {
			return p.Amount
		}
	}
	return billing.Amount{}
}

// limitsOf are the limits of an account at an instant.
func (r *run) limitsOf(name string, when billing.Millis) fraud.Limits {
	r.mu.Lock()
	doc := r.docs[name]
	r.mu.Unlock()
	return fraud.Merge(r.system, r.limits[doc.ProfileAt(when)], r.world.accounts[name].limits)
}

// reserved is what the sessions of an account hold.
func (r *run) reserved(name string) billing.Amount {
	b, err := r.ledger.Balance(r.ctx, name, balance.CashWallet, r.now)
	if err != nil {
		return billing.NewAmount(0, r.unit.currency)
	}
	return billing.NewAmount(b.Held, r.unit.currency)
}

// lockOf is the level in force for an account: the higher of what its balance
// and its limits say.
func (r *run) lockOf(name string, when billing.Millis) (level, balanced, spent int) {
	limits, reserved := r.limitsOf(name, when), r.reserved(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, v, err := fraud.Check(r.counters[name], limits, when, reserved, r.clock.zone); err == nil {
		r.counters[name], r.verdicts[name] = c, v
		spent = v.Lock
	}
	balanced = r.docs[name].Lock
	return max(balanced, spent), balanced, spent
}

// call is a call that took place.
func (r *run) call(here, id string, c *Call, when billing.Millis) (*CallAnswer, error) {
	s, err := r.spec(here, c)
	if err != nil {
		return nil, err
	}
	rec := &record{id: id, spec: s, cdr: s.cdr}
	rec.cdr.CallID, rec.cdr.Revision, rec.cdr.Generation = id, 1, 1
	rec.cdr.Init, rec.cdr.Start, rec.cdr.End = when, when, when
	if s.service == tariff.Voice {
		rec.cdr.End = when + rec.cdr.Duration
	}
	if !rec.cdr.Chargeable() {
		rec.cdr.Start, rec.cdr.End, rec.cdr.Duration = 0, when, 0
	}
	rec.cdr.Key = billing.NewLegKey(id, "", 0, 0, when)
	if err := r.limit(rec, when); err != nil {
		return nil, err
	}
	if err := r.rate(rec, nil); err != nil {
		return nil, err
	}
	if err := r.payable(rec); err != nil {
		return nil, err
	}
	if err := r.charge(rec, "call/"+id, nil); err != nil {
		return nil, err
	}
	r.remember(rec)
	return r.answer(rec)
}

func (r *run) remember(rec *record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.byKey[rec.cdr.Key]; old != nil {
		r.records[slices.Index(r.records, old)] = rec
	} else {
		r.records = append(r.records, rec)
	}
	r.byKey[rec.cdr.Key] = rec
}

// limit works out how long the account's credit is enough for, and cuts an
// online call there.
func (r *run) limit(rec *record, when billing.Millis) error {
	s := rec.spec
	name := cmp.Or(s.payer, r.accountOf(rec.cdr.Caller.Account))
	if name == "" || len(s.given) > 0 || !rec.cdr.Chargeable() {
		return nil
	}
	free := *s
	free.cdr.Duration, free.units, free.wanted = 0, 0, false
	a, err := r.maximum(&free, name, when)
	if err != nil {
		return err
	}
	if rec.maximum = a.Maximum; !s.online {
		return nil
	}
	if !a.Authorized {
		return refusal(a)
	}
	if s.service != tariff.Voice {
		s.units = min(s.units, a.most)
		return nil
	}
	if most := billing.Millis(a.most); rec.cdr.Duration > most {
		rec.cdr.Duration, rec.cdr.End = most, rec.cdr.Start+most
	}
	return nil
}

func (r *run) zoneOf(name string) *time.Location {
	if a := r.world.accounts[name]; a != nil && a.seed.Zone != "" {
		return r.terms.Zones[a.seed.Zone]
	}
	return r.clock.zone
}
