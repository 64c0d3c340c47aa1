package codec

import (
	"fmt"
	"math"
	"time"
)

// NoiseOrder is the number of reflection coefficients a CN payload is made
// and used with; more are ignored.
const NoiseOrder = 10

// CN is comfort noise (RFC 3389); payload type 13 at 8 kHz. Its encoder
// describes the noise in the samples; its decoder makes one packet of noise of
// each description.
func CN(clockRate int) Codec {
	pt := uint8(Dynamic)
	if clockRate == 8000 {
		pt = 13
	}
	return Codec{Format: Format{Name: "CN", ClockRate: clockRate, Channels: 1}, Kind: Noise, PayloadType: pt, SampleRate: clockRate,
		Ptime:      20 * time.Millisecond,
		NewEncoder: func(Params) (Encoder, error) { return noiseEncoder{}, nil },
		NewDecoder: func(p Params) (Decoder, error) {
			return &noiseDecoder{n: int(p.Ptime * time.Duration(p.SampleRate) / time.Second)}, nil
		},
	}
}

// NoiseModel is what a CN payload says: a level and the spectrum as reflection
// coefficients of an all-pole model.
type NoiseModel struct {
	Level      uint8 // -dBov: 0 is loudest, 127 silence
	Reflection [NoiseOrder]float64
	Order      int // of the coefficients in use
}

// AnalyzeNoise models the samples with the given number of coefficients, at
// most NoiseOrder. dBov is relative to a square wave of full scale.
func AnalyzeNoise(pcm []int16, order int) NoiseModel {
	order = max(0, min(order, NoiseOrder, len(pcm)-1))
	var r [NoiseOrder + 1]float64
	for lag := range r[:order+1] {
		for i := lag; i < len(pcm); i++ {
			r[lag] += float64(pcm[i]) * float64(pcm[i-lag])
		}
	}
	m := NoiseModel{Level: 127, Order: order}
	if len(pcm) == 0 || r[0] <= 0 {
		m.Order = 0
		return m
	}
	db := -10 * math.Log10(r[0]/float64(len(pcm))/(32768*32768))
	m.Level = uint8(max(0, min(127, math.Round(db))))
	m.Reflection = levinson(r)
	return m
}

// levinson finds the reflection coefficients of an autocorrelation. A little
// white noise keeps it well conditioned.
func levinson(r [NoiseOrder + 1]float64) (k [NoiseOrder]float64) {
	var a, b [NoiseOrder + 1]float64
	a[0] = 1
	e := r[0] * 1.0001
	for i := 1; i <= NoiseOrder; i++ {
		sum := 0.0
		for j := range i {
			sum += a[j] * r[i-j]
		}
		k[i-1] = max(-0.99, min(0.99, -sum/e))
		b = a
		for j := 1; j <= i; j++ {
			a[j] = b[j] + k[i-1]*b[i-j]
		}
		e *= 1 - k[i-1]*k[i-1]
	}
	return k
}

// Append writes the payload (RFC 3389 section 3).
func (m NoiseModel) Append(dst []byte) []byte {
	dst = append(dst, min(m.Level, 127))
	for _, k := range m.Reflection[:m.Order] {
		dst = append(dst, byte(max(0, min(254, math.Round(k*127)+127))))
	}
	return dst
}

// ParseNoise reads a CN payload. Errors wrap ErrPayload.
func ParseNoise(payload []byte) (NoiseModel, error) {
	if len(payload) == 0 || payload[0]&0x80 != 0 {
		return NoiseModel{}, fmt.Errorf("%w: CN of %d octets", ErrPayload, len(payload))
	}
	m := NoiseModel{Level: payload[0], Order: min(len(payload)-1, NoiseOrder)}
	for i, b := range payload[1 : 1+m.Order] {
		m.Reflection[i] = max(-0.99, min(0.99, (float64(b)-127)/127))
	}
	return m, nil
}

// NoiseSource makes comfort noise. The zero value makes silence until Set.
type NoiseSource struct {
	model NoiseModel
	gain  float64
	state [NoiseOrder + 1]float64
	seed  uint32
}

// Set changes what noise is made; its pace goes on.
func (s *NoiseSource) Set(m NoiseModel) {
	s.model = m
	if m.Level >= 127 {
		s.gain = 0
		return
	}
	// White noise of the residual's power becomes noise of the level's power
	// behind the synthesis filter. A uniform source of peak p has power p²/3.
	g := 32768 * math.Pow(10, -float64(m.Level)/20) * math.Sqrt(3)
	for _, k := range m.Reflection[:m.Order] {
		g *= math.Sqrt(1 - k*k)
	}
	s.gain = g
}

// Append appends n samples of noise.
func (s *NoiseSource) Append(dst []int16, n int) []int16 {
	for range n {
		s.seed = s.seed*1664525 + 1013904223
		f := s.gain * float64(int32(s.seed)) / (1 << 31)
		// All-pole lattice: stable for any |k| < 1.
		for i := s.model.Order - 1; i >= 0; i-- {
			k := s.model.Reflection[i]
			f -= k * s.state[i]
			s.state[i+1] = s.state[i] + k*f
		}
		s.state[0] = f
		dst = append(dst, clip(float32(f)))
	}
	return dst
}

type noiseEncoder struct{}

// Encode describes the samples.
func (noiseEncoder) Encode(dst []byte, pcm []int16) ([]byte, error) {
	return AnalyzeNoise(pcm, NoiseOrder).Append(dst), nil
}

type noiseDecoder struct {
	source NoiseSource
	n      int
}

// Decode makes one packet of noise.
func (d *noiseDecoder) Decode(dst []int16, payload []byte) ([]int16, error) {
	m, err := ParseNoise(payload)
	if err != nil {
		return dst, err
	}
	d.source.Set(m)
	return d.source.Append(dst, d.n), nil
}

// Conceal implements Concealer: noise goes on until something else is said.
func (d *noiseDecoder) Conceal(dst []int16, n int) []int16 { return d.source.Append(dst, n) }
