package balance

import (
	"fmt"

	"github.com/class5-go/class5/billing"
)

// Unit is what a wallet holds. Every text but the two below names things that
// are counted, such as "sms".
type Unit string

// Units.
const (
	Cash Unit = "cash" // values are micro-units of the account's currency
	Time Unit = "time" // values are milliseconds
)

// Names of the wallets that every account has.
const (
	CashWallet = "cash" // money, ruled by the balance intervals
	FreeWallet = "free" // free time of the running interval
)

// Reason is why an entry was made. In the journal it also names the other
// side of the entry.
type Reason string

// Reasons.
const (
	ReasonInitial Reason = "initial"  // the opening balance
	ReasonGrant   Reason = "grant"    // free cash and free time of an interval, bundles
	ReasonTopUp   Reason = "topup"    //
	ReasonService Reason = "service"  // charge of a package
	ReasonUsage   Reason = "usage"    // calls, messages, data
	ReasonExpiry  Reason = "expiry"   // what an interval or a wallet took with it
	ReasonSet     Reason = "set"      // corrected by hand
	ReasonUndo    Reason = "reversal" // of an earlier usage
)

// Entry is one line of the journal, a transfer between a wallet and the
// account of its reason. A positive value was taken out of the wallet, so that
// a balance after is the balance before less the entries.
type Entry struct {
	At      billing.Millis `json:"at"`
	Account string         `json:"account"`
	Wallet  string         `json:"wallet"`
	Unit    Unit           `json:"unit"`
	Value   int64          `json:"value"`
	Reason  Reason         `json:"reason"`
	Ref     string         `json:"ref,omitempty"` // what it was for: a leg, a voucher
}

// Line is one side of an entry.
type Line struct {
	Book  string // "wallet/<account>/<wallet>" or "reason/<reason>"
	Unit  Unit
	Value int64
}

// Lines returns both sides of an entry; they sum up to nothing.
func (e Entry) Lines() [2]Line {
	return [2]Line{
		{"wallet/" + e.Account + "/" + e.Wallet, e.Unit, -e.Value},
		{"reason/" + string(e.Reason), e.Unit, e.Value},
	}
}

// EventKind is what happened to an account besides entries.
type EventKind string

// Kinds of events.
const (
	EventInterval EventKind = "interval" // an interval began
	EventDiscard  EventKind = "discard"  // cash was discarded
	EventLock     EventKind = "lock"     // the lock level changed
	EventProfile  EventKind = "profile"  // other profiles came into force
	EventPackage  EventKind = "package"  // the account has another package
)

// Event is something that others may have to be told.
type Event struct {
	At   billing.Millis `json:"at"`
	Kind EventKind      `json:"kind"`
	Text string         `json:"text,omitempty"` // level, profile or package
}

func addMicros(a, b int64) (int64, error) {
	s := a + b
	if (a < 0) == (b < 0) && (s < 0) != (a < 0) {
		return 0, fmt.Errorf("%w: balance", billing.ErrOverflow)
	}
	return s, nil
}
