package codec_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/class5-go/class5/media/codec"
)

// roundTrip encodes and decodes n packets and returns what came out.
func roundTrip(t *testing.T, c codec.Codec, p codec.Params, pcm []int16) []int16 {
	t.Helper()
	enc, dec := encoder(t, c, p), decoder(t, c, p)
	frame := len(pcm) / 50
	if p.Ptime > 0 {
		frame = int(p.Ptime) * len(pcm) / int(time.Second)
	}
	var out []int16
	var payload []byte
	for len(pcm) >= frame {
		var err error
		if payload, err = enc.Encode(payload[:0], pcm[:frame]); err != nil {
			t.Fatal(err)
		}
		if len(payload) > 0 {
			if out, err = dec.Decode(out, payload); err != nil {
				t.Fatal(err)
			}
		}
		pcm = pcm[frame:]
	}
	return out
}

// TestTonesSurvive: each codec gives back a tone at its level.
func TestTonesSurvive(t *testing.T) {
	opus := codec.Opus(codec.OpusComplexity)
	for _, c := range []struct {
		codec codec.Codec
		p     codec.Params
		db    float64
	}{
		{codec.PCMA(), codec.Params{}, 0.1},
		{codec.PCMU(), codec.Params{}, 0.2},
		{codec.G722(), codec.Params{}, 0.2},
		{codec.L16(8000, 1), codec.Params{}, 0.01},
		{codec.L16(48000, 1), codec.Params{}, 0.01},
		{opus, codec.Params{SampleRate: 8000, Channels: 1}, 1},
		{opus, codec.Params{SampleRate: 16000, Channels: 1}, 1},
		{opus, codec.Params{SampleRate: 48000, Channels: 1}, 1},
		{opus, codec.Params{SampleRate: 16000, Channels: 1, Ptime: 60 * time.Millisecond}, 1},
		{opus, codec.Params{SampleRate: 16000, Channels: 1, Ptime: 10 * time.Millisecond}, 1},
		{opus, codec.Params{SampleRate: 48000, Channels: 1, Ptime: 120 * time.Millisecond, Fmtp: "cbr=1; useinbandfec=1"}, 1},
	} {
		rate := c.p.SampleRate
		if rate == 0 {
			rate = c.codec.SampleRate
		}
		out := roundTrip(t, c.codec, c.p, tone(800, rate, rate))
		if db := 20 * math.Log10(level(out, 800, rate)/10000); math.Abs(db) > c.db {
			t.Errorf("%v %+v: %d samples, %.2f dB", c.codec, c.p, len(out), db)
		}
	}
}

func TestStereo(t *testing.T) {
	pcm := make([]int16, 2*48000)
	for i, v := range tone(500, 48000, 48000) {
		pcm[2*i] = v
	}
	for _, c := range []struct {
		codec codec.Codec
		fmtp  string
		right float64
	}{
		{codec.L16(48000, 2), "", 0},
		{codec.Opus(5), "stereo=1;maxaveragebitrate=96000", 500},
	} {
		out := roundTrip(t, c.codec, codec.Params{Fmtp: c.fmtp}, pcm)
		var left, right []int16
		for i := 0; i+1 < len(out); i += 2 {
			left, right = append(left, out[i]), append(right, out[i+1])
		}
		if l, r := level(left, 500, 48000), level(right, 500, 48000); l < 9000 || r > c.right {
			t.Errorf("%v: left %.0f, right %.0f", c.codec, l, r)
		}
	}
}

// TestOpusParameters: what the other side asks for shows in the packets.
func TestOpusParameters(t *testing.T) {
	opus := codec.Opus(3)
	size := func(fmtp string, pcm []int16) (octets int, sizes map[int]bool, first byte) {
		enc := encoder(t, opus, codec.Params{Fmtp: fmtp, SampleRate: 48000, Channels: 1})
		sizes = map[int]bool{}
		for i := 0; i+960 <= len(pcm); i += 960 {
			b, err := enc.Encode(nil, pcm[i:i+960])
			if err != nil {
				t.Fatal(err)
			}
			octets += len(b)
			if i > 10*960 && len(b) > 0 {
				sizes[len(b)], first = true, b[0]
			}
		}
		return octets, sizes, first
	}
	voice := speechLike(48000, 48000)
	usual, _, _ := size("", voice)
	if low, _, _ := size("maxaveragebitrate=10000", voice); low > usual/2 {
		t.Errorf("maxaveragebitrate: %d octets, %d without", low, usual)
	}
	if _, sizes, _ := size("cbr=1", voice); len(sizes) != 1 {
		t.Errorf("cbr: sizes %v", sizes)
	}
	if _, _, toc := size("maxplaybackrate=8000", voice); toc>>3 > 3 && toc>>3 != 16 && toc>>3 != 17 && toc>>3 != 18 && toc>>3 != 19 {
		t.Errorf("maxplaybackrate=8000: configuration %d is not narrowband", toc>>3)
	}
	silence := make([]int16, 2*48000)
	constant, _, _ := size("", silence)
	if dtx, _, _ := size("usedtx=1", silence); dtx > constant/2 {
		t.Errorf("usedtx: %d octets of silence, %d without", dtx, constant)
	}
}

