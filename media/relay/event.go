package relay

import (
	"context"
	"iter"
	"net/netip"
	"sync"
	"time"

	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/record"
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
	// ConsentLost means: ICE found no way to a party, or the party's consent to
	// receive ended (RFC 7675). Nothing is sent to it any more.
	ConsentLost
	// Learned means: packets for a party go to another address than before.
	Learned
	// QualitySample means: the figures of one stream in the last second.
	QualitySample
	// Digit means: a party pressed a key, or let it go.
	Digit
	// Played means: what a party was to hear has ended.
	Played
	// RecordingDone means: the files of a recording are complete, or it broke
	// off.
	RecordingDone
)

// String is a metrics label.
func (k EventKind) String() string {
	switch k {
	case MediaTimeout:
		return "media_timeout"
	case Released:
		return "released"
	case ConsentLost:
		return "consent_lost"
	case Learned:
		return "learned"
	case QualitySample:
		return "quality"
	case Digit:
		return "dtmf"
	case Played:
		return "played"
	case RecordingDone:
		return "recording_done"
	}
	return "unknown"
}

// Event is one happening.
type Event struct {
	Kind   EventKind
	At     time.Time
	CallID string
	// Report is the state of the session; of MediaTimeout and Released only.
	Report Report
	// Tags and Stream name the party's stream; of the other kinds.
	Tags   []string
	Stream int
	Addr   netip.AddrPort // of Learned
	Sample Sample         // of QualitySample
	Digit  dtmf.Digit     // of Digit: a secret, it does not print
	// Secret: the digit is kept from the other parties by SecureDTMF.
	Secret bool
	Text   string // of ConsentLost: why
	// Recording is what became of it; of RecordingDone.
	Recording *record.Report
}

// defaultEvents are delivered unless Config.Events says otherwise.
var defaultEvents = []EventKind{MediaTimeout, Released, ConsentLost, RecordingDone}

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

// wants tells whether events of a kind are asked for.
func (r *Relay) wants(k EventKind) bool { return r.watched&(1<<k) != 0 }

// notify delivers an event of a session if it is asked for.
func (s *session) notify(e Event) {
	if s.r.wants(e.Kind) {
		s.emit(e)
	}
}

// emit delivers an event that was asked for in another way.
func (s *session) emit(e Event) {
	e.CallID = s.id
	s.r.events.put(e)
	for _, name := range s.aliases { // each has an owner who waits
		if e.CallID = name; e.Report.CallID != "" {
			e.Report.CallID = name
		}
		s.r.events.put(e)
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
