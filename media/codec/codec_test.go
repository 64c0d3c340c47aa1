package codec_test

import (
	"math"
	"slices"
	"testing"

	"github.com/class5-go/class5/media/codec"
)

// expand decodes G.711 by the text of the recommendation, bit by bit.
func expandA(b byte) int16 {
	b ^= 0x55
	seg, v := (b>>4)&7, int(b&0x0f)<<4+8
	if seg > 0 {
		v = (v + 256) << (seg - 1)
	}
	if b&0x80 == 0 {
		v = -v
	}
	return int16(v)
}

func expandU(b byte) int16 {
	b = ^b
	v := (int(b&0x0f)<<3+132)<<((b>>4)&7) - 132
	if b&0x80 != 0 {
		v = -v
	}
	return int16(v)
}

func TestG711AllCodes(t *testing.T) {
	for _, c := range []struct {
		codec   codec.Codec
		expand  func(byte) int16
		silence byte
	}{{codec.PCMA(), expandA, codec.SilenceA}, {codec.PCMU(), expandU, codec.SilenceU}} {
		enc, dec := c.codec.NewEncoder(), c.codec.NewDecoder()
		for i := range 256 {
			pcm, err := dec.Decode(nil, []byte{byte(i)})
			if err != nil || len(pcm) != 1 || pcm[0] != c.expand(byte(i)) {
				t.Fatalf("%s code %d: %v %v, want %d", c.codec.Name, i, pcm, err, c.expand(byte(i)))
			}
			back, _ := enc.Encode(nil, pcm)
			if again, _ := dec.Decode(nil, back); again[0] != pcm[0] { // µ-law has two zeros
				t.Errorf("%s code %d: encoded as %d", c.codec.Name, i, back[0])
			}
		}
		// Every sample becomes a code that is not further away than the step size.
		for s := -32768; s <= 32767; s += 7 {
			b, _ := enc.Encode(nil, []int16{int16(s)})
			pcm, _ := dec.Decode(nil, b)
			if d := math.Abs(float64(s) - float64(pcm[0])); d > 16+math.Abs(float64(s))/16 {
				t.Fatalf("%s: %d became %d", c.codec.Name, s, pcm[0])
			}
		}
		if pcm, _ := dec.Decode(nil, []byte{c.silence}); math.Abs(float64(pcm[0])) > 8 {
			t.Errorf("%s: silence is %d", c.codec.Name, pcm[0])
		}
	}
}

func TestAppendsInPlace(t *testing.T) {
	pcm := make([]int16, 160)
	out := make([]byte, 12, 172)
	got, _ := codec.ALaw{}.Encode(out, pcm)
	if len(got) != 172 || &got[0] != &out[0] {
		t.Error("did not use the room given")
	}
}

func TestRegistry(t *testing.T) {
	r := codec.Default()
	if !slices.Equal(r.Names(), []string{"PCMA", "PCMU"}) {
		t.Error(r.Names())
	}
	if c, ok := r.Lookup("pcmu", 8000); !ok || c.PayloadType != 0 {
		t.Errorf("%+v", c)
	}
	if _, ok := r.Lookup("PCMA", 16000); ok {
		t.Error("wrong clock rate found")
	}
}

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

func BenchmarkALaw(b *testing.B) {
	pcm, out := tone(440, 8000, 160), make([]byte, 0, 160)
	b.ReportAllocs()
	for b.Loop() {
		out, _ = codec.ALaw{}.Encode(out[:0], pcm)
		pcm, _ = codec.ALaw{}.Decode(pcm[:0], out)
	}
}

func BenchmarkResample48to8(b *testing.B) {
	r, err := codec.NewResampler(48000, 8000)
	if err != nil {
		b.Fatal(err)
	}
	in, out := tone(440, 48000, 960), make([]int16, 0, 200)
	b.ReportAllocs()
	for b.Loop() {
		out = r.Append(out[:0], in)
	}
}
