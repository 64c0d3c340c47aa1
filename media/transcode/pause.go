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
	behind  int64 // by how much the output is later than the source, in its clock
}

// heard notes that the source speaks.
func (t *Transcoder) heard(in *input, payload []byte, now time.Time) {
	if t.cfg.Pauses.After == 0 || t.pcm.out.Noise != 0 || t.cfg.Jitter.Max > 0 || !t.cfg.Output.Codec.CanTranscode() {
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
	m := codec.NoiseModel{Level: 127} // silence
	if t.cfg.Pauses.Noise != nil {
		m = *t.cfg.Pauses.Noise
	}
	p.noise.Set(m)
	p.noiseOn, p.noiseDue, p.noiseEnd = true, d.due, now.Add(fillLimit)
	d.due, d.filling = time.Time{}, true
}

// Rest stops what is sent without being received, until the source speaks
// again: nobody hears it.
func (t *Transcoder) Rest() {
	t.pause.due = time.Time{}
	t.pcm.noiseOn, t.pcm.noiseDue = false, time.Time{}
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
