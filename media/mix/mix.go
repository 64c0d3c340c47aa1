package mix

import (
	"math"
	"slices"
	"time"
)

const (
	// Delay is how much of a source waits before it is heard. Of one whose packets
	// come late again and again it becomes more.
	Delay = 60 * time.Millisecond
	// MaxDelay is how much may wait; a source that is further ahead is cut back
	// to Delay.
	MaxDelay = 160 * time.Millisecond
	// Fade is the length of a fade in or out.
	Fade = 5 * time.Millisecond
	// step is by how much the delay grows, as long as this much is left to MaxDelay.
	step = 20 * time.Millisecond
	// staleAfter is how long what is not enough to be heard waits for more.
	staleAfter = 200 * time.Millisecond
)

// Mixer adds sources to frames of one channel or several. All samples are of
// one rate.
type Mixer struct {
	rate   int
	inputs []*Input
	sum    []int32 // of one channel
}

// New makes a mixer for samples of a rate in Hz.
func New(rate int) *Mixer { return &Mixer{rate: rate} }

// Rate is that of the samples.
func (m *Mixer) Rate() int { return m.rate }

// samples are those of a time.
func (m *Mixer) samples(d time.Duration) int {
	return int(int64(d) * int64(m.rate) / int64(time.Second))
}

// Input adds a source.
func (m *Mixer) Input() *Input {
	in := &Input{delay: m.samples(Delay), step: m.samples(step), most: m.samples(MaxDelay), fade: max(m.samples(Fade), 1)}
	m.inputs = append(m.inputs, in)
	return in
}

// Sounds tells whether a source has something to be heard now.
func (m *Mixer) Sounds() bool {
	for _, in := range m.inputs {
		if in.sounds() {
			return true
		}
	}
	return false
}

// Mix adds the sources to a frame of interleaved samples, and forgets those
// that were closed and have ended.
func (m *Mixer) Mix(frame []int16, channels int) {
	if len(m.inputs) == 0 || channels < 1 {
		return
	}
	n := len(frame) / channels
	m.sum = slices.Grow(m.sum[:0], n)[:n]
	clear(m.sum)
	heard := false
	for _, in := range m.inputs {
		heard = in.add(m.sum) || heard
	}
	m.inputs = slices.DeleteFunc(m.inputs, func(in *Input) bool { return in.closed && !in.sounds() })
	if !heard {
		return
	}
	for i, v := range m.sum {
		if v == 0 {
			continue
		}
		for c := range channels {
			frame[i*channels+c] = clip(int32(frame[i*channels+c]) + v)
		}
	}
}

func clip(v int32) int16 { return int16(min(max(v, math.MinInt16), math.MaxInt16)) }

// Input is one source.
type Input struct {
	delay, step, most, fade int // samples

	waiting []int16
	on      bool // it is heard
	in      int  // samples of the fade in that are still to come
	closed  bool
	broke   bool // it was not there in time
	written time.Time
}

// sounds tells whether the source is heard in the next frame.
func (in *Input) sounds() bool { return in.on || !in.closed && len(in.waiting) >= in.delay }

// Write takes samples of one channel that follow those before, at the time
// they came. After Close it does nothing.
func (in *Input) Write(pcm []int16, now time.Time) {
	if in.closed {
		return
	}
	if !in.on && now.Sub(in.written) > staleAfter {
		in.waiting, in.broke = in.waiting[:0], false // it was silent, not late
	}
	if in.broke && in.delay+2*in.step <= in.most {
		in.delay += in.step
	}
	in.broke, in.written = false, now
	in.waiting = append(in.waiting, pcm...)
	if over := len(in.waiting) - in.delay; len(in.waiting) > in.most {
		in.cut(over)
	}
}

// Close ends the source: it fades out with the next frame.
func (in *Input) Close() { in.closed = true }

// cut leaves out n samples and hides the seam.
func (in *Input) cut(n int) {
	if in.on {
		for i := range min(in.fade, n, len(in.waiting)-n) {
			a, b := int32(in.waiting[i]), int32(in.waiting[n+i])
			in.waiting[n+i] = int16((a*int32(in.fade-i) + b*int32(i)) / int32(in.fade))
		}
	}
	in.waiting = in.waiting[:copy(in.waiting, in.waiting[n:])]
}

// add takes the samples of one frame out of what waits; false: there are none.
func (in *Input) add(sum []int32) bool {
	if !in.on {
		if !in.sounds() {
			return false
		}
		in.on, in.in = true, in.fade
	}
	n := min(len(sum), len(in.waiting))
	if in.closed {
		n = min(n, in.fade)
	}
	// What is left must be enough to fade out with.
	last := in.closed || len(in.waiting) < len(sum)+in.fade
	for i, v := range in.waiting[:n] {
		s := int32(v)
		if in.in > 0 {
			s = s * int32(in.fade-in.in) / int32(in.fade)
			in.in--
		}
		if left := n - i; last && left < in.fade {
			s = s * int32(left) / int32(in.fade)
		}
		sum[i] += s
	}
	in.waiting = in.waiting[:copy(in.waiting, in.waiting[n:])]
	if last {
		in.on, in.broke, in.waiting = false, true, in.waiting[:0]
	}
	return n > 0
}
