package balance

import (
	"fmt"

	"github.com/class5-go/class5/billing"
)

// Usage is what is to be paid for: a call, messages or data, as a tariff
// priced it, in steps.
type Usage struct {
	Ref         string // the leg; it stands in every entry
	Start, End  billing.Millis
	Direction   billing.Direction
	Service     string // "voice" when empty
	Destination string
	Zone        string
	Currency    billing.Currency // of the prices; that of the account when zero
	Rounding    billing.Rounding
	FreeTime    bool // the fee lets free time pay
	// Settled is the price that was paid online already. Nothing is taken
	// then, and the debit of the interval does not grow.
	Settled *billing.Amount
	// Cap is the most that all steps together may cost.
	Cap   *billing.Amount
	Steps []Step
}

// Step is a run of equal increments. An increment is paid for in the balance
// interval in which it begins.
type Step struct {
	Offset billing.Millis // of the first, from the start
	Count  int64          // of increments; 0 counts as 1
	Span   billing.Millis // of all of them; of things, a second each
	Price  billing.Price
	Rate   string // name of the calendar rate
	// Part is the price of a part of an increment that is rounded as a whole:
	// what the rounded price of the increment grows by with this part. It goes
	// before Price; nil for whole increments, and where the whole leg is
	// rounded.
	Part *billing.Amount

	Fee  billing.Amount // a connect fee instead: Span is 0
	Once bool           // Price is a one-off price: Span is 0
}

// Receipt says how a usage was paid.
type Receipt struct {
	Price       billing.Amount `json:"price"` // FromBalance + Due
	FromBalance billing.Amount `json:"from_balance"`
	Due         billing.Amount `json:"due"`
	FreeTime    billing.Millis `json:"free_time_ms"` // of the profiles, not of other wallets
	// Covered is up to where, from the start, wallets paid for everything: how
	// long a call may last that only they pay for. It is -1 when they don't
	// pay the connect fee.
	Covered billing.Millis `json:"covered_ms"`
	Blocked bool           `json:"blocked,omitempty"` // a blocker was used up
	Settled bool           `json:"settled,omitempty"` // it was paid online; nothing was taken
	Moves   []Move         `json:"moves,omitempty"`
	Debits  []Debit        `json:"debits,omitempty"`
}

// Debit is the part of a price that stands in one balance interval.
type Debit struct {
	Interval billing.Millis `json:"interval"` // its start
	Amount   billing.Amount `json:"amount"`
}

// Move is what a usage did to a wallet.
type Move struct {
	Account  string         `json:"account"`
	Wallet   string         `json:"wallet"`
	Unit     Unit           `json:"unit"`
	Interval billing.Millis `json:"interval,omitempty"` // start of the balance interval, of cash and free time
	Before   int64          `json:"before"`
	After    int64          `json:"after"`
}

func (u *Usage) service() string {
	if u.Service == "" {
		return "voice"
	}
	return u.Service
}

const maxSpan billing.Millis = 1 << 51 // of a usage; 2^41 things

func (u *Usage) check() error {
	if u.Start <= 0 || u.End < u.Start || u.End > latest || u.End-u.Start > 366*86_400_000 {
		return fmt.Errorf("%w: from %d to %d", ErrUsage, u.Start, u.End)
	}
	for i := range u.Steps {
		s := &u.Steps[i]
		n := max(s.Count, 1)
		single := !s.Fee.IsZero() || s.Once
		if s.Offset < 0 || s.Offset > maxSpan || s.Span < 0 || s.Span > maxSpan || s.Span%billing.Millis(n) != 0 || single != (s.Span == 0) || (single || s.Part != nil) && n > 1 {
			return fmt.Errorf("%w: step %d, %d increments over %d ms", ErrUsage, i, n, s.Span)
		}
	}
	return nil
}
