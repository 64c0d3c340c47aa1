package mediate

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/class5-go/class5/billing"
)

// ErrFull says that Config.MaxLegs legs are held already, next to all of them
// open. The event was not taken: expire, or give it again later.
var ErrFull = errors.New("mediate: too many legs")

// Policy says what becomes of an answered leg whose stop never came.
type Policy uint8

// Policies for a missing stop.
const (
	// Evidence ends the leg at its last interim mark, flagged and chargeable.
	// A leg without a mark fails.
	Evidence Policy = iota
	// Fail records the leg as failed, without duration or price.
	Fail
	// Hold keeps the leg open for ever; only a late stop completes it.
	Hold
)

// Config sets a Mediator up. The zero Config is usable.
type Config struct {
	MissingStop Policy
	// MaxAge is how long a leg may be silent; 6 hours when 0.
	MaxAge time.Duration
	// Linger is how long a completed leg is remembered, so that late events
	// make a revision and repeated ones nothing; 2 minutes when 0. It is
	// shorter when MaxLegs are held.
	Linger time.Duration
	// MaxLegs bounds the memory, at about 2 KB each; 1,000,000 when 0.
	MaxLegs int
}

// Reasons that the mediator itself gives for an end, in CDR.Evidence.
const (
	ReasonSilence = "silence" // no event for MaxAge
	ReasonRestart = "restart" // open when the node came up again
)

// Mediator is the state machine. Make one with New.
type Mediator struct {
	cfg   Config
	legs  map[billing.LegKey]*leg
	calls map[string]*call // by base Call-ID
	open  int
	queue queue // of all open legs, and of some that are not any more
	// futile is for how many events more it is no use to look for legs to forget.
	futile int
}

// New returns a Mediator without any leg.
func New(cfg Config) *Mediator {
	if cfg.MaxAge <= 0 {
		cfg.MaxAge = 6 * time.Hour
	}
	if cfg.Linger <= 0 {
		cfg.Linger = 2 * time.Minute
	}
	if cfg.MaxLegs <= 0 {
		cfg.MaxLegs = 1_000_000
	}
	return &Mediator{cfg: cfg, legs: map[billing.LegKey]*leg{}, calls: map[string]*call{}}
}

// Feed takes one event and appends to dst the record that it completes or
// changes, if any. pos is the event's position in the caller's log, for Low.
// An error wraps billing.ErrEvent, which asks for quarantine, or ErrFull;
// state and dst are then as before.
func (m *Mediator) Feed(dst []billing.CDR, pos uint64, e billing.Event) ([]billing.CDR, error) {
	if err := e.Validate(); err != nil {
		return dst, err
	}
	key := e.Key()
	l := m.legs[key]
	if l == nil {
		if len(m.legs) >= m.cfg.MaxLegs && !m.relieve() {
			return dst, fmt.Errorf("%w: %d are held", ErrFull, len(m.legs))
		}
		l = &leg{pos: pos, key: key}
		m.legs[key] = l
		m.join(l, e.CallID)
		m.opened(l)
	}
	l.noticed = 0
	if !l.merge(&e) {
		return dst, nil
	}
	if e.Kind == billing.EventTransfer {
		m.refer(l)
	}
	for _, o := range m.touched(l) {
		dst = m.issue(dst, o.key, o)
	}
	return dst, nil
}

// Expire closes the legs that have been silent for MaxAge and forgets the
// completed ones whose Linger is over. Call it every few seconds; it looks at
// every leg.
func (m *Mediator) Expire(dst []billing.CDR, now time.Time) []billing.CDR {
	at := billing.MillisOf(now)
	var gone []billing.LegKey
	dst = m.each(dst, func(key billing.LegKey, l *leg) bool {
		if l.noticed == 0 {
			l.noticed = at
		}
		if l.done {
			if m.over(l.base, at, 0) {
				gone = append(gone, key)
			}
			return false
		}
		// An event from a clock that runs ahead must not keep a leg for ever,
		// so age counts from when it was noticed at the latest.
		if m.cfg.MissingStop == Hold || at-min(l.seen(), l.noticed) < billing.Span(m.cfg.MaxAge) {
			return false
		}
		l.closed = ReasonSilence
		return true
	})
	m.forget(gone)
	return dst
}

