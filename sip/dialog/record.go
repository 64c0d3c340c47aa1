package dialog

import "time"

// State is where a call stands.
type State uint8

// The states of a record, in the order in which they are passed.
const (
	Early     State = iota // INVITE seen, no final response yet
	Confirmed              // a 2xx has passed
	Ended
)

// String names the state as it is shown to operators.
func (s State) String() string {
	switch s {
	case Early:
		return "early"
	case Confirmed:
		return "confirmed"
	case Ended:
		return "ended"
	}
	return "unknown"
}

// Side is one end of the call.
type Side uint8

// The caller sent the initial INVITE, the callee answered it.
const (
	Caller Side = iota
	Callee
)

// Other is the far end.
func (s Side) Other() Side { return 1 - s }

// String is "caller" or "callee".
func (s Side) String() string {
	if s == Caller {
		return "caller"
	}
	return "callee"
}

// Cause says why a record was closed.
type Cause uint8

// The causes of an end. Values are not persisted: use String.
const (
	CauseNone           Cause = iota
	CauseBye                  // BYE from a side, see Record.EndedBy
	CauseRefused              // final response 3xx to 6xx, see Record.Status
	CauseCancelled            // the caller gave up before an answer
	CauseSessionExpired       // no refresh within Session-Expires
	CauseMaxDuration          // the longest permitted duration is over
	CauseMediaTimeout         // no media from either side
	CauseAdministrative       // ended by an operator or a feature
	CauseShutdown             // the element stops
	CauseCredit               // what the caller may spend is spent
	CauseLimit                // a limit on spending is reached
)

// String is a stable lower-case word, fit for records and metrics.
func (c Cause) String() string {
	switch c {
	case CauseBye:
		return "bye"
	case CauseRefused:
		return "refused"
	case CauseCancelled:
		return "cancelled"
	case CauseSessionExpired:
		return "session-expired"
	case CauseMaxDuration:
		return "max-duration"
	case CauseMediaTimeout:
		return "media-timeout"
	case CauseAdministrative:
		return "administrative"
	case CauseShutdown:
		return "shutdown"
	case CauseCredit:
		return "credit"
	case CauseLimit:
		return "limit"
	}
	return "none"
}

// Leg is what the element knows of one side.
type Leg struct {
	Tag    string   // From or To tag of this side, empty until known
	Party  string   // its From or To value, with the tag once known
	Target string   // remote target: URI of its last Contact
	Routes []string // Route values from this element towards this side, first hop first
	CSeq   uint32   // highest CSeq number this side has used
}

// Record is one call. Times are those of the tracker's owner; zero means that
// it did not happen.
type Record struct {
	ID       string // unique among the records of a cluster; safe as a URI parameter
	CallID   string
	State    State
	Legs     [2]Leg // indexed by Side
	Invited  time.Time
	Ringing  time.Time
	Answered time.Time
	Ended    time.Time
	Cause    Cause
	EndedBy  Side          // the side that sent BYE, when Cause is CauseBye
	Status   int           // final status of the INVITE, 0 while there is none
	Session  time.Duration // Session-Expires in force, 0 when none was agreed
	Facts    any           // the owner's; never touched here

	self     string          // URI that marks our own Record-Route
	deadline time.Time       // session or duration limit, zero for none
	open     map[string]*end // dialogs not ended yet, by the callee's tag
	order    uint64          // heap tie-break
	at       int             // heap index, -1 when not in it
}

// end is a callee that answered.
type end struct {
	leg   Leg
	acked bool // the caller took it: only then somebody talks
}

// maxEnds bounds the answers to one call that are told apart: whoever is
// called can make up as many tags as it likes.
const maxEnds = 16

// Duration is the time between answer and end, or between answer and now
// while the call runs. It is never negative.
func (r *Record) Duration(now time.Time) time.Duration {
	if r.Answered.IsZero() {
		return 0
	}
	if !r.Ended.IsZero() {
		now = r.Ended
	}
	return max(0, now.Sub(r.Answered))
}
