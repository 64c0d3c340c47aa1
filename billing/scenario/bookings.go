package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/account"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/mediate"
)

// change is an operation on one account.
type change func(a balance.Account) (balance.Change, error)

// book carries an operation out and tells what it did.
func (r *run) book(key, name string, when billing.Millis, do change) (*BookingAnswer, error) {
	var b booked
	op := func(a balance.Account, _ []balance.Account) (balance.Change, any, error) {
		c, err := do(a)
		if err != nil {
			return c, nil, err
		}
		return c, booked{Before: holdings(a), After: holdings(c.Account), Events: c.Events}, nil
	}
	err := r.post(key, name, account.Apply(op), true, &b, when)
	return r.booked(name, &b, err)
}

func (r *run) booked(name string, b *booked, err error) (*BookingAnswer, error) {
	again := errors.Is(err, ledger.ErrDuplicate)
	if err != nil && !again {
		return nil, err
	}
	for len(b.Before) < len(b.After) { // a new wallet
		m := b.After[len(b.Before)]
		m.Before = 0
		b.Before = append(b.Before, m)
	}
	out := &BookingAnswer{Account: name, Duplicate: again, Paid: r.paid(&payment{account: name, booked: *b}), Events: notes(b.Events)}
	out.Paid.Account = ""
	return out, nil
}

func (r *run) topUp(id, mark string, t *TopUp, when billing.Millis) (*BookingAnswer, error) {
	amount, err := r.unit.amount(t.Amount)
	if err != nil {
		return nil, err
	}
	ref := t.Ref
	if ref == "" {
		ref = id
	} else {
		ref += mark
	}
	return r.book("topup/"+ref, t.Account, when, func(a balance.Account) (balance.Change, error) {
		return balance.Add(r.terms, a, balance.TopUp{Ref: ref, At: when, Amount: amount, Package: t.Package})
	})
}

// redeem redeems a voucher. Its code is the key of the request, so that it can
// be redeemed once, by whoever comes first.
func (r *run) redeem(v *Redeem, when billing.Millis) (*BookingAnswer, error) {
	b, err := r.book("voucher/"+v.Code, v.Account, when, func(a balance.Account) (balance.Change, error) {
		c, _, err := balance.Redeem(r.terms, a, r.vouchers[v.Code], when)
		return c, err
	})
	if errors.Is(err, ledger.ErrKey) || err == nil && b.Duplicate {
		return nil, fmt.Errorf("%w: %.40q was redeemed before", balance.ErrVoucher, v.Code)
	}
	return b, err
}

func (r *run) correct(here, id string, s *Set, when billing.Millis) (*BookingAnswer, error) {
	wallet := s.Wallet
	if wallet == "" {
		wallet = balance.CashWallet
	}
	return r.book("set/"+id, s.Account, when, func(a balance.Account) (balance.Change, error) {
		_, unit, err := a.Balance(wallet)
		if err != nil {
			return balance.Change{}, err
		}
		v, err := r.unit.value(unit, s.Value)
		if err != nil {
			return balance.Change{}, at(here+"/value", err)
		}
		return balance.Set(r.terms, a, wallet, v, when, id)
	})
}

// debitNow takes all that a debit asks for, or nothing.
func (r *run) debitNow(here, id string, d *Debit, when billing.Millis) (*BookingAnswer, error) {
	amount, call, err := r.debit(here, d)
	if err != nil {
		return nil, err
	}
	var u balance.Usage
	if amount != nil {
		u = account.Price(*amount, when, id)
		u.Service, u.Destination = account.Service(d.Service), d.To
		if amount.IsZero() {
			u.Steps = nil
		}
	} else {
		call.Start = when
		u = account.Unpriced(call, id)
	}
	u.Zone = d.Zone
	var b booked
	op := func(a balance.Account, shared []balance.Account) (balance.Change, any, error) {
		c, receipt, err := balance.Charge(r.terms, a, u, shared...)
		if err != nil {
			return c, nil, err
		}
		if receipt.Due.Sign() > 0 {
			if amount == nil { // no wallet is for the rest, and money has no price for it
				return c, nil, fmt.Errorf("%w: wallets of account %.40q", ledger.ErrInsufficient, a.ID)
			}
			return c, nil, fmt.Errorf("%w: %s of account %.40q", ledger.ErrInsufficient, receipt.Due, a.ID)
		}
		return c, booked{Receipt: receipt, Before: holdings(a), After: holdings(c.Account), Events: c.Events}, nil
	}
	err = r.post("debit/"+id, d.Account, account.Apply(op), false, &b, when)
	return r.booked(d.Account, &b, err)
}

// advance brings everything up to an instant.
func (r *run) advance(id string, when billing.Millis) ([]CallAnswer, error) {
	for _, name := range r.names() {
		_, err := r.book("advance/"+id+"/"+name, name, when, func(a balance.Account) (balance.Change, error) {
			if when < a.Created {
				return balance.Change{Account: a}, nil
			}
			return balance.Advance(r.terms, a, when)
		})
		if err != nil {
			return nil, err
		}
	}
	return r.mediated(func(m *mediate.Mediator) []billing.CDR { return m.Expire(nil, when.Time()) })
}

