package codec_test

import (
	"errors"
	"math"
	"testing"

	"github.com/class5-go/class5/media/codec"
)

func power(pcm []int16) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return 10*math.Log10(sum/float64(len(pcm))+1e-9) - 20*math.Log10(32768)
}

// TestNoiseKeepsLevelAndSpectrum: noise described and made again has the
// loudness and the tilt of the original.
func TestNoiseKeepsLevelAndSpectrum(t *testing.T) {
	for _, level := range []uint8{30, 45, 60} {
		var source codec.NoiseSource
		source.Set(codec.NoiseModel{Level: level, Order: 2, Reflection: [codec.NoiseOrder]float64{-0.8, 0.3}})
		original := source.Append(nil, 8000)
		if db := power(original); math.Abs(db+float64(level)) > 1 {
			t.Errorf("level %d: made at %.1f dB", level, db)
		}
		m, err := codec.ParseNoise(codec.AnalyzeNoise(original, codec.NoiseOrder).Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		source.Set(m)
		again := source.Append(nil, 8000)
		if d := power(again) - power(original); math.Abs(d) > 1.5 {
			t.Errorf("level %d: %.1f dB off", level, d)
		}
		if d := tilt(again) - tilt(original); math.Abs(d) > 0.1 {
			t.Errorf("level %d: correlation %.2f off", level, d)
		}
	}
}

// tilt is the correlation of neighbouring samples.
func tilt(pcm []int16) float64 {
	a, b := 0.0, 0.0
	for i := 1; i < len(pcm); i++ {
		a += float64(pcm[i]) * float64(pcm[i-1])
		b += float64(pcm[i]) * float64(pcm[i])
	}
	return a / b
}

func TestNoiseForms(t *testing.T) {
	for _, b := range [][]byte{nil, {0x80}} {
		if _, err := codec.ParseNoise(b); !errors.Is(err, codec.ErrPayload) {
			t.Errorf("%x: %v", b, err)
		}
	}
	m, err := codec.ParseNoise(append([]byte{50}, make([]byte, 40)...))
	if err != nil || m.Order != codec.NoiseOrder || m.Level != 50 {
		t.Errorf("%+v %v", m, err)
	}
	if m := codec.AnalyzeNoise(make([]int16, 160), 10); m.Level != 127 || m.Order != 0 {
		t.Errorf("%+v", m)
	}
	dec := decoder(t, codec.CN(16000), codec.Params{})
	if pcm, err := dec.Decode(nil, []byte{40}); err != nil || len(pcm) != 320 || math.Abs(power(pcm)+40) > 3 {
		t.Errorf("%d samples at %.1f, %v", len(pcm), power(pcm), err)
	}
}

// FuzzNoise: any description gives bounded noise, and is written as it was.
func FuzzNoise(f *testing.F) {
	f.Add([]byte{40, 0, 254, 127})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := codec.ParseNoise(b)
		if err != nil {
			return
		}
		again, err := codec.ParseNoise(m.Append(nil))
		if err != nil || again.Level != m.Level || again.Order != m.Order {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
		var s codec.NoiseSource
		s.Set(m)
		if n := len(s.Append(nil, 100)); n != 100 {
			t.Fatal(n)
		}
	})
}

func TestConcealmentAllocs(t *testing.T) {
	buf := make([]int16, 0, 1000)
	c := codec.NewConcealment(8000, 2)
	frame := tone(300, 8000, 320)
	if n := testing.AllocsPerRun(100, func() { c.Received(frame); buf = c.Conceal(buf[:0], 160) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestConcealment: a lost packet of a tone is hardly heard, a long gap fades,
// and nothing jumps.
func TestConcealment(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		n := rate / 50
		pcm := tone(210, rate, rate)
		c := codec.NewConcealment(rate, 1)
		var got []int16
		for i := 0; i+n <= len(pcm); i += n {
			if i/n%8 == 5 {
				got = c.Conceal(got, n)
				continue
			}
			frame := append([]int16(nil), pcm[i:i+n]...)
			c.Received(frame)
			got = append(got, frame...)
		}
		noise := 0.0
		for i := range got {
			noise += math.Pow(float64(got[i])-float64(pcm[i]), 2)
		}
		if db := 10 * math.Log10(1e8/2*float64(len(got))/noise); db < 20 {
			t.Errorf("%d: %.1f dB", rate, db)
		}
		steepest := 0.0
		for i := 1; i < len(got); i++ {
			steepest = max(steepest, math.Abs(float64(got[i])-float64(got[i-1])))
		}
		if most := 10000 * 2 * math.Pi * 210 / float64(rate); steepest > 1.6*most {
			t.Errorf("%d: step of %.0f, the tone's are %.0f", rate, steepest, most)
		}
		gap := c.Conceal(nil, 5*n)
		if db := power(gap[4*n:]); db > -90 {
			t.Errorf("%d: %.1f dB after 80 ms", rate, db)
		}
	}
}
