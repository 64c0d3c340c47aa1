package transcode

import (
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/rtpwire"
)

// holdTime is how long a packet is held while one before it is missing, when
// there is no jitter buffer.
const holdTime = 60 * time.Millisecond

// inOrder processes a packet now if it is its turn, or holds it.
func (t *Transcoder) inOrder(out *Packets, h rtpwire.Header, payload []byte, now time.Time) error {
	ahead := int16(h.Sequence - t.state.SourceSequence)
	switch {
	case ahead < 0:
		t.stats.Late++
		return ErrLate
	case ahead == 0 && t.queue.count == 0:
		return t.process(out, h, payload, now)
	case ahead >= queueSize:
		for t.queue.count > 0 {
			t.take(out, t.queue.first(t.state.SourceSequence), now)
		}
		return t.process(out, h, payload, now)
	}
	if !t.queue.put(h, payload, now) {
		t.stats.Late++
		return ErrLate
	}
	t.release(out, now)
	return nil
}

// release processes what has its turn, and gives up waiting for what does not
// come.
func (t *Transcoder) release(out *Packets, now time.Time) {
	for t.queue.count > 0 {
		s := t.queue.peek(t.state.SourceSequence)
		if s == nil {
			s = t.queue.first(t.state.SourceSequence)
			if t.queue.count < t.cfg.Reorder && now.Sub(s.at) < holdTime {
				return
			}
		}
		t.take(out, s, now)
	}
}

// take processes a held packet. What the codec refuses is counted.
func (t *Transcoder) take(out *Packets, s *slot, now time.Time) {
	t.queue.drop(s)
	_ = t.process(out, s.header, s.payload, now)
}

// process takes the packets of the source one after the other.
func (t *Transcoder) process(out *Packets, h rtpwire.Header, payload []byte, now time.Time) error {
	in := &t.inputs[t.byType[h.PayloadType]-1]
	s := &t.state
	if in.Codec.Kind == codec.Audio && (!in.Codec.CanTranscode() || t.through(in, payload)) {
		return t.pass(out, h, payload, in)
	}
	lost := int(h.Sequence - s.SourceSequence)
	t.stats.Lost += uint64(lost)
	s.SourceSequence = h.Sequence + 1
	if s.SourceClock != in.Codec.ClockRate {
		s.SourceClock, s.SourceTimestamp = in.Codec.ClockRate, h.Timestamp
	}
	t.settle(out, h, in)
	gap := int32(h.Timestamp - s.SourceTimestamp)
	if limit := int32(10 * s.SourceClock); in.Codec.Kind != codec.Event && (gap > limit || gap < -limit/10) {
		s.SourceTimestamp, gap = h.Timestamp, 0
		t.mark = true
	}
	switch in.Codec.Kind {
	case codec.Event:
		return t.event(out, in, h, payload, gap)
	case codec.Noise:
		return t.comfort(out, in, h, payload, gap, now)
	}
	return t.audio(out, in, h, payload, gap, lost)
}

// through tells whether audio in its turn needs no decoding. What is lost then
// stays lost: the receiver conceals it better than we could.
func (t *Transcoder) through(in *input, payload []byte) bool {
	return in.direct != nil && t.asIs && t.idle(in) && t.pcm.made == 0 && t.state.SourceClock == in.Codec.ClockRate && t.straight(payload, in)
}

// settle accounts for what was invented while the source said nothing.
func (t *Transcoder) settle(out *Packets, h rtpwire.Header, in *input) {
	p, s := &t.pcm, &t.state
	if p.made == 0 {
		return
	}
	made := int64(p.made) * int64(s.SourceClock) / int64(p.rate)
	gap := int64(int32(h.Timestamp - s.SourceTimestamp))
	switch {
	case in.Codec.Kind == codec.Event && gap <= 0:
		return // an event that began before
	case t.pause.filling && gap < made && t.cfg.Jitter.Max == 0 && t.pause.later(made-max(0, gap), s.SourceClock):
		s.SourceTimestamp += uint32(max(0, gap))
	case gap >= made || p.noiseOn && (t.cfg.Jitter.Max == 0 || !t.pause.filling):
		// More noise than there was silence takes its room from what follows.
		made += t.pause.catchUp(gap - made)
		s.SourceTimestamp += uint32(made + t.fillUp(out, gap-made))
	default:
		// Late, not silent: from now on everything is that much later.
		s.SourceTimestamp += uint32(max(0, gap))
		by := time.Duration(made-max(0, gap)) * time.Second / time.Duration(s.SourceClock)
		if t.pause.filling {
			t.jitter.shift(by)
		} else {
			t.jitter.grow(by)
		}
	}
	p.spoke()
	t.pause.filling = false
}