func (r *run) names() []string {
	var out []string
	for name := range r.world.accounts {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// finish adds what is left at the end to an answer.
func (r *run) finish(a *Answer) error {
	for _, name := range r.names() {
		one, err := r.accountAnswer(name)
		if err != nil {
			return err
		}
		if a.Accounts == nil {
			a.Accounts = map[string]AccountAnswer{}
		}
		a.Accounts[name] = one
	}
	for name, e := range r.sets {
		out := EventsAnswer{Pending: e.m.Open(), Quarantined: e.quarantined, Records: []CallAnswer{}}
		for _, key := range e.keys {
			c, err := r.answer(r.byKey[key])
			if err != nil {
				return err
			}
			out.Records = append(out.Records, *c)
		}
		if a.Events == nil {
			a.Events = map[string]EventsAnswer{}
		}
		a.Events[name] = out
	}
	return nil
}

func (r *run) accountAnswer(name string) (AccountAnswer, error) {
	doc, _, err := r.look(name)
	if err != nil {
		return AccountAnswer{}, err
	}
	b, err := r.available(name, r.now)
	if err != nil {
		return AccountAnswer{}, err
	}
	out := AccountAnswer{
		Cash: r.unit.of(doc.Cash()), Held: r.unit.write(b.Held), Available: r.unit.write(b.Available), FreeTime: seconds(doc.Running().FreeLeft),
		Package: doc.Package, Profile: doc.ProfileAt(max(r.now, doc.Running().Start, doc.Created)), Verdict: nil,
	}
	out.Lock, out.Underrun, out.Fraud = r.lockOf(name, r.now)
	if v, ok := r.verdicts[name]; ok {
		out.Verdict = verdict(&v)
	}
	for i := range doc.Intervals {
		out.Intervals = append(out.Intervals, r.interval(&doc.Intervals[i], r.zoneOf(name)))
	}
	for _, w := range doc.Wallets {
		out.Wallets = append(out.Wallets, WalletAnswer{w.ID, w.Unit, r.unit.show(w.Unit, w.Value), absolute(w.Expires)})
	}
	for _, s := range r.counters[name].Sums {
		out.Sums = append(out.Sums, Sum{string(s.Period), absolute(s.Start), r.unit.of(s.Customer), r.unit.of(s.Reseller), s.Calls, s.Exceeded})
	}
	for _, s := range doc.Assignments {
		p := ProfileSince{From: absolute(s.From)}
		for _, m := range s.Profiles {
			p.Profiles = append(p.Profiles, Mapping{m.Profile, m.Network})
		}
		out.Profiles = append(out.Profiles, p)
	}
	if slices.Contains(r.f.Show, "journal") {
		out.Entries = r.entries(name)
	}
	return out, nil
}

func (r *run) entries(name string) []JournalEntry {
	var out []JournalEntry
	for _, e := range r.journal[name] {
		out = append(out, JournalEntry{absolute(e.At), e.Wallet, e.Unit, r.unit.show(e.Unit, e.Value), string(e.Reason), e.Ref})
	}
	return out
}

func (r *run) interval(i *balance.Interval, zone *time.Location) IntervalAnswer {
	return IntervalAnswer{
		Start: absolute(i.Start), End: absolute(i.End), LocalStart: local(i.Start, zone), LocalEnd: local(i.End, zone), Profile: i.Profile,
		Opening: r.unit.of(i.Opening), Cash: r.unit.of(i.Cash), Debit: r.unit.of(i.Debit), FreeCash: r.unit.of(i.FreeCash),
		FreeTime: seconds(i.FreeTime), FreeLeft: seconds(i.FreeLeft), TopUps: i.TopUps, Timely: i.Timely, Discarded: i.Discarded, Expiry: absolute(i.Expiry),
	}
}

// parallel does steps at the same time and counts what came of them.
func (r *run) parallel(here, id string, p *Parallel, when billing.Millis) (*ParallelAnswer, error) {
	n := max(p.N, 1)
	answers := make([]StepAnswer, n*len(p.Steps))
	done := make(chan struct{}, len(answers))
	go1 := func(k int) {
		i, mark := k%len(p.Steps), ""
		if n > 1 {
			mark = fmt.Sprintf("#%d", k/len(p.Steps))
		}
		answers[k] = r.step(fmt.Sprintf("%s/steps/%d", here, i), fmt.Sprintf("%s.%d", id, i), mark, &p.Steps[i], when)
		done <- struct{}{}
	}
	for k := range answers {
		go go1(k)
	}
	for range answers {
		<-done
	}
	r.refresh()
	return r.counted(answers)
}

// refresh remembers the accounts as they are: of parallel steps, the one that
// was noted last need not be the one that came last.
func (r *run) refresh() {
	for _, name := range r.names() {
		if own, _, err := r.look(name); err == nil {
			r.docs[name] = own
		}
	}
}

func (r *run) counted(answers []StepAnswer) (*ParallelAnswer, error) {
	out := &ParallelAnswer{Outcomes: map[string]int{}}
	var price, paid, settled billing.Total
	var fault error
	add := func(t *billing.Total, m Money) {
		a, err := r.unit.amount(m)
		if fault == nil {
			fault = cmp.Or(err, t.Add(a))
		}
	}
	for i := range answers {
		s := &answers[i]
		if s.Error != "" {
			out.Outcomes[s.Error]++
			continue
		}
		out.Outcomes["ok"]++
		if s.Call != nil {
			add(&price, s.Call.Price)
			if s.Call.Paid != nil {
				add(&paid, s.Call.FromBalance)
			}
		}
		if s.Booking != nil && s.Booking.Paid != nil {
			add(&paid, s.Booking.FromBalance)
		}
		if s.Session != nil {
			out.Granted += s.Session.Grant
			add(&settled, s.Session.Settled)
		}
	}
	for sum, to := range map[*billing.Total]*Money{&price: &out.Price, &paid: &out.Paid, &settled: &out.Settled} {
		a, err := sum.Amount()
		if fault = cmp.Or(fault, err); fault != nil {
			return nil, fault
		}
		*to = r.unit.of(a)
	}
	return out, nil
}
