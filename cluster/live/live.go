package live

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// ErrNotFound says that no node knows the call.
var ErrNotFound = errors.New("live: not found")

// Call is a call in progress.
type Call struct {
	ID       string    `json:"id"`
	CallID   string    `json:"call_id"`
	State    string    `json:"state"` // early or confirmed
	Caller   string    `json:"caller"`
	Callee   string    `json:"callee"`
	Invited  time.Time `json:"invited"`
	Answered time.Time `json:"answered,omitzero"`
	Node     string    `json:"node"`
}

// Registration is one binding of an address of record.
type Registration struct {
	AoR        string    `json:"aor"`
	Contact    string    `json:"contact"`
	Path       string    `json:"path,omitempty"`
	UserAgent  string    `json:"user_agent,omitempty"`
	Transport  string    `json:"transport,omitempty"`
	Source     string    `json:"source,omitempty"` // address and port the edge saw
	Instance   string    `json:"instance,omitempty"`
	Q          int       `json:"q"` // preference in thousandths
	Registered time.Time `json:"registered"`
	Expires    time.Time `json:"expires"`
}

// Message is one SIP message of a call, with its secrets masked.
type Message struct {
	At       time.Time `json:"at"`
	Node     string    `json:"node"`
	Protocol string    `json:"protocol"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Data     string    `json:"data"`
}

// Counts are the figures of an overview.
type Counts struct {
	Calls         int      `json:"calls"`         // in progress
	Registrations int      `json:"registrations"` // addresses of record with a binding
	Media         int      `json:"media"`         // relayed sessions
	Missing       []string `json:"missing,omitempty"`
}

// Source is a node, or several, as seen by web pages.
type Source interface {
	// Calls lists calls in progress, newest first; limit 0 lists all.
	Calls(ctx context.Context, limit int) ([]Call, error)
	// Registrations lists bindings whose address of record begins with
	// prefix, in the order of addresses; limit 0 lists all.
	Registrations(ctx context.Context, prefix string, limit int) ([]Registration, error)
	// Ladder gives the messages of a recent call in their order, ErrNotFound
	// when nothing of it is kept.
	Ladder(ctx context.Context, callID string) ([]Message, error)
	// Media gives the figures of a call in progress as a JSON object.
	Media(ctx context.Context, callID string) (json.RawMessage, error)
	// Counts gives the figures of now.
	Counts(ctx context.Context) (Counts, error)
	// Version grows whenever calls or registrations change; it is cheap.
	Version(ctx context.Context) (uint64, error)
}
