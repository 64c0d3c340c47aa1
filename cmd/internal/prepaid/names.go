package prepaid

import (
	"fmt"

	"github.com/class5-go/class5/billing"
)

// SessionID names the session that a side of a leg is paid by.
func SessionID(leg billing.LegKey, side billing.Side) string {
	if side == billing.SideCallee {
		return leg.String() + "/in"
	}
	return leg.String()
}

// last is the number of the request that ends a session: a settlement by the
// record of the call knows it as well.
const last = 1 << 62

// Settled is the key under which a ledger has the settlement of a side of a
// leg.
func Settled(leg billing.LegKey, side billing.Side) string {
	return fmt.Sprintf("session/%s/%d/stop", SessionID(leg, side), int64(last))
}

// FreeHold is the name under which free time and wallets other than cash are
// reserved for a side of a leg.
func FreeHold(leg billing.LegKey, side billing.Side) string {
	return "session/" + SessionID(leg, side) + "/free"
}
