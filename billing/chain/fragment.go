package chain

import (
	"slices"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
)

// Fragment is a part of a call during which no party's rate changes.
type Fragment struct {
	Offset   billing.Millis // from the answer
	Duration billing.Millis
	Rates    []string         // in force, one for each price; "" is the fee's own
	Amounts  []billing.Amount // one for each price
}

// Fragments cuts a call of a duration wherever the rate of any party changes.
// The amounts of a party sum up to its unsplit price exactly, so that parties
// whose intervals do not fit each other are no error.
func Fragments(prices []Price, duration billing.Millis) ([]Fragment, error) {
	var borders []billing.Millis
	for i := range prices {
		if p := &prices[i]; p.Rated {
			borders = rate.Borders(borders, p.Terms.Snapshot, p.Call, duration)
		}
	}
	slices.Sort(borders)
	borders = slices.Compact(borders)
	out := make([]Fragment, len(borders)+1)
	for i := range out {
		f := &out[i]
		if i > 0 {
			f.Offset = borders[i-1]
		}
		end := duration
		if i < len(borders) {
			end = borders[i]
		}
		f.Duration = end - f.Offset
		f.Rates, f.Amounts = make([]string, len(prices)), make([]billing.Amount, len(prices))
	}
	for i := range prices {
		p := &prices[i]
		if !p.Rated {
			continue
		}
		shares, err := rate.Shares(p.Terms.Snapshot, p.Result, borders)
		if err != nil {
			return nil, err
		}
		for k := range out {
			out[k].Amounts[i] = shares[k]
			out[k].Rates[i] = rate.InForce(p.Terms.Snapshot, p.Call, out[k].Offset)
		}
	}
	return out, nil
}
