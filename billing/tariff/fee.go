package tariff

import (
	"errors"
	"fmt"

	"github.com/class5-go/class5/billing"
)

// Errors of a builder; they come wrapped with what they are about, and with
// the line when they are about a deck.
var (
	ErrFee       = errors.New("tariff: bad fee")
	ErrDuplicate = errors.New("tariff: two fees for the same direction, destination and source")
	ErrWindow    = errors.New("tariff: bad window")
	ErrOverlap   = errors.New("tariff: windows of two rates overlap")
	ErrDeck      = errors.New("tariff: bad deck")
	ErrLimit     = errors.New("tariff: too large")
)

// Fee is what one direction of calls to one prefix costs.
type Fee struct {
	// ID names the fee in records. Empty, it is made of direction,
	// destination and source.
	ID        string
	Direction billing.Direction
	// Destination and Source are prefixes of numbers: digits, '*', '#' and
	// '+'. Empty ones match everything.
	Destination string
	Source      string
	// Zone is the group of destinations that reports and customers see.
	Zone string
	// Connect is charged once for an answered call, on top of the intervals.
	Connect billing.Amount
	// Rate is in force outside of all windows, and within those of a rate
	// that Named does not have.
	Rate  Rate
	Named map[string]Rate
}

// Rate charges a call by the interval: the first one of an answered call by
// Init, every further one that begins by Follow.
type Rate struct {
	Init, Follow Interval
}

// Interval is a span of time and its price. Every interval begun is charged
// as a whole.
type Interval struct {
	Price   billing.Price // per so many seconds, whatever the length of the interval
	Seconds int           // length; 0 counts as 1
}

// Length returns the length in milliseconds, at least a second.
func (i Interval) Length() billing.Millis { return billing.Millis(max(i.Seconds, 1)) * 1000 }

// Bounds of one fee.
const (
	maxPrefix  = 32
	maxID      = 255
	maxSeconds = 86400
	maxRates   = 64
	maxFees    = 1 << 26 // 32 nodes of each can be numbered in 31 bits
)

// check reports what is wrong with a fee by itself.
func (f *Fee) check(cur billing.Currency) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrFee, fmt.Sprintf(format, args...))
	}
	switch {
	case f.Direction > billing.In:
		return bad("direction %d", f.Direction)
	case !isPrefix(f.Destination):
		return bad("destination %.40q is no prefix of a number", f.Destination)
	case !isPrefix(f.Source):
		return bad("source %.40q is no prefix of a number", f.Source)
	case len(f.ID) > maxID || len(f.Zone) > maxID:
		return bad("id or zone of more than %d bytes", maxID)
	case !f.Connect.Currency().IsZero() && f.Connect.Currency() != cur:
		return fmt.Errorf("%w: %w: connect fee %s in a tariff of %s", ErrFee, billing.ErrCurrency, f.Connect, cur)
	}
	return f.Rate.check()
}

// named is a further rate of a fee.
type named struct {
	name string
	rate Rate
}

func (n *named) check() error {
	if err := checkName(n.name); err != nil {
		return fmt.Errorf("%w: rate %.40q: %w", ErrFee, n.name, err)
	}
	if err := n.rate.check(); err != nil {
		return fmt.Errorf("rate %q: %w", n.name, err)
	}
	return nil
}

func (r Rate) check() error {
	for _, i := range [...]Interval{r.Init, r.Follow} {
		if i.Seconds < 0 || i.Seconds > maxSeconds {
			return fmt.Errorf("%w: interval of %d seconds; 0 to %d are possible", ErrFee, i.Seconds, maxSeconds)
		}
	}
	return nil
}

func isPrefix(s string) bool {
	if len(s) > maxPrefix {
		return false
	}
	for i := range len(s) {
		if symbol(s[i]) == noSymbol {
			return false
		}
	}
	return true
}

// checkName holds the names of rates to what fits a column of a deck.
func checkName(name string) error {
	if name == "" || len(name) > 32 {
		return errors.New("a name has 1 to 32 letters, digits, - or _")
	}
	for i := range len(name) {
		c := name[i]
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return errors.New("a name has 1 to 32 letters, digits, - or _")
		}
	}
	return nil
}