// speechLike is a harmonic sound with changing pitch and pauses.
func speechLike(rate, n int) []int16 {
	out := make([]int16, n)
	phase := 0.0
	for i := range out {
		s := float64(i) / float64(rate)
		f := 120 + 30*math.Sin(2*math.Pi*2.5*s)
		phase += 2 * math.Pi * f / float64(rate)
		v := 0.0
		for h := 1.0; h <= 20; h++ {
			v += math.Sin(h*phase) / (1 + math.Abs(h*f-600)/200)
		}
		out[i] = int16(2500 * v * math.Max(0, math.Sin(2*math.Pi*3*s)))
	}
	return out
}

// TestOpusLoss: recovery by FEC is closer to the original than silence is.
func TestOpusLoss(t *testing.T) {
	p := codec.Params{Fmtp: "useinbandfec=1", SampleRate: 16000, Channels: 1}
	enc, clean, lossy := encoder(t, codec.Opus(8), p), decoder(t, codec.Opus(8), p), decoder(t, codec.Opus(8), p)
	pcm := speechLike(16000, 4*16000)
	var packets [][]byte
	for i := 0; i+320 <= len(pcm); i += 320 {
		b, err := enc.Encode(nil, pcm[i:i+320])
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, b)
	}
	var want, got []int16
	for i, b := range packets {
		want, _ = clean.Decode(want, b)
		if i%10 == 5 {
			got = lossy.(codec.Recoverer).Recover(got, packets[i+1], 320)
			continue
		}
		got, _ = lossy.Decode(got, b)
	}
	if len(got) != len(want) {
		t.Fatalf("%d samples instead of %d", len(got), len(want))
	}
	signal, noise := 0.0, 0.0
	for i := range want {
		signal += float64(want[i]) * float64(want[i])
		noise += math.Pow(float64(want[i])-float64(got[i]), 2)
	}
	if db := 10 * math.Log10(signal/noise); db < 15 {
		t.Errorf("%.1f dB", db)
	}
	if out := lossy.(codec.Concealer).Conceal(nil, 1000); len(out) != 1000 {
		t.Errorf("%d samples concealed", len(out))
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		codec codec.Codec
		p     codec.Params
		want  error
	}{
		{codec.PCMA(), codec.Params{SampleRate: 16000}, codec.ErrParams},
		{codec.PCMA(), codec.Params{Channels: 2}, codec.ErrParams},
		{codec.PCMA(), codec.Params{Ptime: time.Second}, codec.ErrParams},
		{codec.Opus(5), codec.Params{SampleRate: 44100}, codec.ErrParams},
		{codec.Opus(5), codec.Params{Ptime: 30 * time.Millisecond}, codec.ErrParams},
		{codec.L16(8000, 2), codec.Params{Channels: 1}, codec.ErrParams},
		{codec.TelephoneEvent(8000), codec.Params{}, codec.ErrPassThrough},
	} {
		if _, err := c.codec.Encoder(c.p); !errors.Is(err, c.want) {
			t.Errorf("%v %+v: %v", c.codec, c.p, err)
		}
		if _, err := c.codec.Decoder(c.p); !errors.Is(err, c.want) && c.p.Ptime == 0 {
			t.Errorf("%v %+v: %v", c.codec, c.p, err)
		}
	}
	if _, err := encoder(t, codec.G722(), codec.Params{}).Encode(nil, make([]int16, 3)); !errors.Is(err, codec.ErrFrame) {
		t.Error(err)
	}
	if _, err := encoder(t, codec.Opus(5), codec.Params{}).Encode(nil, make([]int16, 3)); !errors.Is(err, codec.ErrFrame) {
		t.Error(err)
	}
	for _, b := range [][]byte{nil, {3}, {0xff, 0x3f}, make([]byte, 2000)} {
		if _, err := decoder(t, codec.Opus(5), codec.Params{}).Decode(nil, b); !errors.Is(err, codec.ErrPayload) {
			t.Errorf("%d octets: %v", len(b), err)
		}
	}
	if _, err := decoder(t, codec.L16(8000, 2), codec.Params{}).Decode(nil, make([]byte, 6)); !errors.Is(err, codec.ErrPayload) {
		t.Error(err)
	}
}

