package transcode

import (
	"time"

	"github.com/class5-go/class5/media/codec"
)

const (
	// fillLimit is how long a pause is filled: then the source is gone.
	fillLimit = 30 * time.Minute
	// mostLater is how much the output may be behind the source because of
	// packets that were late, not left out.
	mostLater = 200 * time.Millisecond
)

// pause is the filling of pauses.
type pause struct {
	due     time.Time // when a packet is missed; zero: none is
	length  time.Duration
	filling bool
	carried bool  // nothing of the source before is here
	rings   bool  // the filling has just begun
	behind  int64 // by how much the output is later than the source, in its clock
}

// fills tells whether pauses are filled.
func (t *Transcoder) fills() bool {
	return t.cfg.Pauses.After != 0 && t.pcm.out.Noise == 0 && t.cfg.Output.Codec.CanTranscode()
}

// heard notes that the source speaks. Behind a jitter buffer that needs no note:
// what is missing is found when it is to be played.
func (t *Transcoder) heard(in *input, payload []byte, now time.Time) {
	if !t.fills() || t.cfg.Jitter.Max > 0 {
		return
	}
	d := &t.pause
	switch in.Codec.Kind {
	case codec.Noise: // whoever describes its pauses fills them
		d.due = time.Time{}
		return
	case codec.Audio:
		d.length = time.Duration(in.duration(payload)) * time.Second / time.Duration(in.Codec.ClockRate)
	}
	d.due = now.Add(d.length + t.cfg.Pauses.After)
}

// fillPause begins to fill a pause when a packet is missed.
func (t *Transcoder) fillPause(now time.Time) {
	d, p := &t.pause, &t.pcm
	if d.due.IsZero() || d.due.After(now) {
		return
	}
	if p.frame == 0 {
		if d.length < minFrame {
			d.due = time.Time{}
			return
		}
		p.setFrame(d.length)
	}
	p.noiseDue, d.due = d.due, time.Time{}
	t.startFilling(now)
}

// startFilling begins to fill a pause.
func (t *Transcoder) startFilling(now time.Time) {
	d, p := &t.pause, &t.pcm
	m := codec.NoiseModel{Level: 127} // silence
	if t.cfg.Pauses.Noise != nil {
		m = *t.cfg.Pauses.Noise
	}
	p.noise.Set(m)
	p.noiseOn, p.noiseEnd = true, now.Add(fillLimit)
	d.filling, d.rings = true, true
}

// fillUp makes what is still missing of a pause when the source speaks again:
// its filling began late. It returns how much that is, in the source's clock.
func (t *Transcoder) fillUp(out *Packets, missing int64) int64 {
	p, clock := &t.pcm, int64(t.state.SourceClock)
	if most := t.cfg.Pauses.After + 2*t.frameTime(); !t.pause.filling || missing <= 0 || missing > int64(most)*clock/int64(time.Second) {
		return 0
	}
	t.rustle(out, int(missing*int64(p.rate)/clock))
	return missing
}

// filled is how much was made since the source spoke.
func (t *Transcoder) filled() time.Duration {
	return time.Duration(t.pcm.made) * time.Second / time.Duration(t.pcm.rate)
}

// Rest stops what is sent without being received, until the source speaks
// again: nobody hears it.
func (t *Transcoder) Rest() {
	t.pause.due = time.Time{}
	t.pcm.noiseOn, t.pcm.noiseDue = false, time.Time{}
	t.jitter.paused, t.jitter.next = true, time.Time{}
	if s := t.queue.first(t.state.SourceSequence); s != nil && t.cfg.Jitter.Max > 0 {
		t.jitter.next = t.jitter.due(t.stamp(s.header, s.payload), t.state.SourceClock)
	}
}

// later takes a packet behind what was filled although it was not meant to be;
// false: the output is behind enough.
func (d *pause) later(by int64, clock int) bool {
	if (d.behind+by)*int64(time.Second)/int64(clock) > int64(mostLater) {
		return false
	}
	d.behind += by
	return true
}

// catchUp is how much of a silence is left out to be less behind.
func (d *pause) catchUp(silence int64) int64 {
	n := max(0, min(silence, d.behind))
	d.behind -= n
	return n
}
