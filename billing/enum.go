package billing

import "fmt"

// EventKind is what happened to a call leg.
type EventKind uint8

// Kinds of events. A leg has at most one end; which of several reported ends
// counts is the mediator's business.
const (
	EventAttempt  EventKind = iota + 1 // an INVITE was taken on and is being routed
	EventStart                         // it was answered: a 2xx went to the caller
	EventInterim                       // the answered call was proven alive at that time
	EventStop                          // the answered call ended
	EventFail                          // it ended unanswered, with a final response of 300 to 699
	EventTransfer                      // it was transferred: Refer is the Call-ID of the call that goes on
	EventForward                       // it was diverted: Type says why, and the leg is the one to the new target
)

var eventNames = [...]string{"", "attempt", "start", "interim", "stop", "fail", "transfer", "forward"}

// String returns the name used in JSON.
func (k EventKind) String() string { return nameOf(eventNames[:], uint8(k)) }

// MarshalText returns the name.
func (k EventKind) MarshalText() ([]byte, error) { return textOf(eventNames[:], uint8(k)) }

// UnmarshalText reads the name.
func (k *EventKind) UnmarshalText(b []byte) error { return readName(eventNames[:], b, (*uint8)(k)) }

// CallType says how a leg came about.
type CallType uint8

// Call types. The forwards are legs that the called subscriber pays for:
// unconditional, busy, no answer, not registered, by response, by text.
const (
	CallPlain CallType = iota
	CallForward
	CallForwardBusy
	CallForwardNoAnswer
	CallForwardOffline
	CallForwardResponse
	CallForwardRingTimeout
	CallTransfer
)

var callNames = [...]string{"call", "cfu", "cfb", "cft", "cfna", "cfr", "cfo", "transfer"}

// String returns the name used in JSON and in records.
func (t CallType) String() string { return nameOf(callNames[:], uint8(t)) }

// MarshalText returns the name.
func (t CallType) MarshalText() ([]byte, error) { return textOf(callNames[:], uint8(t)) }

// UnmarshalText reads the name.
func (t *CallType) UnmarshalText(b []byte) error { return readName(callNames[:], b, (*uint8)(t)) }

// Status is the outcome of a leg.
type Status uint8

// Outcomes.
const (
	StatusOther    Status = iota // any final response not named below
	StatusOK                     // answered
	StatusBusy                   // 486
	StatusNoAnswer               // 480
	StatusCancel                 // 487
	StatusTimeout                // 408
	StatusOffline                // 404
	StatusFailed                 // no end was ever reported and nothing proves a conversation
)

var statusNames = [...]string{"other", "ok", "busy", "noanswer", "cancel", "timeout", "offline", "failed"}

// String returns the name used in JSON and in records.
func (s Status) String() string { return nameOf(statusNames[:], uint8(s)) }

// MarshalText returns the name.
func (s Status) MarshalText() ([]byte, error) { return textOf(statusNames[:], uint8(s)) }

// UnmarshalText reads the name.
func (s *Status) UnmarshalText(b []byte) error { return readName(statusNames[:], b, (*uint8)(s)) }

// StatusOf maps a final response code of RFC 3261 section 21 to an outcome.
func StatusOf(code int) Status {
	switch {
	case code >= 200 && code < 300:
		return StatusOK
	case code == 486:
		return StatusBusy
	case code == 480:
		return StatusNoAnswer
	case code == 487:
		return StatusCancel
	case code == 408:
		return StatusTimeout
	case code == 404:
		return StatusOffline
	}
	return StatusOther
}

// Direction says whether a party placed the call or took it: fees are agreed
// apart for both.
type Direction uint8

// Directions.
const (
	Out Direction = iota
	In
)

var directionNames = [...]string{"out", "in"}

// String returns the name used in decks and records.
func (d Direction) String() string { return nameOf(directionNames[:], uint8(d)) }

// MarshalText returns the name.
func (d Direction) MarshalText() ([]byte, error) { return textOf(directionNames[:], uint8(d)) }

// UnmarshalText reads the name.
func (d *Direction) UnmarshalText(b []byte) error {
	return readName(directionNames[:], b, (*uint8)(d))
}

func nameOf(names []string, v uint8) string {
	if int(v) < len(names) && names[v] != "" {
		return names[v]
	}
	return fmt.Sprintf("unknown(%d)", v)
}

func textOf(names []string, v uint8) ([]byte, error) {
	if int(v) < len(names) && names[v] != "" {
		return []byte(names[v]), nil
	}
	return nil, fmt.Errorf("%w: no name for value %d", ErrSyntax, v)
}

func readName(names []string, b []byte, v *uint8) error {
	i, ok := index(names, string(b))
	if !ok || len(b) == 0 {
		return fmt.Errorf("%w: %q is none of %q", ErrSyntax, clip(string(b)), names)
	}
	*v = uint8(i)
	return nil
}
