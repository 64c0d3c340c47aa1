package relay

import (
	"context"
	"iter"
	"log/slog"
	"time"
)

// Relay moves the media of many sessions. Make one with [New].
type Relay struct {
	cfg Config
	log *slog.Logger
	now func() time.Time
}

// New checks the configuration. No socket is opened before the first offer.
func New(cfg Config, opts ...Option) (*Relay, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	r := &Relay{cfg: cfg, log: slog.New(slog.DiscardHandler), now: time.Now}
	for _, o := range opts {
		o(r)
	}
	return r, nil
}

// Run moves packets and watches time-outs until ctx is done; then it ends all
// sessions, closes all sockets and returns when its goroutines have ended.
func (r *Relay) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Offer takes an offer and returns the description to send on instead.
func (r *Relay) Offer(ctx context.Context, req OfferRequest) ([]byte, error) { return nil, ErrClosed }

// Answer takes the answer to an offer, connects the two parties and returns
// the description to send on instead.
func (r *Relay) Answer(ctx context.Context, req AnswerRequest) ([]byte, error) { return nil, ErrClosed }

// Delete ends a session or one branch and returns the final figures of the
// whole session. Unknown sessions: ErrUnknownCall.
func (r *Relay) Delete(ctx context.Context, req DeleteRequest) (Report, error) {
	return Report{}, ErrClosed
}

// Query returns the present figures of a session.
func (r *Relay) Query(ctx context.Context, callID string) (Report, error) { return Report{}, ErrClosed }

// Count is the number of sessions.
func (r *Relay) Count() int { return 0 }

// List iterates over the Call-IDs of all sessions at the time of the call.
func (r *Relay) List() iter.Seq[string] { return func(func(string) bool) {} }

// Events delivers what happens to sessions until ctx is done or the relay is
// closed. One reader at a time.
func (r *Relay) Events(ctx context.Context) iter.Seq[Event] { return func(func(Event) bool) {} }
