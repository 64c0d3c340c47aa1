package dtmf

import (
	"math"
	"math/cmplx"
	"time"

	"github.com/class5-go/class5/media/codec"
)

// The detector works on blocks of 12.75 ms at 8 kHz: with 102 samples the
// tones fall between 0.1 and 0.4 bins beside multiples of the block.
const (
	detectRate = 8000
	block      = 102

	// A tone pair holds at least this share of the power of a block. Tones 1.5 %
	// off at a signal-to-noise ratio of 15 dB still do; speech hardly ever does,
	// and tones 3.5 % off do not.
	purity = 0.62
	// With the true frequencies known from the phases of two blocks, so much of
	// their power is in the tones. Speech with two strong harmonics comes near.
	refined = 0.80
	// How far a tone may be off: 2.3 %, and no more than phases can tell.
	offFrequency, offPhase = 0.023, 2.5

	// Each tone is at least this strong, as a mean square: -36 dBm0.
	faintest = 32767.0 * 32767.0 / 2 * 1.22e-4
	// Twist: the column may be 6 dB stronger than the row, or 10 dB weaker
	// (Q.24 asks for 4 and 8 dB), as ratios of power.
	twistUp, twistDown = 4.0, 10.0
	// Any other tone of the same group is this much weaker, as a ratio of power.
	beside = 5.0
	// Blocks of the same digit that begin one, and blocks without it that end it.
	blocksOn, blocksOff = 2, 2
	// Each half of the two blocks that begin a digit has at least this share of
	// their mean power. Speech swells, and tones of 20 ms do not fill them.
	steadiness = 0.76
)

// Detector finds the digits in audio as ITU-T Q.24 asks for: tones of 40 ms
// and pauses of 40 ms are seen, of less than 20 ms are not. It is not safe for
// concurrent use.
type Detector struct {
	down    *codec.Converter // to 8 kHz; nil: it is
	samples []int16          // at 8 kHz
	n       int              // in the present block
	halves  [4]float64       // power of the block before and of this one, by halves
	filters [8]goertzel
	spectra [2][8]complex128 // of the block before and of this one

	last    Event // of the last block
	some    bool  // the last block had a digit
	run     int   // blocks with the same digit
	active  bool
	digit   Event
	volume  uint8
	blocks  int // since the digit began
	pending int // of them without it
}

// goertzel measures one frequency.
type goertzel struct {
	frequency   float64 // radians per sample
	coefficient float64
	s1, s2      float64
}

// NewDetector makes one for mono samples at a rate in Hz.
func NewDetector(rate int) (*Detector, error) {
	d := &Detector{}
	if rate != detectRate {
		c, err := codec.NewConverter(rate, 1, detectRate, 1)
		if err != nil {
			return nil, err
		}
		d.down = c
	}
	r, c := rows(), columns()
	for i, hz := range append(r[:], c[:]...) {
		w := 2 * math.Pi * hz / detectRate
		d.filters[i] = goertzel{frequency: w, coefficient: 2 * math.Cos(w)}
	}
	return d, nil
}

// Active tells whether a digit is being heard.
func (d *Detector) Active() bool { return d.active }

// Audio takes samples and appends what they tell: that a digit has begun, or
// that it has ended.
func (d *Detector) Audio(dst []Digit, pcm []int16) []Digit {
	if d.down != nil {
		d.samples = d.down.Append(d.samples[:0], pcm)
		pcm = d.samples
	}
	for len(pcm) > 0 {
		n := min(len(pcm), block/2-d.n%(block/2))
		d.measure(pcm[:n], &d.halves[2+d.n/(block/2)])
		pcm = pcm[n:]
		if d.n += n; d.n == block {
			dst = d.judge(dst)
		}
	}
	return dst
}

func (d *Detector) measure(pcm []int16, power *float64) {
	for _, v := range pcm {
		*power += float64(v) * float64(v)
	}
	for i := range d.filters {
		f := &d.filters[i]
		c, s1, s2 := f.coefficient, f.s1, f.s2
		for _, v := range pcm {
			s1, s2 = float64(v)+c*s1-s2, s1
		}
		f.s1, f.s2 = s1, s2
	}
}

