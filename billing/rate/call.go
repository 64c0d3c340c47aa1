package rate

import (
	"errors"
	"fmt"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// Errors of rating.
var (
	// ErrNoFee says that the tariff has no fee for the call.
	ErrNoFee = errors.New("rate: no fee matches")
	// ErrCall says that a call lasts for more than a year, or begins before
	// 1970 or after 9999: a clock was wrong, and no price can be right.
	ErrCall = errors.New("rate: impossible call")
)

// Bounds of a call.
const (
	maxStart    billing.Millis = 253_402_300_799_999 // the end of the year 9999
	maxDuration billing.Millis = 366 * 24 * 3600 * 1000
	maxUnits    int64          = 1 << 40
)

// Call is what the price of an answered call, of messages or of data depends
// on. Numbers are compared with the prefixes of fees as they are: a fee for 43
// is not for +4312345, which then may fall to the fee for everything.
type Call struct {
	Direction   billing.Direction `json:"direction"`
	Service     tariff.Service    `json:"service,omitzero"`
	Source      string            `json:"source"`      // the caller's number
	Destination string            `json:"destination"` // the called number
	// SourceURI and DestinationURI are user@domain, for fees that speak of
	// domains.
	SourceURI      string `json:"source_uri,omitempty"`
	DestinationURI string `json:"destination_uri,omitempty"`
	// Provider and NumberType are those of a ported number.
	Provider   string         `json:"provider,omitempty"`
	NumberType string         `json:"number_type,omitempty"`
	Start      billing.Millis `json:"start"` // the answer
	Duration   billing.Millis `json:"duration_ms"`
	Units      int64          `json:"units,omitempty"` // in place of a duration, for all but calls
	// Zone is that of the customer, for tariffs whose windows are in it; nil
	// stands for that of the tariff.
	Zone *tariff.Zone `json:"-"`
}

func (c *Call) query() tariff.Query {
	return tariff.Query{
		Direction: c.Direction, Service: c.Service, Source: c.Source, Destination: c.Destination,
		SourceURI: c.SourceURI, DestinationURI: c.DestinationURI, Provider: c.Provider, NumberType: c.NumberType,
	}
}

// extent is the duration, or the units, which count as a second each.
func (c *Call) extent() billing.Millis {
	if c.Service == tariff.Voice {
		return c.Duration
	}
	return billing.Millis(c.Units) * 1000
}

// find returns the fee of a call that can be priced.
func find(s *tariff.Snapshot, c *Call) (tariff.Match, error) {
	if c.Start < 0 || c.Start > maxStart || c.Duration > maxDuration || c.Units > maxUnits || c.Units < -maxUnits {
		return tariff.Match{}, fmt.Errorf("%w: %d ms, %d units, from %d on", ErrCall, c.Duration, c.Units, c.Start)
	}
	match, ok := s.Find(c.query())
	if !ok {
		return match, fmt.Errorf("%w: %s %s, from %.40q to %.40q", ErrNoFee, c.Direction, c.Service, c.Source, c.Destination)
	}
	return match, nil
}

// Options change how Rate works, not what the price is. The zero Options are
// usable.
type Options struct {
	// Steps, when not nil, is overwritten with the steps of the price, as far
	// as its capacity goes without a new allocation.
	Steps []Step
}

// Result is the price of a call.
type Result struct {
	Amount  billing.Amount
	Cost    billing.Cost   // the exact price, before it was rounded
	Charged billing.Millis // time paid for: whole intervals; of units, a second each
	// Served is how long the call may last for this price at most: its duration,
	// or less when a cap ends it.
	Served   billing.Millis
	Connect  billing.Amount // connect fees, of tiers too, as the tariff says them
	Extra    billing.Price  // the one-off price, when it was charged
	FreeTime bool           // free seconds of the customer may pay
	Capped   bool           // the price reached the cap of the fee
	Cut      bool           // and the call ends there
	Match    tariff.Match   // the fee
	Steps    []Step         // when asked for
}

// Kind is the part of a price that a step belongs to.
type Kind string

// Kinds of steps.
const (
	Connect Kind = "connect" // a connect fee
	Init    Kind = "init"    // the first interval
	Follow  Kind = "follow"  // further intervals
	Extra   Kind = "extra"   // the one-off price
)

// Step is a run of equal intervals. The amounts of all steps of a price sum up
// to the price: rounded is the sum up to a step, and what it adds is the
// step's.
type Step struct {
	Kind   Kind
	Offset billing.Millis // begin, counted from the answer
	Rate   int            // number of the rate in the tariff
	// Count is the number of intervals that begin, 0 for the further parts of
	// an interval during which the rate changes.
	Count    int64
	Span     billing.Millis  // time that is paid for
	Interval tariff.Interval // and at which price
	Fee      billing.Amount  // of a connect fee, exactly
	Amount   billing.Amount
}
