package dtmf

import (
	"fmt"
	"log/slog"
	"time"
)

// Event is a code of the telephone-event registry: 0 to 9, then *, #, A to D.
type Event uint8

// Events beyond the digits.
const (
	Star  Event = 10
	Pound Event = 11
	Flash Event = 16 // hook flash
)

const digits = "0123456789*#ABCD"

// ParseDigit is the event of a digit; letters in either case.
func ParseDigit(c byte) (Event, bool) {
	switch {
	case c >= '0' && c <= '9':
		return Event(c - '0'), true
	case c == '*':
		return Star, true
	case c == '#':
		return Pound, true
	case c >= 'A' && c <= 'D':
		return Event(c-'A') + 12, true
	case c >= 'a' && c <= 'd':
		return Event(c-'a') + 12, true
	}
	return 0, false
}

// Digit is the character of the event; ok is false when it is no digit.
func (e Event) Digit() (c byte, ok bool) {
	if int(e) < len(digits) {
		return digits[e], true
	}
	return 0, false
}

// String does not tell which digit it is.
func (e Event) String() string {
	if _, ok := e.Digit(); ok {
		return "digit"
	}
	return fmt.Sprintf("event %d", uint8(e))
}

// GoString does not tell either.
func (e Event) GoString() string { return e.String() }

// Format does not tell for any verb.
func (e Event) Format(s fmt.State, _ rune) { fmt.Fprint(s, e.String()) }

// LogValue does not tell either.
func (e Event) LogValue() slog.Value { return slog.StringValue(e.String()) }

// Digit is a digit that was heard, or is to be made.
type Digit struct {
	Event    Event
	Ended    bool          // false: it has begun and goes on
	Duration time.Duration // so far
	Volume   uint8         // -dBm0: 0 is loudest, 63 faintest
}
