package transcode

import (
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/rtpwire"
)

const (
	window    = 100                    // packets that the delay is judged by
	maxExpand = 100 * time.Millisecond // of invented audio while nothing comes
	slack     = 10 * time.Millisecond  // more delay than needed that is left alone
)

// jitter decides when packets are played: at a constant time behind what their
// timestamps say, which changes when the network does.
type jitter struct {
	begun  bool
	origin time.Time     // when the sample of stamp would be played without delay
	stamp  uint32        // a timestamp
	delay  time.Duration // added to each
	next   time.Time     // when something is due
	paused bool          // nothing is invented any more
	excess time.Duration // delay to be got rid of

	// Deviation of arrivals from the timestamps in the present window: of the
	// latest and of the earliest packet.
	worst, best time.Duration
	packets     int
	base        time.Duration // best of the last window
}

func (j *jitter) reset() { *j = jitter{} }

// grow makes everything later.
func (j *jitter) grow(d time.Duration) { j.delay += d }

// shift does so for good: the source, not the network, is that much later.
func (j *jitter) shift(d time.Duration) { j.origin, j.excess = j.origin.Add(d), 0 }

// due is when the sample of a timestamp is to be played.
func (j *jitter) due(stamp uint32, clock int) time.Time { return j.plan(stamp, clock).Add(j.delay) }

// plan is the same without the delay.
func (j *jitter) plan(stamp uint32, clock int) time.Time {
	return j.origin.Add(time.Duration(int32(stamp-j.stamp)) * time.Second / time.Duration(clock))
}

// arrived notes when a packet came, and judges the delay once a window.
func (j *jitter) arrived(stamp uint32, clock int, now time.Time, limits Jitter) {
	d := now.Sub(j.plan(stamp, clock))
	if j.packets == 0 {
		j.worst, j.best = d, d
	}
	j.worst, j.best = max(j.worst, d), min(j.best, d)
	if j.packets++; j.packets < window {
		return
	}
	wanted := j.best + max(limits.Min, min(limits.Max, j.worst-j.best))
	if j.excess = j.delay - wanted; j.excess < slack {
		j.excess = 0
	}
	j.base, j.packets = j.best, 0
}

// stamp is the timestamp by which a packet is played. That of an event is of
// its beginning; its packets are spread over its duration.
func (t *Transcoder) stamp(h rtpwire.Header, payload []byte) uint32 {
	in := &t.inputs[t.byType[h.PayloadType]-1]
	if in.Codec.Kind != codec.Event {
		return h.Timestamp
	}
	p, err := dtmf.ParsePayload(payload)
	frame := int64(t.frameTime()) * int64(in.Codec.ClockRate) / int64(time.Second)
	if err != nil || int64(p.Duration) < frame {
		return h.Timestamp
	}
	return h.Timestamp + uint32(p.Duration) - uint32(frame)
}

// buffer stores a packet until it is due.
func (t *Transcoder) buffer(h rtpwire.Header, payload []byte, now time.Time) error {
	j := &t.jitter
	stamp := t.stamp(h, payload)
	if !j.begun {
		*j = jitter{begun: true, origin: now, stamp: stamp, delay: t.cfg.Jitter.Min}
	}
	j.arrived(stamp, t.state.SourceClock, now, t.cfg.Jitter)
	ahead := int16(h.Sequence - t.state.SourceSequence)
	if ahead < 0 || ahead >= queueSize || !t.queue.put(h, payload, now) {
		t.stats.Late++
		return ErrLate
	}
	return nil
}

// playOut processes what is due, and invents what is missing.
func (t *Transcoder) playOut(out *Packets, now time.Time) {
	j, s := &t.jitter, &t.state
	for {
		slot := t.queue.first(s.SourceSequence)
		j.next = time.Time{}
		if slot != nil {
			j.next = j.due(t.stamp(slot.header, slot.payload), s.SourceClock)
			if late := now.Sub(j.next); late >= 0 {
				if late > MaxJitter && !t.pause.filling {
					t.stalled(out, late)
				}
				j.paused = false
				t.take(out, slot, now)
				continue
			}
		}
		if !t.pcm.noiseOn && !t.pause.carried && t.silent() || j.paused || t.events.receiver.Open() {
			return
		}
		if t.pcm.noiseOn && now.After(t.pcm.noiseEnd) {
			t.Rest()
			return
		}
		missing := s.SourceTimestamp + t.madeTicks()
		at := j.due(missing, s.SourceClock)
		if at.After(now) {
			if slot == nil || at.Before(j.next) {
				j.next = at
			}
			return
		}
		if t.pcm.noiseOn && t.leaveOut(out, now.Sub(at)) > 0 {
			continue
		}
		t.bridge(out, slot, now)
	}
}

// silent tells whether the source has said nothing yet that could be continued.
func (t *Transcoder) silent() bool { return t.last == nil || t.last.length == 0 }

// bridge makes one packet of audio in place of what is missing.
func (t *Transcoder) bridge(out *Packets, next *slot, now time.Time) {
	p := &t.pcm
	if !p.noiseOn && t.silent() {
		t.startFilling(now)
	}
	if p.noiseOn {
		t.rustle(out, t.until(next))
		return
	}
	var copied []byte
	if next != nil && next.header.Sequence == t.state.SourceSequence+1 {
		copied = next.payload
	}
	n := t.last.length
	t.invent(out, t.last, n, copied)
	p.made += n * p.rate / t.last.rate
	if t.filled() < maxExpand {
		return
	}
	if t.jitter.paused = !t.fills(); !t.jitter.paused {
		t.startFilling(now)
	}
}

// until is how many samples of noise there may be, at most a packet of them,
// before the packet that is there already.
func (t *Transcoder) until(next *slot) int {
	p, s := &t.pcm, &t.state
	if next == nil || next.header.Sequence != s.SourceSequence {
		return p.frame
	}
	silent := int64(int32(next.header.Timestamp-s.SourceTimestamp)) * int64(p.rate) / int64(s.SourceClock)
	if left := int(silent) - p.made; left > 0 {
		return min(left, p.frame)
	}
	return p.frame
}

// stalled begins the clock again when everything is far too late: the output
// is silent for as long as the source was.
func (t *Transcoder) stalled(out *Packets, late time.Duration) {
	t.jump(out, max(0, int(int64(late)*int64(t.pcm.rate)/int64(time.Second))))
	t.jitter.origin = t.jitter.origin.Add(late)
}

// shorten leaves a pitch period out of decoded samples when there is more
// delay than the network needs.
func (t *Transcoder) shorten(in *input, pcm []int16) []int16 {
	j := &t.jitter
	if j.excess <= 0 {
		return pcm
	}
	most := int(int64(j.excess) * int64(in.rate) / int64(time.Second))
	cut := codec.Shorten(pcm, in.rate, in.chans, most)
	n := (len(pcm) - len(cut)) / in.chans
	t.stats.Shortened += uint64(n)
	d := time.Duration(n) * time.Second / time.Duration(in.rate)
	j.delay -= d
	if j.excess -= d; j.excess < slack || n == 0 {
		j.excess = 0
	}
	return cut
}
