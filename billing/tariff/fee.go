package tariff

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/class5-go/class5/billing"
)

// Errors of a builder; they come wrapped with what they are about, and with
// the line when they are about a deck.
var (
	ErrFee       = errors.New("tariff: bad fee")
	ErrDuplicate = errors.New("tariff: two fees for the same calls")
	ErrWindow    = errors.New("tariff: bad window")
	ErrOverlap   = errors.New("tariff: windows of two rates overlap")
	ErrDeck      = errors.New("tariff: bad deck")
	ErrLimit     = errors.New("tariff: too large")
)

// Fee is what one kind of calls, messages or data costs.
type Fee struct {
	// ID names the fee in records. Empty, it is made of direction, service,
	// destination and source.
	ID        string
	Direction billing.Direction
	Service   Service
	// Mode says how Destination and Source are meant. As a prefix or an exact
	// text they may be a number, the user of a SIP URI, or user@domain, which
	// is compared first. "lnp:<provider>" is for numbers ported to a provider and
	// "lnpnumbertype:<type>" for a type of number; both come before everything
	// else. An empty source is any.
	Mode        Mode
	Destination string
	Source      string
	// Zone is the group of destinations that reports and customers see.
	Zone string
	// Connect is charged once for an answered call, on top of the intervals.
	Connect billing.Amount
	// Cap is the most that a call costs.
	Cap Cap
	// Rate is in force outside of all windows, and within those of a rate
	// that Named does not have.
	Rate  Rate
	Named map[string]Rate
}

// Cap bounds the price of a call.
type Cap struct {
	Amount billing.Amount
	Action CapAction
}

// Rate charges a call by the interval: the first one of an answered call by
// Init, every further one that begins by Follow or, from its start on, by a
// tier.
type Rate struct {
	Init, Follow Interval
	// Tiers are sorted by Start. Those of a snapshot are not to be changed.
	Tiers []Tier
	Extra Extra
	// FreeTime says that free seconds of the customer may pay for calls that
	// begin while this rate is in force.
	FreeTime bool
}

// Equal reports whether both charge alike in every detail.
func (r Rate) Equal(o Rate) bool {
	return r.Init == o.Init && r.Follow == o.Follow && r.Extra == o.Extra && r.FreeTime == o.FreeTime && slices.Equal(r.Tiers, o.Tiers)
}

// Tier is how a call is charged from so many seconds after the answer on.
type Tier struct {
	Start int // seconds or units
	// Connect is charged once, when the first interval of the tier begins.
	Connect  billing.Amount
	Interval Interval
}

// Extra is a price that is charged once, by calls that last for so many
// seconds. The rate in force at the answer says which.
type Extra struct {
	Second int // 0 for none
	Price  billing.Price
}

// Interval is a span of time, or a number of units, and its price. Every interval begun is charged
// as a whole.
type Interval struct {
	Price   billing.Price // per so many seconds, whatever the length of the interval
	Seconds int           // length; 0 counts as 1
}

// Length returns the length in milliseconds, at least a second. A unit counts
// as a second.
func (i Interval) Length() billing.Millis { return billing.Millis(max(i.Seconds, 1)) * 1000 }

// Bounds of one fee.
const (
	maxPrefix  = 32
	maxText    = 255
	maxID      = 255
	maxSeconds = 86400
	maxUnits   = 1 << 30
	maxTiers   = 64
	maxRates   = 4096
	maxFees    = 1 << 25 // 32 nodes of each can be numbered in 30 bits
)

// check reports what is wrong with a fee by itself.
func (f *Fee) check(cur billing.Currency) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrFee, fmt.Sprintf(format, args...))
	}
	switch {
	case f.Direction > billing.In:
		return bad("direction %d", f.Direction)
	case f.Service > Data || f.Mode > RegexPattern || f.Cap.Action > CapDisconnect:
		return bad("service %d, mode %d, cap %d", f.Service, f.Mode, f.Cap.Action)
	case len(f.ID) > maxID || len(f.Zone) > maxID:
		return bad("id or zone of more than %d bytes", maxID)
	}
	for _, a := range [...]billing.Amount{f.Connect, f.Cap.Amount} {
		if !a.Currency().IsZero() && a.Currency() != cur {
			return fmt.Errorf("%w: %w: %s in a tariff of %s", ErrFee, billing.ErrCurrency, a, cur)
		}
	}
	if f.Cap.Amount.Sign() < 0 {
		return bad("a cap below zero")
	}
	if err := f.checkTexts(); err != nil {
		return err
	}
	return f.Rate.check(f.Service, cur)
}

// checkTexts looks at destination and source.
func (f *Fee) checkTexts() error {
	for _, s := range [...]struct{ what, text string }{{"destination", f.Destination}, {"source", f.Source}} {
		switch {
		case f.Mode >= RegexMatch:
			if _, err := newExpression(s.text); err != nil {
				return fmt.Errorf("%w: %s %.40q: %w", ErrFee, s.what, s.text, err)
			}
		case !isPrefix(s.text) && !isText(s.text):
			return fmt.Errorf("%w: %s %.40q is no prefix of a number, user or user@domain", ErrFee, s.what, s.text)
		}
	}
	return nil
}

// named is a further rate of a fee.
type named struct {
	name string
	rate Rate
}

func (n *named) check(v Service, cur billing.Currency) error {
	if err := checkName(n.name); err != nil {
		return fmt.Errorf("%w: rate %.40q: %w", ErrFee, n.name, err)
	}
	if err := n.rate.check(v, cur); err != nil {
		return fmt.Errorf("rate %q: %w", n.name, err)
	}
	return nil
}

func (r *Rate) check(v Service, cur billing.Currency) error {
	most := maxSeconds
	if v != Voice {
		most = maxUnits
	}
	long := func(n int) error {
		if n < 0 || n > most {
			return fmt.Errorf("%w: interval of %d; 0 to %d are possible", ErrFee, n, most)
		}
		return nil
	}
	for _, n := range [...]int{r.Init.Seconds, r.Follow.Seconds} {
		if err := long(n); err != nil {
			return err
		}
	}
	if r.Extra.Second < 0 || r.Extra.Second > maxUnits {
		return fmt.Errorf("%w: extra price at second %d", ErrFee, r.Extra.Second)
	}
	if len(r.Tiers) > maxTiers {
		return fmt.Errorf("%w: %d tiers", ErrLimit, len(r.Tiers))
	}
	start := 0
	for _, t := range r.Tiers {
		if t.Start <= start || t.Start > maxUnits {
			return fmt.Errorf("%w: a tier from %d on after one from %d on", ErrFee, t.Start, start)
		}
		if c := t.Connect.Currency(); !c.IsZero() && c != cur {
			return fmt.Errorf("%w: %w: %s in a tariff of %s", ErrFee, billing.ErrCurrency, t.Connect, cur)
		}
		if err := long(t.Interval.Seconds); err != nil {
			return err
		}
		start = t.Start
	}
	return nil
}

// isText holds what is compared as a text to what a SIP URI may hold: a user
// that begins with a letter, or one with a domain.
func isText(s string) bool {
	if s == "" || len(s) > maxText || (s[0]|0x20 < 'a' || s[0]|0x20 > 'z') && strings.IndexByte(s, '@') < 0 {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '"' || s[i] == '<' || s[i] == '>' {
			return false
		}
	}
	return true
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
