package scenario

import (
	"fmt"
	"strconv"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/account"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/tariff"
)

func (c *compiler) pack(here string, p *Package) (balance.Package, error) {
	out := balance.Package{
		Rule: rule(p.Interval), CarryOver: p.CarryOver, DiscardAfter: p.DiscardAfter, LockLevel: p.LockLevel, TopUpLock: p.TopUpLock,
		Initial: mappings(p.Initial), Underrun: mappings(p.Underrun), TopUp: mappings(p.TopUp),
	}
	if p.Timely != nil {
		out.Timely = balance.Span{Count: p.Timely.Count, Period: p.Timely.Period}
	}
	for _, m := range [...]struct {
		name string
		from *Money
		to   **billing.Amount
	}{{"lock_below", p.LockBelow, &out.LockBelow}, {"profile_below", p.ProfileBelow, &out.ProfileBelow}} {
		if m.from == nil {
			continue
		}
		a, err := c.unit.amount(*m.from)
		if err != nil {
			return out, at(here+"/"+m.name, err)
		}
		*m.to = &a
	}
	for _, m := range [...]struct {
		name string
		from Money
		to   *billing.Amount
	}{{"initial_balance", p.InitialBalance, &out.InitialBalance}, {"service_charge", p.ServiceCharge, &out.ServiceCharge}} {
		var err error
		if *m.to, err = c.unit.amount(m.from); err != nil {
			return out, at(here+"/"+m.name, err)
		}
	}
	for i := range p.Bundles {
		b := &p.Bundles[i]
		where := fmt.Sprintf("%s/bundles/%d", here, i)
		w, err := c.wallet(where, &b.Wallet)
		if err != nil {
			return out, err
		}
		bundle := balance.Bundle{Wallet: w}
		if b.Life != nil {
			bundle.Life = balance.Span{Count: b.Life.Count, Period: b.Life.Period}
			if b.Life.Count < 1 || b.Life.Period < balance.Minute {
				return out, at(where+"/life", fmt.Errorf("%w: a life of %d", ErrFile, b.Life.Count))
			}
		}
		out.Bundles = append(out.Bundles, bundle)
	}
	return out, nil
}

func mappings(list []Mapping) []balance.Mapping {
	var out []balance.Mapping
	for _, m := range list {
		out = append(out, balance.Mapping{Profile: m.Profile, Network: m.Network})
	}
	return out
}

func (c *compiler) wallet(here string, w *Wallet) (balance.Wallet, error) {
	out := balance.Wallet{ID: w.ID, Unit: w.Unit, Weight: w.Weight, Increment: int64(w.Increment), Blocker: w.Blocker, Shared: w.Shared}
	var err error
	if out.Value, err = c.unit.value(w.Unit, w.Value); err != nil {
		return out, at(here+"/value", err)
	}
	if w.Unit == balance.Time {
		out.Increment *= 1000
	}
	if out.Expires, err = c.optional(here+"/expires", w.Expires); err != nil {
		return out, err
	}
	if out.Price, err = c.unit.price(w.Price); err != nil {
		return out, at(here+"/price", err)
	}
	connect, err := c.unit.amount(w.Connect)
	if err != nil {
		return out, at(here+"/connect", err)
	}
	if !connect.IsZero() {
		out.Connect = connect
	}
	over, err := c.unit.amount(w.Overdraft)
	if err != nil {
		return out, at(here+"/overdraft", err)
	}
	out.Overdraft = over.Micros()
	if f := w.Filter; f != nil {
		out.Filter = balance.Filter{Destinations: f.Destinations, Zones: f.Zones, Rates: f.Rates, Directions: f.Directions}
		for i, s := range f.Services {
			if err := among(fmt.Sprintf("%s/filter/services/%d", here, i), s, "call", "voice", "sms", "data"); err != nil {
				return out, err
			}
			if s == "call" { // as fees name it
				s = account.Service(tariff.Voice)
			}
			out.Filter.Services = append(out.Filter.Services, s)
		}
	}
	return out, nil
}

// value reads what a wallet of a unit holds, in the unit of package balance.
func (u unitOf) value(unit balance.Unit, text string) (int64, error) {
	switch unit {
	case balance.Cash:
		a, err := u.amount(Money(text))
		return a.Micros(), err
	case balance.Time:
		m, err := Span(text).millis()
		return int64(m), err
	case "":
		return 0, fmt.Errorf("%w: a wallet without a unit", ErrFile)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %.40q is no whole number", billing.ErrSyntax, text)
	}
	return n, nil
}

// show writes what a wallet holds as value reads it.
func (u unitOf) show(unit balance.Unit, v int64) string {
	switch unit {
	case balance.Cash:
		return string(u.write(v))
	case balance.Time:
		return seconds(billing.Millis(v))
	}
	return strconv.FormatInt(v, 10)
}
