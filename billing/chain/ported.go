package chain

import "github.com/class5-go/class5/billing"

// Porting is a range of numbers that belongs to a provider for a time.
type Porting struct {
	Prefix     string
	Provider   string
	NumberType string
	From, To   billing.Millis // [From, To); 0 for no bound
}

// Portings is an index of ported numbers. It never changes.
type Portings struct {
	rows    map[string][]Porting
	longest int
}

// NewPortings makes an index. Of two rows for one prefix that hold at one time
// the later given counts.
func NewPortings(rows []Porting) *Portings {
	p := &Portings{rows: make(map[string][]Porting, len(rows))}
	for _, r := range rows {
		p.rows[r.Prefix] = append(p.rows[r.Prefix], r)
		p.longest = max(p.longest, len(r.Prefix))
	}
	return p
}

// Ported returns provider and type by the longest prefix of the number that
// holds at an instant. It is a Rater.Ported.
func (p *Portings) Ported(number string, at billing.Millis) (provider, numberType string) {
	for n := min(len(number), p.longest); n >= 0; n-- {
		rows := p.rows[number[:n]]
		for i := len(rows) - 1; i >= 0; i-- {
			if r := &rows[i]; at >= r.From && (r.To == 0 || at < r.To) {
				return r.Provider, r.NumberType
			}
		}
	}
	return "", ""
}
