package transcode

import (
	"fmt"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/rtpwire"
)

const (
	noiseLimit  = time.Minute // how long one description is good for
	hangover    = 200 * time.Millisecond
	noiseUpdate = 500 * time.Millisecond
)

// comfort takes a description of noise: it is passed on where the output has
// comfort noise, and made to sound where it has not.
func (t *Transcoder) comfort(out *Packets, in *input, h rtpwire.Header, payload []byte, gap int32, now time.Time) error {
	m, err := codec.ParseNoise(payload)
	if err != nil {
		t.stats.Refused++
		return fmt.Errorf("%w: %w", ErrPayload, err)
	}
	p := &t.pcm
	if gap > 0 {
		t.jump(out, int(int64(gap)*int64(p.rate)/int64(in.Codec.ClockRate)))
		t.state.SourceTimestamp = h.Timestamp
	}
	if p.out.Noise != 0 {
		t.flush(out)
		t.sent(out, m.Append(out.begin(t.header(p.out.Noise))))
		return nil
	}
	if p.frame == 0 {
		p.setFrame(p.out.Codec.Ptime)
	}
	p.noise.Set(m)
	p.described = m
	p.noiseOn, p.noiseDue, p.noiseEnd = true, now, now.Add(noiseLimit)
	if t.cfg.Jitter.Max == 0 {
		t.noise(out, now)
	}
	return nil
}

// noise makes the comfort noise that is due.
func (t *Transcoder) noise(out *Packets, now time.Time) {
	p := &t.pcm
	if p.noiseOn {
		p.noiseDue = p.noiseDue.Add(t.leaveOut(out, now.Sub(p.noiseDue)))
	}
	for p.noiseOn && !p.noiseDue.After(now) {
		if p.noiseDue.After(p.noiseEnd) {
			p.noiseOn, p.noiseDue = false, time.Time{}
			return
		}
		t.rustle(out, p.frame)
		p.noiseDue = p.noiseDue.Add(t.frameTime())
	}
}

// rustle makes n samples of comfort noise.
func (t *Transcoder) rustle(out *Packets, n int) {
	p := &t.pcm
	if in := t.last; t.pause.rings && in != nil && in.conv != nil {
		// What the resampler still has of the source comes first.
		p.scratch = append(p.scratch[:0], make([]int16, n*in.rate/p.rate*in.chans)...)
		p.fifo = in.conv.Append(p.fifo, p.scratch)
	} else {
		p.scratch = p.noise.Append(p.scratch[:0], n)
		p.addMono(p.scratch)
	}
	t.pause.rings = false
	p.made += n
	t.drain(out)
}

// spoke ends what is made while the source says nothing.
func (p *pcm) spoke() {
	p.made, p.noiseOn, p.noiseDue = 0, false, time.Time{}
}

// silence decides when there is nothing to hear.
type silence struct {
	since int // samples per channel without sound
	told  int // since the last description
	on    bool
}

// hush sends comfort noise instead of silent audio; true: nothing else is to
// be sent.
func (t *Transcoder) hush(out *Packets, pcm []int16) bool {
	p := &t.pcm
	if t.cfg.Silence == 0 || p.out.Noise == 0 {
		return false
	}
	samples := func(d time.Duration) int { return int(int64(d) * int64(p.rate) / int64(time.Second)) }
	q := &p.quiet
	m := codec.AnalyzeNoise(pcm, 0)
	if m.Level < t.cfg.Silence {
		if q.on {
			t.mark = true
		}
		*q = silence{}
		return false
	}
	if q.since += p.frame; q.since < samples(hangover) {
		return false
	}
	q.told += p.frame
	if q.on && q.told < samples(noiseUpdate) {
		return true
	}
	q.on, q.told = true, 0
	t.sent(out, codec.AnalyzeNoise(pcm, codec.NoiseOrder).Append(out.begin(t.header(p.out.Noise))))
	return true
}
