package codec

import "math"

// Concealment fills gaps with a repetition of what was heard last, after the
// method of G.711 Appendix I: the last pitch period is repeated, softer after
// 10 ms and silent after 60 ms, and blended into what comes next. It adds no
// delay. It is not safe for concurrent use.
type Concealment struct {
	rate, channels int
	history        []int16 // what was put out last, oldest first; fixed length
	period         []int16 // being repeated; empty: nothing was lost
	at             int     // position in period, in frames
	lost           int     // frames concealed since the last packet
	jump           [2]float32
}

const (
	concealHistory = 45 // ms, three of the longest periods
	concealShort   = 5  // ms, shortest period
	concealLong    = 15 // ms, longest period
	concealBlend   = 4  // ms, from concealed to received samples
)

// NewConcealment makes one for interleaved samples of one or two channels.
func NewConcealment(rate, channels int) *Concealment {
	return &Concealment{rate: rate, channels: channels, history: make([]int16, rate*concealHistory/1000*channels),
		period: make([]int16, 0, rate*concealLong/1000*channels)}
}

// Received notes samples that came; after a gap it blends their beginning, in
// place.
func (c *Concealment) Received(pcm []int16) {
	if c.lost > 0 {
		n := min(c.rate*concealBlend/1000, len(pcm)/c.channels)
		for i := range n {
			w := float32(i+1) / float32(n+1)
			gain := c.gain()
			for ch := range c.channels {
				p := &pcm[i*c.channels+ch]
				*p = clip(w*float32(*p) + (1-w)*gain*c.sample(ch))
			}
			c.advance()
		}
		c.lost, c.period = 0, c.period[:0]
	}
	c.remember(pcm)
}

// Conceal appends n samples per channel in place of what is missing.
func (c *Concealment) Conceal(dst []int16, n int) []int16 {
	if c.lost == 0 {
		c.begin()
	}
	start := len(dst)
	for range n {
		gain := c.gain()
		for ch := range c.channels {
			dst = append(dst, clip(gain*c.sample(ch)))
		}
		c.advance()
	}
	c.remember(dst[start:])
	return dst
}

// gain is what is left of the level at this point of the gap.
func (c *Concealment) gain() float32 {
	ms := float32(c.lost) * 1000 / float32(c.rate)
	return max(0, min(1, 1-(ms-10)/50))
}

func (c *Concealment) sample(ch int) float32 {
	v := float32(c.period[c.at*c.channels+ch])
	// The step from the last received sample to the repetition fades away.
	if blend := c.rate * 2 / 1000; c.lost < blend {
		v += c.jump[ch] * (1 - float32(c.lost)/float32(blend))
	}
	return v
}

func (c *Concealment) advance() {
	c.lost++
	if c.at++; c.at*c.channels >= len(c.period) {
		c.at = 0
	}
}

// begin cuts out the last period and joins its end to its beginning.
func (c *Concealment) begin() {
	ch, h := c.channels, c.history
	lag := c.pitch() * ch
	c.period = append(c.period[:0], h[len(h)-lag:]...)
	fade := lag / ch / 4
	for i := range fade {
		w := float32(i+1) / float32(fade)
		for k := range ch {
			p := &c.period[lag-(fade-i)*ch+k]
			before := h[len(h)-lag-(fade-i)*ch+k]
			*p = clip((1-w)*float32(*p) + w*float32(before))
		}
	}
	for k := range ch {
		c.jump[k] = float32(h[len(h)-ch+k]) - float32(h[len(h)-lag-ch+k])
	}
	c.at = 0
}

// pitch finds the lag, in frames, at which the history resembles itself most.
// Above 8 kHz it looks at every second, third… sample first.
func (c *Concealment) pitch() int {
	short, long := c.rate*concealShort/1000, c.rate*concealLong/1000
	step := max(1, c.rate/8000)
	best := c.closest(short, long, step, step)
	if step > 1 {
		best = c.closest(max(short, best-step), min(long, best+step), 1, step)
	}
	return best
}

func (c *Concealment) closest(from, to, lagStep, step int) (best int) {
	h, ch := c.history, c.channels
	window := len(h) - c.rate*2*concealLong/1000*ch // what is left behind two periods
	most := math.Inf(-1)
	best = to
	for lag := from; lag <= to; lag += lagStep {
		var dot, energy float32
		for i := len(h) - window; i < len(h); i += step * ch {
			a, b := float32(h[i]), float32(h[i-lag*ch])
			dot += a * b
			energy += b * b
		}
		if energy <= 0 {
			continue
		}
		if score := float64(dot) / math.Sqrt(float64(energy)); score > most {
			most, best = score, lag
		}
	}
	return best
}

func (c *Concealment) remember(pcm []int16) {
	h := c.history
	if len(pcm) >= len(h) {
		copy(h, pcm[len(pcm)-len(h):])
		return
	}
	copy(h, h[len(pcm):])
	copy(h[len(h)-len(pcm):], pcm)
}
