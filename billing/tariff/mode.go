package tariff

import (
	"fmt"

	"github.com/class5-go/class5/billing"
)

// Service is what a fee is for. Calls are charged by the second, the others
// by the unit: intervals count messages, or units of data of whatever size the
// tariff means.
type Service uint8

// Services.
const (
	Voice Service = iota
	SMS
	Data
	services = iota
)

var serviceNames = [services]string{"call", "sms", "data"}

// String returns the name used in decks.
func (s Service) String() string { return nameOf(serviceNames[:], uint8(s)) }

// MarshalText returns the name.
func (s Service) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name; the empty text is Voice.
func (s *Service) UnmarshalText(b []byte) error {
	return readName(serviceNames[:], string(b), (*uint8)(s))
}

// Mode says how source and destination of a fee are compared with those of a
// call.
type Mode uint8

// Modes, but for Prefix in the order in which they are asked: Exact, Prefix,
// RegexMatch, RegexPattern. The first that has a fee decides.
const (
	Prefix       Mode = iota // the longest prefix of the destination wins, then the longest of the source
	Exact                    // the destination is this one; then the longest prefix of the source
	RegexMatch               // regular expressions; the longest matched part of the destination wins, then of the source
	RegexPattern             // regular expressions; the longest expression for the destination wins, then for the source
)

var modeNames = [...]string{"prefix", "exact", "regex-match", "regex-pattern"}

// String returns the name used in decks.
func (m Mode) String() string { return nameOf(modeNames[:], uint8(m)) }

// MarshalText returns the name.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads the name; the empty text is Prefix.
func (m *Mode) UnmarshalText(b []byte) error { return readName(modeNames[:], string(b), (*uint8)(m)) }

// CapAction says what happens when a call has cost as much as its fee allows.
type CapAction uint8

// Actions.
const (
	CapNone       CapAction = iota // there is no cap
	CapFree                        // the rest of the call is free
	CapDisconnect                  // the call ends before the interval that would cost more
)

var capNames = [...]string{"", "free", "disconnect"}

// String returns the name used in decks.
func (a CapAction) String() string { return nameOf(capNames[:], uint8(a)) }

// MarshalText returns the name.
func (a CapAction) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the name.
func (a *CapAction) UnmarshalText(b []byte) error {
	return readName(capNames[:], string(b), (*uint8)(a))
}

// Counting says how the milliseconds of a call become time to be charged,
// before the intervals are counted.
type Counting uint8

// Countings.
const (
	CountBegun   Counting = iota // every interval begun counts, be it by a millisecond
	CountNearest                 // the duration is rounded to the nearest second first, half up
	CountWhole                   // seconds that are not complete do not count
	CountExact                   // pro rata: the last interval costs the share of it that was used
)

var countingNames = [...]string{"begun", "nearest", "whole", "exact"}

// String returns the name.
func (c Counting) String() string { return nameOf(countingNames[:], uint8(c)) }

// MarshalText returns the name.
func (c Counting) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the name; the empty text is CountBegun.
func (c *Counting) UnmarshalText(b []byte) error {
	return readName(countingNames[:], string(b), (*uint8)(c))
}

// Crossing says which rate an interval has during which the rate in force
// changes.
type Crossing uint8

// Crossings.
const (
	CrossBegin Crossing = iota // the rate in force when the interval begins
	CrossSplit                 // each rate for its part of the interval
)

var crossingNames = [...]string{"begin", "split"}

// String returns the name.
func (c Crossing) String() string { return nameOf(crossingNames[:], uint8(c)) }

// MarshalText returns the name.
func (c Crossing) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the name; the empty text is CrossBegin.
func (c *Crossing) UnmarshalText(b []byte) error {
	return readName(crossingNames[:], string(b), (*uint8)(c))
}

func nameOf(names []string, v uint8) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("unknown(%d)", v)
}

func readName(names []string, s string, v *uint8) error {
	for i, n := range names {
		if n == s || s == "" && i == 0 {
			*v = uint8(i)
			return nil
		}
	}
	return fmt.Errorf("%w: %.40q is none of %q", billing.ErrSyntax, s, names)
}
