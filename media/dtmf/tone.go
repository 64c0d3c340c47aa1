package dtmf

import "math"

// The frequencies of ITU-T Q.23, Hz.
func rows() [4]float64    { return [4]float64{697, 770, 852, 941} }
func columns() [4]float64 { return [4]float64{1209, 1336, 1477, 1633} }

// keypad is the event at a row and a column.
func keypad(row, column int) Event {
	return [16]Event{1, 2, 3, 12, 4, 5, 6, 13, 7, 8, 9, 14, Star, 0, Pound, 15}[4*row+column]
}

// position is where a digit lies on the keypad.
func position(e Event) (row, column int, ok bool) {
	for i := range 16 {
		if keypad(i/4, i%4) == e {
			return i / 4, i % 4, true
		}
	}
	return 0, 0, false
}

// fullScale is the level of a sine of the largest samples in dBm0 (G.711
// section 4).
const fullScale = 3.14

// amplitude of a sine at -volume dBm0.
func amplitude(volume float64) float64 { return 32767 * math.Pow(10, (-volume-fullScale)/20) }

// Generator makes tones. Its phases go on from call to call.
type Generator struct {
	rate  int
	step  [2]float64 // phase per sample
	phase [2]float64
	peak  float64
	at    int // samples since Start
}

// NewGenerator makes one for a sample rate in Hz.
func NewGenerator(rate int) *Generator { return &Generator{rate: rate} }

// Start begins the tones of a digit, together at -volume dBm0. What is no digit
// is silent.
func (g *Generator) Start(e Event, volume uint8) {
	row, column, ok := position(e)
	if !ok {
		g.start(0, 0, 0)
		return
	}
	g.start(rows()[row], columns()[column], amplitude(float64(volume)+3))
}

// StartTone begins a single tone.
func (g *Generator) StartTone(hz float64, volume uint8) { g.start(hz, 0, amplitude(float64(volume))) }

func (g *Generator) start(low, high, peak float64) {
	g.step = [2]float64{2 * math.Pi * low / float64(g.rate), 2 * math.Pi * high / float64(g.rate)}
	g.phase, g.peak, g.at = [2]float64{}, peak, 0
}

// Append appends n samples. The first millisecond fades in.
func (g *Generator) Append(dst []int16, n int) []int16 {
	ramp := g.rate / 1000
	for range n {
		v := g.peak * (math.Sin(g.phase[0]) + math.Sin(g.phase[1]))
		if g.at < ramp {
			v *= float64(g.at) / float64(ramp)
			g.at++
		}
		for i := range g.phase {
			if g.phase[i] += g.step[i]; g.phase[i] > 2*math.Pi {
				g.phase[i] -= 2 * math.Pi
			}
		}
		dst = append(dst, int16(max(-32768, min(32767, math.Round(v)))))
	}
	return dst
}
