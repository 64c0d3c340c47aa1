package relay

import (
	"context"
	"iter"
	"sync"
)

// EventKind says what happened to a session.
type EventKind uint8

const (
	// MediaTimeout means: no packet came from either party for the configured time.
	// The owner is expected to end the call and to call Delete; if it does
	// not, Released follows.
	MediaTimeout EventKind = iota + 1
	// Released means: the relay freed the session by itself, after a time-out or
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

// Events delivers what happens to sessions until ctx is done or the relay has
// ended. One reader at a time. Events wait for their reader; if nobody reads,
// the oldest beyond twice the session limit are lost.
func (r *Relay) Events(ctx context.Context) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for {
			e, ok := r.events.take(ctx)
			if !ok || !yield(e) {
				return
			}
		}
	}
}

// mailbox is a queue that its writers never wait for.
type mailbox struct {
	limit  int
	mu     sync.Mutex
	queue  []Event
	closed bool
	signal chan struct{} // holds a token when there may be something to take
}

func (m *mailbox) init(sessions int) {
	m.limit = 2 * sessions
	m.signal = make(chan struct{}, 1)
}

func (m *mailbox) put(e Event) {
	m.mu.Lock()
	if len(m.queue) >= m.limit {
		m.queue = m.queue[:copy(m.queue, m.queue[1:])]
	}
	m.queue = append(m.queue, e)
	m.mu.Unlock()
	m.wake()
}

func (m *mailbox) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.wake()
}

func (m *mailbox) wake() {
	select {
	case m.signal <- struct{}{}:
	default:
	}
}

func (m *mailbox) take(ctx context.Context) (Event, bool) {
	for {
		m.mu.Lock()
		if len(m.queue) > 0 {
			e := m.queue[0]
			m.queue[0] = Event{}
			m.queue = m.queue[1:]
			m.mu.Unlock()
			return e, true
		}
		closed := m.closed
		m.mu.Unlock()
		if closed {
			m.wake() // for the next reader
			return Event{}, false
		}
		select {
		case <-ctx.Done():
			return Event{}, false
		case <-m.signal:
		}
	}
}