// judge looks at a whole block.
func (d *Detector) judge(dst []Digit) []Digit {
	e, level, ok := d.blockDigit()
	h := d.halves
	switch {
	case ok && d.some && e == d.last && (d.active || d.steady(e)):
		d.run++
	case ok:
		d.run = 1
	default:
		d.run = 0
	}
	d.last, d.some, d.n = e, ok, 0
	d.halves, d.spectra[0] = [4]float64{h[2], h[3]}, d.spectra[1]
	if d.active {
		d.blocks++
		if ok && e == d.digit {
			d.pending = 0
			return dst
		}
		if d.pending++; d.pending < blocksOff && d.run < blocksOn {
			return dst
		}
		d.active = false
		dst = append(dst, Digit{Event: d.digit, Ended: true, Volume: d.volume, Duration: blockTime(d.blocks - d.pending)})
	}
	if d.run < blocksOn {
		return dst
	}
	d.active, d.digit, d.blocks, d.pending = true, e, d.run, 0
	d.volume = uint8(max(0, min(63, math.Round(-10*math.Log10(level/(32767.0*32767.0/2))-fullScale))))
	return append(dst, Digit{Event: e, Volume: d.volume, Duration: blockTime(d.run)})
}

// power of the sine that has this spectrum in a block.
func power(y complex128) float64 {
	return 2 * (real(y)*real(y) + imag(y)*imag(y)) / (block * block)
}

// steady tells whether the last two blocks are two tones that do not change,
// of the right frequencies.
func (d *Detector) steady(e Event) bool {
	h := d.halves
	sum := h[0] + h[1] + h[2] + h[3]
	if min(h[0], h[1], h[2], h[3]) < steadiness*sum/4 {
		return false
	}
	row, column, _ := position(e)
	tones := 0.0
	for _, i := range [2]int{row, 4 + column} {
		w := d.filters[i].frequency
		// How much further the phase went than at the nominal frequency.
		turn := cmplx.Phase(d.spectra[1][i]*cmplx.Conj(d.spectra[0][i])) - math.Remainder(w*block, 2*math.Pi)
		turn = math.Remainder(turn, 2*math.Pi)
		if math.Abs(turn) > min(offPhase, offFrequency*w*block) {
			return false
		}
		loss := 1.0 // of a filter beside the tone
		if turn != 0 {
			loss = math.Sin(turn/2) / (turn / 2)
		}
		tones += (power(d.spectra[0][i]) + power(d.spectra[1][i])) / (loss * loss)
	}
	return tones*block > refined*sum
}

func blockTime(n int) time.Duration { return time.Duration(n) * block * time.Second / detectRate }

// blockDigit finds the digit in the measurements, and empties them. level is
// the mean square of both tones.
func (d *Detector) blockDigit() (e Event, level float64, ok bool) {
	var p [8]float64
	for i := range d.filters {
		f := &d.filters[i]
		y := complex(f.s1-f.s2*f.coefficient/2, f.s2*math.Sin(f.frequency))
		d.spectra[1][i] = y
		p[i] = power(y)
		f.s1, f.s2 = 0, 0
	}
	row, column := loudest(p[:4]), loudest(p[4:])
	r, c := p[row], p[4+column]
	e, level = keypad(row, column), r+c
	ok = r > faintest && c > faintest && c < r*twistUp && r < c*twistDown &&
		level > purity*(d.halves[2]+d.halves[3])/block && alone(p[:4], row) && alone(p[4:], column)
	return e, level, ok
}

func loudest(p []float64) (best int) {
	for i := range p {
		if p[i] > p[best] {
			best = i
		}
	}
	return best
}

func alone(p []float64, at int) bool {
	for i := range p {
		if i != at && p[i]*beside > p[at] {
			return false
		}
	}
	return true
}
