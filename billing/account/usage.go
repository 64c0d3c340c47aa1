package account

import (
	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

// Usage is a call, priced with steps, as accounts pay for it. ref names the leg
// in journal entries. The usage's price is that of the result. Where a tariff
// rounds each interval and splits them between rates, a part of an interval
// costs what the rounded price of the interval grows by with it.
func Usage(s *tariff.Snapshot, c rate.Call, r rate.Result, ref string) (balance.Usage, error) {
	u := balance.Usage{
		Ref: ref, Start: c.Start, End: c.Start, Direction: c.Direction, Service: Service(c.Service),
		Destination: c.Destination, Zone: r.Match.Zone(), Currency: s.Currency(), Rounding: s.Rounding(), FreeTime: r.FreeTime,
		Steps: make([]balance.Step, 0, len(r.Steps)),
	}
	if c.Service == tariff.Voice {
		u.End += r.Served
	}
	if limit := r.Match.Cap(); limit.Action == tariff.CapFree {
		u.Cap = &limit.Amount
	}
	for i := range r.Steps {
		u.Steps = append(u.Steps, step(s, &r.Steps[i]))
	}
	if s.Rounding().Scope() == billing.ScopeIncrement && s.Crossing() == tariff.CrossSplit {
		return u, parts(s, r.Steps, u.Steps)
	}
	return u, nil
}

// parts gives the parts of intervals their prices.
func parts(s *tariff.Snapshot, steps []rate.Step, out []balance.Step) error {
	for i := 0; i < len(steps); i++ {
		end := i + 1
		for end < len(steps) && steps[end].Count == 0 {
			end++
		}
		if end == i+1 {
			continue
		}
		var exact billing.Cost
		so := billing.NewAmount(0, s.Currency())
		for ; i < end; i++ {
			if err := exact.Add(steps[i].Interval.Price, steps[i].Span); err != nil {
				return err
			}
			sum, err := exact.Round(s.Currency(), s.Rounding())
			if err != nil {
				return err
			}
			part, err := sum.Sub(so)
			if err != nil {
				return err
			}
			out[i].Part, so = &part, sum
		}
		i--
	}
	return nil
}

func step(s *tariff.Snapshot, r *rate.Step) balance.Step {
	out := balance.Step{Offset: r.Offset, Count: 1, Rate: s.RateName(r.Rate)}
	switch r.Kind {
	case rate.Connect:
		out.Fee = r.Fee
	case rate.Extra:
		out.Once, out.Price = true, r.Interval.Price
	default:
		out.Count, out.Span, out.Price = max(r.Count, 1), r.Span, r.Interval.Price
	}
	return out
}

// Service is the name of a service for wallets: "voice", "sms", "data".
func Service(s tariff.Service) string {
	if s == tariff.Voice {
		return "voice"
	}
	return s.String()
}

// Price is the usage of an amount that is not priced here, all or nothing.
func Price(a billing.Amount, at billing.Millis, ref string) balance.Usage {
	return balance.Usage{Ref: ref, Start: at, End: at, Currency: a.Currency(), Steps: []balance.Step{{Count: 1, Fee: a}}}
}
