package codec

import (
	"fmt"
	"math"
)

const (
	lobes     = 20  // zero crossings of the filter on each side, at the lower rate
	passband  = 0.9 // share of the lower Nyquist frequency that is kept
	kaiser    = 6.2 // window shape: about 65 dB in the stop band
	maxFilter = 1 << 20
)

// Resampler converts a stream of mono samples between two rates by a
// polyphase low-pass filter (windowed sinc, Kaiser). Up to 0.8 of the lower
// Nyquist frequency it is flat within 0.1 dB; what lies above that frequency,
// and would fold back, is attenuated by more than 60 dB. At 8 kHz the bounds
// are 3.2 and 4 kHz. Integer and fractional ratios are alike. A Resampler is
// not safe for concurrent use.
type Resampler struct {
	up, down int         // the ratio in lowest terms: up output samples for down input samples
	phases   [][]float32 // one filter per phase of the output clock
	taps     int
	history  []float32 // input not yet used up, with taps-1 samples of the past
	pos      int       // of the next output, in units of 1/up input samples from history[0]
}

// NewResampler prepares the filter. Rates are in Hz, up to 384,000.
func NewResampler(from, to int) (*Resampler, error) {
	if from <= 0 || to <= 0 || from > 384000 || to > 384000 {
		return nil, fmt.Errorf("codec: sample rates %d and %d", from, to)
	}
	g := gcd(from, to)
	r := &Resampler{up: to / g, down: from / g}
	if r.up == r.down {
		return r, nil
	}
	// Width of the filter in input samples on each side.
	half := lobes
	if from > to {
		half = (lobes*from + to - 1) / to
	}
	half = (half + 3) &^ 3
	r.taps = 2 * half
	if r.taps*r.up > maxFilter {
		return nil, fmt.Errorf("codec: ratio of sample rates %d and %d is too odd", from, to)
	}
	r.design(half, passband*math.Min(1, float64(to)/float64(from)))
	r.history = make([]float32, half-1, 4*r.taps)
	return r, nil
}

// design computes the filters. cutoff is relative to the input's Nyquist
// frequency.
func (r *Resampler) design(half int, cutoff float64) {
	r.phases = make([][]float32, r.up)
	norm := bessel(kaiser)
	for p := range r.phases {
		f := make([]float32, r.taps)
		sum := 0.0
		for i := range f {
			// Distance of input sample i from the output sample of this phase.
			x := float64(i-half+1) - float64(p)/float64(r.up)
			w := 1 - (x/float64(half))*(x/float64(half))
			v := 0.0
			if w > 0 {
				v = sinc(cutoff*x) * bessel(kaiser*math.Sqrt(w)) / norm
			}
			f[i] = float32(v)
			sum += v
		}
		for i := range f {
			f[i] /= float32(sum) // the same gain in every phase
		}
		r.phases[p] = f
	}
}

// prime fills the filter with silence: from the beginning as many samples come
// out as went in, later by half the filter.
func (r *Resampler) prime() {
	if r.taps > 0 {
		r.history = append(r.history[:0], make([]float32, r.taps-1)...)
	}
}

// Append converts samples and appends the result to dst. The filter delays by
// some samples: see [Resampler.Flush].
func (r *Resampler) Append(dst, src []int16) []int16 {
	if r.taps == 0 {
		return append(dst, src...)
	}
	for _, s := range src {
		r.history = append(r.history, float32(s))
	}
	for {
		start := r.pos / r.up
		if start+r.taps > len(r.history) {
			break
		}
		dst = append(dst, r.filter(r.phases[r.pos%r.up], r.history[start:start+r.taps]))
		r.pos += r.down
	}
	if used := min(r.pos/r.up, len(r.history)); used > 0 {
		r.history = r.history[:copy(r.history, r.history[used:])]
		r.pos -= used * r.up
	}
	return dst
}

// filter has four sums, so that one addition need not wait for the other, and
// arrays, so that no index is checked. The number of taps is a multiple of
// eight.
func (r *Resampler) filter(f, in []float32) int16 {
	var s0, s1, s2, s3 float32
	for len(f) >= 8 && len(in) >= 8 {
		a, b := (*[8]float32)(f), (*[8]float32)(in)
		s0 += a[0]*b[0] + a[4]*b[4]
		s1 += a[1]*b[1] + a[5]*b[5]
		s2 += a[2]*b[2] + a[6]*b[6]
		s3 += a[3]*b[3] + a[7]*b[7]
		f, in = f[8:], in[8:]
	}
	return clip(s0 + s1 + s2 + s3)
}

// Flush appends what the filter still holds at the end of a recording.
func (r *Resampler) Flush(dst []int16) []int16 {
	return r.Append(dst, make([]int16, r.taps/2))
}

// Resample converts a whole mono recording; the result is as long as the
// original, to the sample.
func Resample(pcm []int16, from, to int) ([]int16, error) {
	r, err := NewResampler(from, to)
	if err != nil {
		return nil, err
	}
	n := (len(pcm)*r.up + r.down - 1) / r.down
	out := r.Flush(r.Append(make([]int16, 0, n+lobes), pcm))
	return out[:min(n, len(out))], nil
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// bessel is the modified Bessel function of the first kind and order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= (x / 2 / k) * (x / 2 / k)
		sum += term
	}
	return sum
}

// clip rounds to the nearest sample.
func clip(v float32) int16 {
	switch {
	case v >= 32767:
		return 32767
	case v <= -32768:
		return -32768
	case v < 0:
		return int16(v - 0.5)
	}
	return int16(v + 0.5)
}
