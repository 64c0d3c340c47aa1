package guard

import (
	"fmt"
	"iter"
)

// Reason says why something was refused, or why a source is banned. Its String
// is meant as a metrics label.
type Reason uint8

// The reasons.
const (
	None         Reason = iota
	Denied              // a prefix of Config.Deny
	Banned              // in the ban set
	SourceRate          // the source's bucket is empty
	MethodRate          // the source's bucket for this method is empty
	UserRate            // the user's bucket is empty
	Garbage             // too many unparsable messages
	Flood               // went on long after its bucket was empty
	Scanner             // User-Agent of a scanner
	NoUserAgent         // no User-Agent
	EmptyAgent          // User-Agent without text
	TrapUser            // called or registers a user that nobody has
	Insane              // a check of the sanity table
	AuthFailures        // too many failed authentications from one source
	UserAttacked        // the user is being attacked, and the source has not succeeded for it
	Restricted          // the source guesses, and has not succeeded for this user
	Manual              // an operator's ban

	numReasons
)

var reasonNames = [numReasons]string{
	"none", "denied", "banned", "source_rate", "method_rate", "user_rate", "garbage", "flood", "scanner",
	"no_user_agent", "empty_user_agent", "trap_user", "insane", "auth_failures", "user_attacked", "restricted", "manual",
}

// String is the reason in snake case.
func (r Reason) String() string {
	if r >= numReasons {
		return "unknown"
	}
	return reasonNames[r]
}

// MarshalText implements encoding.TextMarshaler.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Reason) UnmarshalText(text []byte) error {
	for i, name := range reasonNames {
		if name == string(text) {
			*r = Reason(i)
			return nil
		}
	}
	return fmt.Errorf("guard: no reason named %q", text)
}

// Reasons yields every reason but None, so that a metric can have all its
// labels from the start.
func Reasons() iter.Seq[Reason] {
	return func(yield func(Reason) bool) {
		for r := None + 1; r < numReasons; r++ {
			if !yield(r) {
				return
			}
		}
	}
}
