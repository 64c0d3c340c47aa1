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
		enc, dec := encoder(t, c.codec, codec.Params{}), decoder(t, c.codec, codec.Params{})
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

// TestG711Direct: the short way between the laws ends where that through linear
// samples does, and A-law keeps bits 1 to 7 through µ-law but for one value of
// each sign (G.711, note 3 of tables 3 and 4, makes an exception of its own to
// keep these too).
func TestG711Direct(t *testing.T) {
	through := func(b byte, dec codec.Decoder, enc codec.Encoder) byte {
		pcm, _ := dec.Decode(nil, []byte{b})
		out, _ := enc.Encode(nil, pcm)
		return out[0]
	}
	var changed []int
	for i := range 256 {
		b := byte(i)
		u, a := codec.ALawToMuLaw(nil, []byte{b})[0], codec.MuLawToALaw(nil, []byte{b})[0]
		if want := through(b, codec.ALaw{}, codec.MuLaw{}); u != want {
			t.Errorf("A %#x became %#x, want %#x", b, u, want)
		}
		if want := through(b, codec.MuLaw{}, codec.ALaw{}); a != want {
			t.Errorf("µ %#x became %#x, want %#x", b, a, want)
		}
		if (codec.MuLawToALaw(nil, []byte{u})[0]^b)&0xfe != 0 {
			changed = append(changed, i)
		}
	}
	if !slices.Equal(changed, []int{0x0a, 0x8a}) {
		t.Errorf("changed by way of µ-law: %x", changed)
	}
}

// TestG711Decisions: samples at the edges of segments take the code above, as
// the decision values of G.711 tables 1 and 2 have it, not the nearest value.
func TestG711Decisions(t *testing.T) {
	for _, x := range []struct {
		sample   int16
		enc      codec.Encoder
		want     byte
		decision string
	}{
		{4095, codec.ALaw{}, 0x9a, "below 256"}, {4096, codec.ALaw{}, 0x85, "256"}, {4100, codec.ALaw{}, 0x85, "nearer to the value below it"},
		{-4096, codec.ALaw{}, 0x1a, "-256"}, {-4097, codec.ALaw{}, 0x05, "below -256"},
		{891, codec.MuLaw{}, 0xd0, "below 223"}, {892, codec.MuLaw{}, 0xcf, "223"}, {-892, codec.MuLaw{}, 0x50, "-223"}, {-893, codec.MuLaw{}, 0x4f, "below -223"},
	} {
		if b, _ := x.enc.Encode(nil, []int16{x.sample}); b[0] != x.want {
			t.Errorf("%T %d (%s): %#x, want %#x", x.enc, x.sample, x.decision, b[0], x.want)
		}
	}
}

func encoder(t testing.TB, c codec.Codec, p codec.Params) codec.Encoder {
	t.Helper()
	e, err := c.Encoder(p)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func decoder(t testing.TB, c codec.Codec, p codec.Params) codec.Decoder {
	t.Helper()
	d, err := c.Decoder(p)
	if err != nil {
		t.Fatal(err)
	}
	return d
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
	want := []string{"PCMA", "PCMU", "G722", "opus", "L16", "CN", "telephone-event", "G729", "G723", "GSM", "iLBC", "AMR", "AMR-WB"}
	if !slices.Equal(r.Names(), want) {
		t.Error(r.Names())
	}
	if c, ok := r.Lookup("pcmu", 8000); !ok || c.PayloadType != 0 {
		t.Errorf("%+v", c)
	}
	if c, ok := r.Lookup("PCMA", 16000); !ok || c.PayloadType != codec.Dynamic || c.SampleRate != 16000 {
		t.Errorf("%+v", c)
	}
	if _, ok := r.Lookup("PCMA", 12000); ok {
		t.Error("wrong clock rate found")
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
