package relay

// EventKind says what happened to a session.
type EventKind uint8

const (
	// MediaTimeout: no packet came from either party for the configured time.
	// The owner is expected to end the call and to call Delete; if it does
	// not, Released follows.
	MediaTimeout EventKind = iota + 1
	// Released: the relay freed the session by itself, after a time-out or
	// because an offer was never answered.
	Released
)

// String is a metrics label.
func (k EventKind) String() string {
	switch k {
	case MediaTimeout:
		return "media_timeout"
	case Released:
		return "released"
	}
	return "unknown"
}

// Event is one happening, with the state of the session at that time.
type Event struct {
	Kind   EventKind
	CallID string
	Report Report
}
