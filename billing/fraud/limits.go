package fraud

import (
	"errors"
	"fmt"

	"github.com/class5-go/class5/billing"
)

// ErrLimits says that limits are not possible.
var ErrLimits = errors.New("fraud: limits")

// Period is what a limit is for.
type Period string

// Periods, the first of which decides the lock level when several are
// exceeded.
const (
	Month  Period = "month"
	Day    Period = "day"
	Hour   Period = "hour"
	Window Period = "window"
)

// Action is what follows from a limit that is exceeded.
type Action struct {
	Lock   int  `json:"lock,omitempty"` // 0 none, 1 foreign, 2 outgoing, 3 in and out, 4 and self-care, 5 ported
	Notify bool `json:"notify,omitempty"`
	Cut    bool `json:"cut,omitempty"` // running calls
}

// Money bounds the money of a period.
type Money struct {
	Limit billing.Amount `json:"limit"`
	Action
}

// Calls bounds the calls that end within a span of time.
type Calls struct {
	Limit int            `json:"limit"` // 1 to 10,000
	Span  billing.Millis `json:"span_ms"`
	Action
}

// Limits are those of one contract, profile or of the system. What is nil is
// left to the more general ones.
type Limits struct {
	Hour   *Money `json:"hour,omitempty"`
	Day    *Money `json:"day,omitempty"`
	Month  *Money `json:"month,omitempty"`
	Window *Calls `json:"window,omitempty"`
	// Reseller counts the reseller's prices instead of the customer's.
	Reseller *bool `json:"reseller,omitempty"`
	// Hysteresis is by how many percent of the limit a sum has to fall below
	// it before it can be exceeded again, 0 to 100.
	Hysteresis *int `json:"hysteresis,omitempty"`
}

const maxCalls, maxLock = 10_000, 5

// Check says whether limits are possible.
func (l *Limits) Check() error {
	for p, m := range map[Period]*Money{Hour: l.Hour, Day: l.Day, Month: l.Month} {
		if m != nil && (m.Limit.Sign() <= 0 || m.Lock < 0 || m.Lock > maxLock) {
			return fmt.Errorf("%w: %s of %s, lock %d", ErrLimits, p, m.Limit, m.Lock)
		}
	}
	if w := l.Window; w != nil && (w.Limit < 1 || w.Limit > maxCalls || w.Span <= 0 || w.Lock < 0 || w.Lock > maxLock) {
		return fmt.Errorf("%w: %d calls in %d ms, lock %d", ErrLimits, w.Limit, w.Span, w.Lock)
	}
	if h := l.Hysteresis; h != nil && (*h < 0 || *h > 100) {
		return fmt.Errorf("%w: hysteresis of %d %%", ErrLimits, *h)
	}
	return nil
}

// Merge lays the limits of a contract over those of its profile, and both over
// the system's.
func Merge(system, profile, contract Limits) Limits {
	m := system
	for _, l := range []Limits{profile, contract} {
		over(&m.Hour, l.Hour)
		over(&m.Day, l.Day)
		over(&m.Month, l.Month)
		over(&m.Window, l.Window)
		over(&m.Reseller, l.Reseller)
		over(&m.Hysteresis, l.Hysteresis)
	}
	return m
}

func over[T any](general **T, special *T) {
	if special != nil {
		*general = special
	}
}

func (l *Limits) money(p Period) *Money {
	switch p {
	case Hour:
		return l.Hour
	case Day:
		return l.Day
	}
	return l.Month
}
