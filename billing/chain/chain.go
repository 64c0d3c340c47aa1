package chain

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// Errors of a chain; they come in a PartyError.
var (
	// ErrNoTariff says that a party that pays for a placed call has no tariff.
	ErrNoTariff = errors.New("chain: no tariff")
	// ErrDepth says that resellers sell to each other in a ring, or that there
	// are more than MaxDepth of them.
	ErrDepth = errors.New("chain: too many resellers")
)

// MaxDepth is how many resellers a customer may have above it.
const MaxDepth = 16

// Ref names a party of a call.
type Ref struct {
	Side    billing.Side
	Role    billing.Role
	Depth   int    // of a reseller, from 1
	Account string // contract of a customer or reseller, or the identifier of a peer
}

// Terms is what a Directory knows of a party at an instant.
type Terms struct {
	// Snapshot is the tariff in force. Without one, a party pays nothing for
	// received calls, and a placed call cannot be priced.
	Snapshot *tariff.Snapshot
	Account  string       // to be recorded; that of the Ref when empty
	Profile  string       // name of the billing profile, to be recorded
	Zone     *tariff.Zone // of the party; nil for that of the tariff
	Parent   string       // contract of the reseller that sells to the party, if any
}

// Directory knows the tariffs of all parties. Calls come from one goroutine per
// Rater.Rate; the answer must be the same for the same question.
type Directory interface {
	// Terms returns the terms of a party for a call answered at an instant by a
	// caller at an address, which may be invalid. An error ends the rating of
	// the call.
	Terms(r Ref, at billing.Millis, source netip.Addr) (Terms, error)
}

// PartyError says for which party a call could not be priced.
type PartyError struct {
	Ref Ref
	Err error
}

// Error names the party.
func (e *PartyError) Error() string {
	return fmt.Sprintf("chain: %s %s %q: %v", e.Ref.Side, e.Ref.Role, e.Ref.Account, e.Err)
}

// Unwrap returns the cause.
func (e *PartyError) Unwrap() error { return e.Err }
