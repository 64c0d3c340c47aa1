package ship

import (
	"context"
	"errors"
	"fmt"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/spool"
)

// Record is a call record on its way to the central database.
type Record struct {
	billing.CDR
	// Detail is what the rating function leaves for those who post the record,
	// such as the steps of its prices. It is not stored.
	Detail any
}

// Position is how far a source was consumed. Offsets of a spool count over
// all of its segments.
type Position struct {
	Source string // at most 128 bytes; empty in a batch that moves no position
	Offset spool.Offset
}

// Poison is what no record can be made of, put aside for a person to look at.
type Poison struct {
	ID     int64 // of the store
	Source string
	Offset spool.Offset   // of the event, or where damaged bytes begin
	Key    billing.LegKey // of a record that could not be priced or posted
	Reason string
	Kind   PoisonKind
	Data   []byte // the event, binary, or the record, in JSON; empty for damage
}

// PoisonKind tells what was put aside.
type PoisonKind string

// Kinds of poison.
const (
	PoisonEvent  PoisonKind = "event"
	PoisonRecord PoisonKind = "record"
	PoisonDamage PoisonKind = "damage"
)

// Batch is what one transaction stores.
type Batch struct {
	Position Position
	Records  []Record
	// Interims are records of running calls, for streams of their own.
	Interims []billing.CDR
	Poison   []Poison
	Cured    []int64 // identifiers of poison that these records take the place of
}

// Store is the central database. sqlstore has one.
type Store interface {
	// Position returns how far a source was consumed, the zero offset for one
	// that never was.
	Position(ctx context.Context, source string) (Position, error)
	// Store stores a batch in one transaction. A record that is there already,
	// with the same key and generation and no lower revision, changes nothing:
	// whoever does not know whether a batch was stored may store it again. On
	// an error nothing was stored. A *RecordError names a record that will
	// never be stored; all other errors are those of the database. An interim
	// record whose number is not above those of its leg changes nothing either. The records are the caller's again when it returns.
	Store(ctx context.Context, b Batch) error
}

// RecordError says that a record itself is the cause, and not the state of
// anything else: it belongs into quarantine. Rating functions and those who
// post records return it.
type RecordError struct {
	Key billing.LegKey
	Err error
}

// Error names the record.
func (e *RecordError) Error() string { return fmt.Sprintf("ship: record %s: %v", e.Key, e.Err) }

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.Err }

// ErrUnrated is returned by a rating function for a record that should have a
// price and has none: it is stored as it is, counted, and can be rated anew.
var ErrUnrated = errors.New("ship: no price")
