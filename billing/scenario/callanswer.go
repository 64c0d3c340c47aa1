package scenario

import (
	"strings"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/fraud"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

// answer tells a record.
func (r *run) answer(rec *record) (*CallAnswer, error) {
	c := &rec.cdr
	a := &CallAnswer{
		ID: rec.id, Status: c.Status.String(), Code: c.Code, Start: absolute(c.Start), Duration: seconds(c.Duration), Served: seconds(c.Duration),
		Maximum: rec.maximum, Evidence: c.Evidence, Revision: c.Revision, Generation: c.Generation, Charged: "0",
		Price: "0", Connect: "0", Extra: "0", Flags: flags(c.Flags), Prices: r.columns(c.Parties),
	}
	if c.Type != billing.CallPlain {
		a.Type = c.Type.String()
	}
	for i := range c.Parties {
		a.Parties = append(a.Parties, r.party(&c.Parties[i], rec, i))
	}
	if len(c.Parties) > 0 {
		p := &c.Parties[0]
		a.Fee, a.Zone, a.Price, a.Charged, a.Units, a.Capped = p.Fee, p.Zone, r.unit.of(p.Amount), seconds(p.Charged), p.Units, p.Capped
	}
	if rec.spec.settled != nil {
		a.Price = r.unit.of(*rec.spec.settled)
	}
	if len(rec.prices) > 0 && rec.prices[0].Rated {
		if err := r.explainPrice(a, rec); err != nil {
			return nil, err
		}
	}
	if len(rec.payments) > 0 {
		paid := r.paid(&rec.payments[0])
		for i := range rec.payments[1:] {
			paid.Others = append(paid.Others, *r.paid(&rec.payments[i+1]))
		}
		a.Paid = paid
	}
	return a, nil
}

func flags(f billing.Flags) []string {
	var out []string
	for _, b := range [...]struct {
		flag billing.Flags
		name string
	}{{billing.FlagEvidence, "evidence"}, {billing.FlagClock, "clock"}, {billing.FlagLate, "late"}} {
		if f.Has(b.flag) {
			out = append(out, b.name)
		}
	}
	return out
}

func (r *run) columns(parties []billing.Party) map[string]Money {
	n := chain.NGCP(parties)
	return map[string]Money{
		"caller_customer": r.unit.of(n.SourceCustomer.Cost), "caller_reseller": r.unit.of(n.SourceReseller.Cost), "caller_carrier": r.unit.of(n.SourceCarrier.Cost),
		"callee_customer": r.unit.of(n.DestinationCustomer.Cost), "callee_reseller": r.unit.of(n.DestinationReseller.Cost), "callee_carrier": r.unit.of(n.DestinationCarrier.Cost),
	}
}

func (r *run) party(p *billing.Party, rec *record, i int) PartyAnswer {
	out := PartyAnswer{
		Side: string(p.Side), Role: string(p.Role), Depth: p.Depth, Account: p.Account, Direction: p.Direction.String(), Profile: p.Profile,
		Fee: p.Fee, Zone: p.Zone, Price: r.unit.of(p.Amount), Charged: seconds(p.Charged), Units: p.Units, Tariff: p.Tariff.String(),
	}
	if len(p.Explain) > 0 && len(rec.prices) > i {
		price := &rec.prices[i]
		if t, err := rate.Explain(price.Terms.Snapshot, price.Call); err == nil {
			out.Explain = t.Lines()
		}
	}
	return out
}

// defaultRate is how a fee's own rate is called in answers.
const defaultRate = "default"

func rateName(s *tariff.Snapshot, n int) string {
	if name := s.RateName(n); name != "" {
		return name
	}
	return defaultRate
}

// explainPrice tells how the first party's price was made, and the fragments of
// all.
func (r *run) explainPrice(a *CallAnswer, rec *record) error {
	p := &rec.prices[0]
	s := p.Terms.Snapshot
	a.Served, a.Cut = seconds(p.Result.Served), p.Result.Cut
	if p.Call.Service != tariff.Voice {
		a.Served = "0"
	}
	a.Connect = r.unit.of(p.Result.Connect)
	spans, sums := map[string]billing.Millis{}, map[string]int64{}
	extra := int64(0)
	for _, step := range p.Result.Steps {
		out := PriceStep{Kind: string(step.Kind), Offset: seconds(step.Offset), Count: step.Count, Span: seconds(step.Span), Amount: r.unit.of(step.Amount)}
		switch step.Kind {
		case rate.Connect:
		case rate.Extra:
			extra += step.Amount.Micros()
		default:
			out.Rate, out.Price = rateName(s, step.Rate), r.unit.quote(step.Interval.Price)
			spans[out.Rate] += step.Span
			sums[out.Rate] += step.Amount.Micros()
		}
		a.Steps = append(a.Steps, out)
	}
	a.Extra = r.unit.write(extra)
	a.Rates = map[string]RatePart{}
	for name, m := range spans {
		a.Rates[name] = RatePart{Charged: seconds(m), Amount: r.unit.write(sums[name])}
	}
	if p.Call.Service != tariff.Voice || p.Result.Served == 0 {
		return nil
	}
	parts, err := chain.Fragments(rec.prices, p.Result.Served)
	if err != nil {
		return err
	}
	for _, f := range parts {
		out := Fragment{Offset: seconds(f.Offset), Duration: seconds(f.Duration)}
		for i := range f.Amounts {
			state := f.Rates[i]
			if state == "" {
				state = defaultRate
			}
			out.States, out.Prices = append(out.States, state), append(out.Prices, r.unit.of(f.Amounts[i]))
		}
		a.Fragments = append(a.Fragments, out)
	}
	return nil
}

// paid tells a payment.
func (r *run) paid(p *payment) *Paid {
	x := &p.booked.Receipt
	out := &Paid{Account: p.account, FromBalance: r.unit.of(x.FromBalance), Due: r.unit.of(x.Due), FreeTime: seconds(x.FreeTime), Blocked: x.Blocked}
	for i, m := range p.booked.Before {
		b := BalanceChange{Account: m.Account, Wallet: m.Wallet, Unit: m.Unit, Before: r.unit.show(m.Unit, m.Before)}
		if i < len(p.booked.After) {
			b.After = r.unit.show(m.Unit, p.booked.After[i].Before)
		}
		if x.Settled && m.Wallet == balance.CashWallet {
			b.Before = r.unit.show(m.Unit, x.Moves[0].Before)
		}
		out.Balances = append(out.Balances, b)
	}
	for _, m := range x.Moves {
		if m.Account != p.account {
			out.Balances = append(out.Balances, BalanceChange{m.Account, m.Wallet, m.Unit, r.unit.show(m.Unit, m.Before), r.unit.show(m.Unit, m.After)})
		}
	}
	for _, d := range x.Debits {
		out.Intervals = append(out.Intervals, IntervalPart{absolute(d.Interval), r.unit.of(d.Amount)})
	}
	out.Verdict = verdict(p.verdict)
	return out
}

func verdict(v *fraud.Verdict) *Verdict {
	if v == nil || len(v.Reasons) == 0 {
		return nil
	}
	out := &Verdict{Lock: v.Lock, Cut: v.Cut, Notify: v.Notify}
	for _, reason := range v.Reasons {
		out.Periods = append(out.Periods, string(reason.Period))
	}
	return out
}

// notes are the events of an account in words: "lock 2".
func notes(list []balance.Event) []string {
	var out []string
	for _, e := range list {
		out = append(out, strings.TrimSpace(string(e.Kind)+" "+e.Text))
	}
	return out
}
