package billing

import (
	"encoding/json"
	"fmt"
	"net/netip"
)

// Flags mark what is unusual about a record.
type Flags uint16

// Flags of a record.
const (
	// FlagEvidence: the end was not signalled; CDR.Evidence says what it was
	// concluded from. The time up to it is proven and may be charged.
	FlagEvidence Flags = 1 << iota
	// FlagClock: the clocks gave an end before the answer; the duration was
	// set to 0.
	FlagClock
	// FlagLate: an event came after the first revision was made.
	FlagLate
)

var flagNames = [...]string{"evidence", "clock", "late"}

// Has reports whether all flags of g are set.
func (f Flags) Has(g Flags) bool { return f&g == g }

// MarshalJSON writes the names in a list.
func (f Flags) MarshalJSON() ([]byte, error) {
	names := []string{}
	for i, n := range flagNames {
		if f.Has(1 << i) {
			names = append(names, n)
		}
	}
	return json.Marshal(names)
}

// UnmarshalJSON reads a list of names.
func (f *Flags) UnmarshalJSON(b []byte) error {
	var names []string
	if err := json.Unmarshal(b, &names); err != nil {
		return fmt.Errorf("billing: flags: %w", err)
	}
	var all Flags
	for _, n := range names {
		i, ok := index(flagNames[:], n)
		if !ok {
			return fmt.Errorf("%w: flag %q", ErrSyntax, clip(n))
		}
		all |= 1 << i
	}
	*f = all
	return nil
}

// CDR is the call detail record of one leg. A record is identified by its
// key; a higher revision replaces a lower one because more became known about
// the call, and a higher generation because it was rated anew.
type CDR struct {
	Key        LegKey `json:"key"`
	Revision   int    `json:"revision"`   // from 1; set by mediation
	Generation int    `json:"generation"` // from 1; set by rating
	// Interim numbers the interim records of a leg, from 1: what was known of it
	// while it was running. They have no revision and no price, and the record
	// of the leg, which has 0, takes their place.
	Interim uint32 `json:"interim,omitempty"`

	CallID  string   `json:"call_id"`
	FromTag string   `json:"from_tag"`
	ToTag   string   `json:"to_tag,omitempty"`
	Leg     int      `json:"leg"`
	Type    CallType `json:"type"`

	Status Status `json:"status"`
	Code   int    `json:"code,omitempty"` // the final response, 0 when there was none

	Caller Endpoint   `json:"caller"`
	Callee Endpoint   `json:"callee"`
	Source netip.Addr `json:"source,omitzero"`
	Node   string     `json:"node,omitempty"`

	Init     Millis `json:"init"`
	Start    Millis `json:"start,omitempty"` // the answer; 0 for a call that was not answered
	End      Millis `json:"end"`
	Duration Millis `json:"duration_ms"` // from start to end, never negative

	Flags    Flags           `json:"flags"`
	Evidence string          `json:"evidence,omitempty"`
	Media    json.RawMessage `json:"media,omitempty"`

	Parties []Party `json:"parties,omitempty"`
}

// Chargeable reports whether the leg was answered and its end is known or
// proven. Everything else is recorded and costs nothing, interim records among
// it.
func (c *CDR) Chargeable() bool { return c.Status == StatusOK && c.Interim == 0 }

// Side is the side of the call that a party belongs to.
type Side string

// Sides of a call.
const (
	SideCaller Side = "caller"
	SideCallee Side = "callee"
)

// Role is what a party is on its side.
type Role string

// Roles.
const (
	RoleCustomer Role = "customer" // its subscriber takes part in the call
	RoleReseller Role = "reseller" // sells to the customer, or to the reseller below it
	RoleCarrier  Role = "carrier"  // the foreign network that the call came from or went to
)

// Party is the price of a leg for one contract. Key, revision, generation,
// side, role, depth and account make it unique.
type Party struct {
	Side      Side      `json:"side"`
	Role      Role      `json:"role"`
	Depth     int       `json:"depth,omitempty"` // of a reseller: 1 sells to the customer, 2 to that one
	Account   string    `json:"account"`
	Direction Direction `json:"direction"`

	Profile string `json:"profile,omitempty"` // billing profile
	Fee     string `json:"fee,omitempty"`
	Zone    string `json:"zone,omitempty"`

	Amount  Amount `json:"amount"`           // a charge is positive, a credit negative
	Charged Millis `json:"charged_ms"`       // time that was paid for
	Units   int64  `json:"units,omitempty"`  // messages or units of data paid for, instead of time
	Capped  bool   `json:"capped,omitempty"` // the price reached the fee's cap

	Tariff  Hash            `json:"tariff,omitzero"`
	Explain json.RawMessage `json:"explain,omitempty"`
}