func TestMatch(t *testing.T) {
	f := func(s string, fmtp string) codec.Format {
		c, ok := codec.Default().Named(s)
		if !ok {
			c = codec.Codec{Format: codec.Format{Name: s, ClockRate: 90000}}
		}
		c.Fmtp = fmtp
		return c.Format
	}
	for _, c := range []struct {
		a, b codec.Format
		want bool
	}{
		{f("PCMA", ""), codec.Format{Name: "pcma", ClockRate: 8000}, true},
		{f("PCMA", ""), f("PCMU", ""), false},
		{f("L16/8000", ""), f("L16/8000/2", ""), false},
		{f("opus", "useinbandfec=1"), f("opus", "stereo=1"), true},
		{f("telephone-event/8000", "0-15"), f("telephone-event/8000", "0-16"), true},
		{f("telephone-event/8000", ""), f("telephone-event/48000", ""), false},
		{f("AMR", "octet-align=1"), f("AMR", ""), false},
		{f("AMR", "octet-align=0; mode-change-period=2"), f("AMR", ""), true},
		{f("iLBC", "mode=20"), f("iLBC", ""), false},
		{f("H264", "profile-level-id=42E01F;packetization-mode=1"), f("H264", "packetization-mode=1; profile-level-id=42e01f"), true},
	} {
		if got := c.a.Match(c.b); got != c.want || c.b.Match(c.a) != got {
			t.Errorf("%v %q, %v %q: %v", c.a, c.a.Fmtp, c.b, c.b.Fmtp, got)
		}
	}
}

func TestRegistryFinds(t *testing.T) {
	r := codec.Default()
	if c, ok := r.Static(9); !ok || c.Name != "G722" {
		t.Errorf("%v", c)
	}
	if _, ok := r.Static(codec.Dynamic); ok {
		t.Error("dynamic found")
	}
	if c, ok := r.Find(codec.Format{Name: "OPUS", ClockRate: 48000, Channels: 2, Fmtp: "stereo=1"}); !ok || c.Fmtp != "stereo=1" {
		t.Errorf("%+v", c)
	}
	if c, ok := r.Named("g729"); !ok || c.CanTranscode() {
		t.Errorf("%v", c)
	}
	if d := codec.Opus(5).FitPtime(30 * time.Millisecond); d != 20*time.Millisecond {
		t.Error(d)
	}
	if d := codec.PCMA().FitPtime(30 * time.Millisecond); d != 30*time.Millisecond {
		t.Error(d)
	}
}

func TestAllocs(t *testing.T) {
	opus := codec.Opus(1)
	for _, c := range []struct {
		codec codec.Codec
		p     codec.Params
	}{
		{codec.PCMA(), codec.Params{}}, {codec.PCMU(), codec.Params{}}, {codec.G722(), codec.Params{}}, {codec.L16(48000, 1), codec.Params{}},
		{opus, codec.Params{SampleRate: 16000, Channels: 1}}, {opus, codec.Params{SampleRate: 48000, Channels: 1}},
	} {
		rate := max(c.p.SampleRate, c.codec.SampleRate*(1-min(c.p.SampleRate, 1)))
		enc, dec := encoder(t, c.codec, c.p), decoder(t, c.codec, c.p)
		pcm, i := speechLike(rate, rate), 0
		payload, out := make([]byte, 0, 2000), make([]int16, 0, 6000)
		step := func() {
			frame := pcm[i*rate/50 : (i+1)*rate/50]
			i = (i + 1) % 50
			payload, _ = enc.Encode(payload[:0], frame)
			out, _ = dec.Decode(out[:0], payload)
		}
		for range 100 {
			step()
		}
		if n := testing.AllocsPerRun(200, step); n > 0 {
			t.Errorf("%v: %v allocations", c.codec, n)
		}
	}
}

func BenchmarkCodecs(b *testing.B) {
	opus := codec.Opus(codec.OpusComplexity)
	for _, c := range []struct {
		codec codec.Codec
		p     codec.Params
	}{
		{codec.G722(), codec.Params{SampleRate: 16000}},
		{opus, codec.Params{SampleRate: 8000, Channels: 1}}, {opus, codec.Params{SampleRate: 16000, Channels: 1}},
		{opus, codec.Params{SampleRate: 48000, Channels: 1}},
	} {
		rate := c.p.SampleRate
		enc, dec := encoder(b, c.codec, c.p), decoder(b, c.codec, c.p)
		pcm, i := speechLike(rate, rate), 0
		payload, out := make([]byte, 0, 2000), make([]int16, 0, 6000)
		b.Run(fmt.Sprintf("%s-%d-encode", c.codec.Name, rate), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				payload, _ = enc.Encode(payload[:0], pcm[i*rate/50:(i+1)*rate/50])
				i = (i + 1) % 50
			}
		})
		b.Run(fmt.Sprintf("%s-%d-decode", c.codec.Name, rate), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				out, _ = dec.Decode(out[:0], payload)
			}
		})
	}
}
