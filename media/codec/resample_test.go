package codec_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/class5-go/class5/media/codec"
)

func tone(freq float64, rate, n int) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(10000 * math.Sin(2*math.Pi*freq*float64(i)/float64(rate)))
	}
	return out
}

// level is the amplitude of a tone in a recording, without its edges.
func level(pcm []int16, freq float64, rate int) float64 {
	edge := len(pcm) / 10
	pcm = pcm[edge : len(pcm)-edge]
	var re, im float64
	for i, s := range pcm {
		a := 2 * math.Pi * freq * float64(i+edge) / float64(rate)
		re += float64(s) * math.Cos(a)
		im += float64(s) * math.Sin(a)
	}
	return 2 * math.Hypot(re, im) / float64(len(pcm))
}

func TestResampleTones(t *testing.T) {
	for _, from := range []int{8000, 11025, 16000, 22050, 32000, 44100, 48000} {
		for _, freq := range []float64{300, 1000, 3200} {
			out, err := codec.Resample(tone(freq, from, from), from, 8000)
			if err != nil || len(out) != 8000 {
				t.Fatalf("%d: %d samples, %v", from, len(out), err)
			}
			if db := 20 * math.Log10(level(out, freq, 8000)/10000); math.Abs(db) > 0.1 {
				t.Errorf("%d Hz at %d: %.2f dB", int(freq), from, db)
			}
		}
		if from < 16000 {
			continue
		}
		for _, freq := range []float64{4050, 5000, 7000} { // would be heard as 8000 - freq
			out, _ := codec.Resample(tone(freq, from, from), from, 8000)
			if db := 20 * math.Log10((level(out, 8000-freq, 8000)+1e-9)/10000); db > -60 {
				t.Errorf("%d Hz at %d: alias at %.1f dB", int(freq), from, db)
			}
		}
	}
	up, err := codec.Resample(tone(1000, 8000, 8000), 8000, 48000)
	if err != nil || len(up) != 48000 || math.Abs(level(up, 1000, 48000)-10000) > 120 {
		t.Errorf("up: %d samples, level %.0f, %v", len(up), level(up, 1000, 48000), err)
	}
}

// TestResamplerIsAStream: the result does not depend on how the input was cut.
func TestResamplerIsAStream(t *testing.T) {
	in := tone(440, 44100, 44100)
	want, err := codec.Resample(in, 44100, 8000)
	if err != nil {
		t.Fatal(err)
	}
	r, err := codec.NewResampler(44100, 8000)
	if err != nil {
		t.Fatal(err)
	}
	var got []int16
	for rest := in; len(rest) > 0; {
		n := min(1+len(rest)%977, len(rest))
		got = r.Append(got, rest[:n])
		rest = rest[n:]
	}
	if got = r.Flush(got); !slices.Equal(got[:len(want)], want) {
		t.Error("cutting the input changed the output")
	}
}

func TestResamplerRefuses(t *testing.T) {
	for _, r := range [][2]int{{0, 8000}, {8000, -1}, {400000, 8000}, {383999, 383998}} {
		if _, err := codec.Resample(nil, r[0], r[1]); err == nil {
			t.Errorf("%v accepted", r)
		}
	}
}

func BenchmarkResample(b *testing.B) {
	for _, c := range [][2]int{{48000, 8000}, {16000, 8000}, {8000, 16000}} {
		b.Run(fmt.Sprintf("%d-%d", c[0], c[1]), func(b *testing.B) {
			r, err := codec.NewResampler(c[0], c[1])
			if err != nil {
				b.Fatal(err)
			}
			in, out := tone(440, c[0], c[0]/50), make([]int16, 0, 1000)
			b.ReportAllocs()
			for b.Loop() {
				out = r.Append(out[:0], in)
			}
		})
	}
}

func TestConverterChannels(t *testing.T) {
	for _, c := range []struct {
		from, fromCh, to, toCh int
		in                     []int16
		want                   int // samples of 100 frames in
	}{
		{8000, 1, 8000, 1, make([]int16, 100), 100},
		{8000, 1, 8000, 2, make([]int16, 100), 200},
		{8000, 2, 8000, 1, make([]int16, 200), 100},
		{16000, 2, 8000, 2, make([]int16, 1600), 800},
		{16000, 1, 8000, 2, make([]int16, 1600), 1600},
		{8000, 2, 16000, 1, make([]int16, 1600), 1600},
	} {
		conv, err := codec.NewConverter(c.from, c.fromCh, c.to, c.toCh)
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.in {
			c.in[i] = 1000
		}
		out := conv.Append(nil, c.in)
		if n := len(out); n > c.want || n < c.want-100 && c.from != c.to {
			t.Errorf("%+v: %d samples", c, n)
		}
		if v := out[len(out)/2]; v < 990 || v > 1010 {
			t.Errorf("%d/%d to %d/%d: %d", c.from, c.fromCh, c.to, c.toCh, v)
		}
	}
	if _, err := codec.NewConverter(8000, 3, 8000, 1); err == nil {
		t.Error("three channels accepted")
	}
}
