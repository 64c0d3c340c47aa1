package transcode

import (
	"math/rand/v2"
	"time"

	"github.com/class5-go/class5/media/codec"
)

// Mixer adds to the audio that is sent; that of package mix is one.
type Mixer interface {
	// Mix adds to a frame of interleaved samples, whose rate is that of
	// [Transcoder.Rate]. It is called for every frame in order.
	Mix(frame []int16, channels int)
	// Sounds tells whether it has something to add now.
	Sounds() bool
}

const (
	// lateness is how late a packet of the source may be before what is mixed
	// goes on without it.
	lateness = 40 * time.Millisecond
	// soloLimit is the longest time of which timestamps tell that nothing was
	// sent.
	soloLimit = time.Hour
)

// Rate is that of the samples before they are encoded, in Hz.
func (t *Transcoder) Rate() int { return t.pcm.rate }

// idle tells whether the audio can go as it came because nothing is mixed into
// it now and no codec would miss what it did not see.
func (t *Transcoder) idle(in *input) bool {
	return t.cfg.Mix == nil || in.stateless && !t.cfg.Mix.Sounds()
}

// awaits says when what is mixed has to go on without the source.
func (t *Transcoder) awaits(in *input, payload []byte, now time.Time) {
	if t.cfg.Mix == nil {
		return
	}
	switch in.Codec.Kind {
	case codec.Audio:
		length := time.Duration(in.duration(payload)) * time.Second / time.Duration(in.Codec.ClockRate)
		t.solo = now.Add(length + lateness + t.cfg.Jitter.Max)
	case codec.Event: // its packets stand for the audio
		t.solo = now.Add(in.Codec.Ptime + lateness + t.cfg.Jitter.Max)
	case codec.Noise:
		if t.pcm.out.Noise != 0 {
			t.solo = now
		}
	}
}

// alone makes the frames that are due while the source sends none and there is
// something to mix into them.
func (t *Transcoder) alone(out *Packets, now time.Time) {
	p := &t.pcm
	if t.cfg.Mix == nil || p.noiseOn || !t.cfg.Output.Codec.CanTranscode() {
		return
	}
	for !t.solo.After(now) && t.cfg.Mix.Sounds() {
		if p.frame == 0 {
			p.setFrame(p.out.Codec.Ptime)
		}
		if !t.state.Begun {
			t.state.Begun, t.state.Sequence, t.state.Timestamp = true, uint16(rand.Uint32N(1<<15)), rand.Uint32()
			t.state.SourceClock, t.mark = t.inputs[0].Codec.ClockRate, true
			t.solo = now
		} else if idle := now.Sub(t.solo); idle > lateness+2*t.frameTime() {
			t.rest(out, idle)
			t.solo = now
		}
		t.want(out)
		p.made += p.frame
		t.pause.filling = true
		t.solo, t.at = t.solo.Add(t.frameTime()), now
		if !t.pause.due.IsZero() {
			t.pause.due = t.solo
		}
	}
}

// want makes a frame in place of one that the source did not send: at first what
// it said last dies away, then there is silence.
func (t *Transcoder) want(out *Packets) {
	p := &t.pcm
	if in := t.last; in != nil && in.decoder != nil && t.decoded && p.made < int(int64(maxConceal)*int64(p.rate)/int64(time.Second)) {
		t.invent(out, in, p.frame*in.rate/p.rate, nil)
		return
	}
	clear(p.samples(p.frame))
	p.addMono(p.scratch)
	t.drain(out)
}

// rest accounts for a time in which nothing was sent.
func (t *Transcoder) rest(out *Packets, d time.Duration) {
	n := int(int64(min(d, soloLimit)) * int64(t.pcm.rate) / int64(time.Second))
	t.jump(out, n)
	t.pcm.made += n
	t.mark = true
}

// samples lends room for n samples.
func (p *pcm) samples(n int) []int16 {
	if cap(p.scratch) < n {
		p.scratch = make([]int16, n)
	}
	p.scratch = p.scratch[:n]
	return p.scratch
}
