package relay

import (
	"strconv"
	"time"
)

// ending is why a session ended.
type ending uint8

const (
	regular  ending = iota // its signalling deleted it
	forced                 // an operator did
	unheard                // nothing came for too long
	heldLong               // nothing came for too long while it was on hold
	notTaken               // its offer was not answered
)

// Endings are the figures of sessions that have ended since the start of the
// relay. Those that another process goes on with are not among them.
type Endings struct {
	Regular       uint64 `json:"regular"`        // deleted by signalling
	Forced        uint64 `json:"forced"`         // deleted by an operator
	Timeout       uint64 `json:"timeout"`        // without media, Config.MediaTimeout
	SilentTimeout uint64 `json:"silent_timeout"` // on hold, Config.HoldTimeout
	OfferTimeout  uint64 `json:"offer_timeout"`  // without an answer, Config.OfferTimeout
	// Duration is that of all, from the first offer to the end; Squares is the sum
	// of their squares, in s².
	Duration time.Duration `json:"duration"`
	Squares  float64       `json:"squares"`
	// Of the pairs of RTP streams between two parties: nothing came from either,
	// or from one only.
	ZeroWay uint64 `json:"zero_way"`
	OneWay  uint64 `json:"one_way"`
}

// Sessions is the number of sessions that have ended.
func (e Endings) Sessions() uint64 {
	return e.Regular + e.Forced + e.Timeout + e.SilentTimeout + e.OfferTimeout
}

// Rates are what passed in the last second, as packets and octets.
type Rates struct {
	Packets       float64 `json:"packets"` // sent on
	KernelPackets float64 `json:"kernel_packets"`
	Bytes         float64 `json:"bytes"` // received
	KernelBytes   float64 `json:"kernel_bytes"`
	SendErrors    float64 `json:"send_errors"`
}

// MOSTotals sums up what streams sounded like, one sample a second of each
// while packets came.
type MOSTotals struct {
	Samples uint64  `json:"samples"`
	Sum     float64 `json:"sum"`
	Squares float64 `json:"squares"` // sum of the squares
}

// account counts a session that ends.
func (r *Relay) account(s *session, how ending, now time.Time) {
	silent, oneWay := s.ways()
	if !s.doomed.IsZero() && s.deleted.After(s.created) {
		now = s.deleted // it only lingered since
	}
	length := max(now.Sub(s.created), 0)
	r.tallying.Lock()
	defer r.tallying.Unlock()
	e := &r.tally
	switch how {
	case regular:
		e.Regular++
	case forced:
		e.Forced++
	case unheard:
		e.Timeout++
	case heldLong:
		e.SilentTimeout++
	case notTaken:
		e.OfferTimeout++
	}
	e.Duration += length
	e.Squares += length.Seconds() * length.Seconds()
	e.ZeroWay += silent
	e.OneWay += oneWay
}

// ways counts the pairs of streams in which nobody, or only one, said anything.
func (s *session) ways() (silent, oneWay uint64) {
	for _, l := range s.legs {
		p := s.leg(l.peer)
		if p == nil || p.id < l.id || !l.connected() { // each pair once
			continue
		}
		for i, st := range l.streams {
			o := p.stream(i)
			if st == nil || o == nil || !st.rtp || st.off || o.off {
				continue
			}
			switch x, y := st.snapshot().Packets, o.snapshot().Packets; {
			case x == 0 && y == 0:
				silent++
			case x == 0 || y == 0:
				oneWay++
			}
		}
	}
	return silent, oneWay
}

// heardLike adds the MOS of samples.
func (r *Relay) heardLike(m MOSTotals) {
	if m.Samples == 0 {
		return
	}
	r.tallying.Lock()
	defer r.tallying.Unlock()
	r.sounded.Samples += m.Samples
	r.sounded.Sum += m.Sum
	r.sounded.Squares += m.Squares
}

// LastMinute is the last full minute of the clock.
type LastMinute struct {
	MinSessions int           `json:"min_sessions"` // as seen once a second
	MaxSessions int           `json:"max_sessions"`
	Duration    time.Duration `json:"duration"` // of the sessions that ended in it
}

// minutes makes a LastMinute of what is seen once a second.
type minutes struct {
	at         int64 // since the epoch
	seen       bool
	open, last LastMinute
	before     time.Duration // Endings.Duration when it began
}

func (m *minutes) see(now time.Time, sessions int, duration time.Duration) {
	if at := now.Unix() / 60; at != m.at {
		m.open.Duration = duration - m.before
		m.last = LastMinute{}
		if m.seen && at == m.at+1 {
			m.last = m.open
		}
		m.at, m.seen, m.open, m.before = at, false, LastMinute{}, duration
	}
	if !m.seen || sessions < m.open.MinSessions {
		m.open.MinSessions = sessions
	}
	m.open.MaxSessions = max(m.open.MaxSessions, sessions)
	m.seen = true
}

// sums adds what is summed up of sessions and seconds to totals.
func (r *Relay) sums(t *Totals) {
	r.mu.RLock()
	t.Rates, t.LastMinute = r.strain.rates, r.strain.minutes.last
	r.mu.RUnlock()
	r.tallying.Lock()
	t.Ended, t.MOS = r.tally, r.sounded
	r.tallying.Unlock()
}

// moved are the counters that rates are made of.
type moved struct{ packets, kernelPackets, bytes, kernelBytes, errors uint64 }

func (r *Relay) moved() moved {
	return moved{
		r.stats.forwarded.Load(), r.stats.kernel.Load(), r.stats.bytes.Load(), r.stats.kernelBytes.Load(), r.group.Counters().SendErrors,
	}
}

// since is how much more than before there is, by the second.
func (m moved) since(old moved, d time.Duration) Rates {
	per := func(now, before uint64) float64 { return float64(now-before) / d.Seconds() }
	return Rates{
		Packets: per(m.packets, old.packets), KernelPackets: per(m.kernelPackets, old.kernelPackets),
		Bytes: per(m.bytes, old.bytes), KernelBytes: per(m.kernelBytes, old.kernelBytes), SendErrors: per(m.errors, old.errors),
	}
}

// heardCodec is the codec that was heard last, or the first that may be.
func (s *stream) heardCodec() string {
	c := (*clock)(nil)
	if n := s.snapshot(); n.Packets > 0 {
		c = s.clock(n.PayloadType)
	}
	if c == nil && len(s.clocks) > 0 {
		c = &s.clocks[0]
	}
	if c == nil {
		return ""
	}
	return named(c.name, int(c.rate), 1)
}

// named writes a codec as descriptions do.
func named(name string, rate, channels int) string {
	name += "/" + strconv.Itoa(rate)
	if channels > 1 {
		name += "/" + strconv.Itoa(channels)
	}
	return name
}
