package routing

import "strconv"

// Lock is what a subscriber is kept from, by an operator, an unpaid bill or a
// limit on spending. Levels are those of the field's billing profiles.
type Lock uint8

// Levels of locks.
const (
	LockNone     Lock = iota
	LockForeign       // calls that leave the subscriber's own domain
	LockOutgoing      // all calls placed
	LockAll           // calls placed and received
	LockGlobal        // these, and whatever the subscriber can do by itself elsewhere
	LockPorted        // the number has gone to another network: nothing rings here
)

// String is the level as people know it.
func (l Lock) String() string {
	switch l {
	case LockNone:
		return "none"
	case LockForeign:
		return "foreign"
	case LockOutgoing:
		return "outgoing"
	case LockAll:
		return "in and out"
	case LockGlobal:
		return "global"
	case LockPorted:
		return "ported"
	}
	return "level " + strconv.Itoa(int(l))
}

// Places reports whether a call may be placed, to somebody in the subscriber's
// own domain or not. A level that nobody knows allows nothing.
func (l Lock) Places(own bool) bool { return l == LockNone || l == LockForeign && own }

// Receives reports whether calls may ring.
func (l Lock) Receives() bool { return l <= LockOutgoing }