func (m *Mediator) forget(gone []billing.LegKey) {
	for _, key := range gone {
		m.leave(m.legs[key])
		delete(m.legs, key)
	}
}

// relieve forgets completed legs before their time, if that makes room for
// many: those first that Expire has seen. To refuse the events of new calls
// would be worse than to take a late event for the first one of its leg.
func (m *Mediator) relieve() bool {
	most := m.cfg.MaxLegs - max(m.cfg.MaxLegs/8, 1)
	if m.open > most || m.futile > 0 {
		m.futile = max(m.futile-1, 0)
		return false
	}
	for range 2 {
		var gone []billing.LegKey
		for key, l := range m.legs {
			if l.done && m.over(l.base, math.MaxInt64, 0) {
				gone = append(gone, key)
			}
		}
		if m.forget(gone); len(m.legs) <= most {
			return true
		}
		for _, l := range m.legs {
			if l.done && l.noticed == 0 {
				l.noticed = 1
			}
		}
	}
	m.futile = m.cfg.MaxLegs / 8
	return len(m.legs) < m.cfg.MaxLegs
}

// linger is how long a completed leg is remembered. One that ended with the
// stop of another may still show that it did not.
func (m *Mediator) linger(l *leg) billing.Millis {
	if l.shared {
		return billing.Span(max(m.cfg.MaxAge, m.cfg.Linger))
	}
	return billing.Span(m.cfg.Linger)
}

// Restart closes every leg that is still open, by evidence. Call it when a
// node has read its log to the end after a crash: none of the calls that were
// running then can report their end any more. If one does all the same, that
// makes a revision.
func (m *Mediator) Restart(dst []billing.CDR, now time.Time) []billing.CDR {
	at := billing.MillisOf(now)
	return m.each(dst, func(_ billing.LegKey, l *leg) bool {
		if l.done || m.cfg.MissingStop == Hold {
			return false
		}
		l.closed, l.noticed = ReasonRestart, at
		return true
	})
}

// each visits all legs in the order of their keys, so that the order of the
// records does not depend on chance, and issues those for which visit says so.
func (m *Mediator) each(dst []billing.CDR, visit func(billing.LegKey, *leg) bool) []billing.CDR {
	var due []billing.LegKey
	for key, l := range m.legs {
		if visit(key, l) {
			due = append(due, key)
		}
	}
	slices.SortFunc(due, func(a, b billing.LegKey) int { return slices.Compare(a[:], b[:]) })
	for _, key := range due {
		dst = m.issue(dst, key, m.legs[key])
	}
	return dst
}

// issue appends the leg's record if there is one and it says anything new.
func (m *Mediator) issue(dst []billing.CDR, key billing.LegKey, l *leg) []billing.CDR {
	stop := m.end(l)
	l.shared = stop != l.best[billing.EventStop]
	c, complete := l.record(m.cfg.MissingStop, stop)
	silent := l.bare() && !m.calls[l.base].alone()
	complete = complete || silent
	if complete != l.done {
		l.done = complete
		if complete {
			m.open--
		} else {
			m.opened(l)
		}
	}
	if !complete || silent || l.revision > 0 && same(c, l.last) {
		return dst
	}
	l.revision++
	l.last = c
	c.Key, c.Revision = key, l.revision
	if l.revision > 1 {
		c.Flags |= billing.FlagLate
	}
	return append(dst, c)
}

// Open returns the number of legs that wait for their end.
func (m *Mediator) Open() int { return m.open }

// Len returns the number of legs held, completed ones included.
func (m *Mediator) Len() int { return len(m.legs) }
