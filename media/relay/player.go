package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/rtpwire"
)

// ErrPlay means that a source cannot be played to a party.
var ErrPlay = errors.New("relay: nothing to play in a codec of the party")

// Source is something to be played: an announcement, music.
type Source interface {
	// Frames are its payloads in a codec, for packets of one length. They may
	// be shared by all who hear it.
	Frames(c codec.Codec, ptime time.Duration) (Frames, error)
	// Duration is its length.
	Duration() time.Duration
}

// Frames are payloads in order.
type Frames interface {
	// Frame is the i-th payload, counted from 0; false behind the last. It is
	// not changed by the caller and stays valid.
	Frame(i int) ([]byte, bool)
}

// PlayRequest plays something to parties.
type PlayRequest struct {
	Selector // who hears it
	Source   Source
	Repeat   int           // how often; 0 and 1: once; negative: until stopped
	Start    time.Duration // where in the source the first time begins
}

// maxBehind is how many packets may go in a burst.
const maxBehind = 5

// playing is what a party hears in place of the other.
type playing struct {
	frames Frames
	pt     uint8
	ptime  time.Duration
	units  uint32 // timestamp units of a packet
	left   int    // further repeats; negative: endless
	next   int    // frame
	due    time.Time
	header rtpwire.Header
	// digits: frames are telephone events; next to each other with the same
	// event they belong together.
	digits  bool
	elapsed uint32 // since the timestamp of the present event
	down    bool   // an event is being sent
	keys    bool   // digits, as events or as tones
}

// Play lets parties hear a source instead of the other party, from now on, and
// returns its length. What was playing before ends.
func (r *Relay) Play(ctx context.Context, req PlayRequest) (time.Duration, error) {
	now, played := r.now(), 0
	err := r.change(ctx, req.Selector, func(s *stream) {
		p, err := s.prepare(&req, now)
		if err != nil {
			return
		}
		s.playing = p
		played++
		s.leg.session.r.pacer.add(s.leg.session)
		s.leg.session.wake(now)
	})
	if err == nil && played == 0 {
		err = ErrPlay
	}
	return req.Source.Duration(), err
}

// StopPlay ends what parties hear; they hear each other again.
func (r *Relay) StopPlay(ctx context.Context, by Selector) error {
	return r.change(ctx, by, func(s *stream) { s.playing = nil })
}

// prepare finds the codec in which the party can hear the source.
func (s *stream) prepare(req *PlayRequest, now time.Time) (*playing, error) {
	if s.kind != "audio" || s.off || !s.said {
		return nil, ErrPlay
	}
	for _, c := range s.codecs {
		found, ok := s.leg.session.r.find(c)
		if !ok || found.Kind != codec.Audio || !found.CanTranscode() {
			continue
		}
		ptime := found.FitPtime(s.ptime)
		f, err := req.Source.Frames(found, ptime)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPlay, err)
		}
		units := uint32(int64(ptime) * int64(c.ClockRate) / int64(time.Second))
		return &playing{frames: f, pt: c.PayloadType, ptime: ptime, units: units, left: req.Repeat - 1, next: int(req.Start / ptime), due: now,
			header: rtpwire.Header{Marker: true, PayloadType: c.PayloadType, Sequence: firstSequence(), Timestamp: randomSSRC(), SSRC: randomSSRC()}}, nil
	}
	return nil, ErrPlay
}

// play sends the packets that are due.
func (s *stream) play(now time.Time) {
	p := s.playing
	for p != nil && !p.due.After(now) {
		frame, ok := p.frames.Frame(p.next)
		if !ok {
			if p.left == 0 || p.next == 0 {
				s.playing = nil
				s.leg.session.notify(Event{Kind: Played, Tags: s.leg.tags, Stream: s.index, At: now})
				s.leg.session.resettle()
				return
			}
			p.left, p.next = p.left-1, 0
			continue
		}
		p.next++
		if now.Sub(p.due) > maxBehind*p.ptime { // held up: a gap, not a burst
			late := now.Sub(p.due) / p.ptime
			p.due = p.due.Add(late * p.ptime)
			if p.digits {
				p.elapsed += uint32(late) * p.units
			} else {
				p.header.Timestamp += uint32(late) * p.units
			}
		}
		if p.digits {
			p.digit(frame)
		}
		if len(frame) > 0 { // the codec may send nothing in silence
			q := sender{session: s.leg.session}
			b := append(p.header.Append(q.buffer()[:0]), frame...)
			_, _ = s.emit(rtpwire.KindRTP, b, q) // on hold, or nowhere yet: it plays on
			p.header.Sequence++
		}
		p.header.Marker = len(frame) == 0
		if !p.digits {
			p.header.Timestamp += p.units
		}
		p.due = p.due.Add(p.ptime)
	}
}

// firstSequence is below 2^15, so that a receiver of SRTP that misses the first
// packets does not miss a wrap (RFC 3711 section 3.3.1).
func firstSequence() uint16 { return uint16(randomSSRC() >> 17) }

// hears keeps what a player needs to know of the party.
func (s *stream) hears(m *bridge.Media) { s.codecs, s.ptime = m.Codecs, m.Ptime }
