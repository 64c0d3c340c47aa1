package dtmf_test

import (
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/dtmf"
)

const all = "0123456789*#ABCD"

func event(t testing.TB, c byte) dtmf.Event {
	t.Helper()
	e, ok := dtmf.ParseDigit(c)
	if !ok {
		t.Fatalf("%c", c)
	}
	return e
}

// heard writes down digits that have ended.
func heard(list []dtmf.Digit) string {
	var b strings.Builder
	for _, d := range list {
		if c, ok := d.Event.Digit(); ok && d.Ended {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func TestDigitsDoNotPrint(t *testing.T) {
	var b strings.Builder
	log := slog.New(slog.NewJSONHandler(&b, nil))
	e := event(t, '7')
	d := dtmf.Digit{Event: e}
	log.Info("x", "event", e)
	fmt.Fprintf(&b, "%v %d %s %#v %x %v %+v", e, e, e, e, e, d, d)
	if s := b.String(); strings.Contains(strings.ReplaceAll(s, "time", ""), `"event":7`) || strings.Contains(s, " 7") || strings.Contains(s, "{7") {
		t.Error(s)
	}
}

func TestEveryEventBothWays(t *testing.T) {
	for _, clock := range []int{8000, 16000, 48000} {
		r := dtmf.NewReceiver(clock)
		var digits []dtmf.Digit
		ts := uint32(1<<32 - 20000)
		for _, c := range []byte(all + "1") {
			var s dtmf.Sender
			s.Begin(event(t, c), 10, ts)
			step := uint32(clock / 50)
			packets := []dtmf.Packet{s.Grow(step), s.Grow(step), s.Grow(step), s.End(step)}
			for p, ok := s.Repeat(); ok; p, ok = s.Repeat() {
				packets = append(packets, p)
			}
			ends := 0
			for i, p := range packets {
				if p.Marker != (i == 0) || p.Timestamp != ts {
					t.Fatalf("packet %d: marker %v, timestamp %d", i, p.Marker, p.Timestamp)
				}
				if p.End {
					ends++
				}
				got, err := dtmf.ParsePayload(p.Append(nil))
				if err != nil || got != p.Payload {
					t.Fatal(err)
				}
				digits = r.Packet(digits, p.Timestamp, got)
			}
			if ends != dtmf.EndPackets {
				t.Errorf("%d end packets", ends)
			}
			ts += 10 * step
		}
		if got := heard(digits); got != all+"1" || len(digits) != 2*len(got) {
			t.Errorf("%d Hz: %q, %d reports", clock, got, len(digits))
		}
		for _, d := range digits {
			if d.Ended && d.Duration != 80*time.Millisecond {
				t.Errorf("%v", d.Duration)
			}
		}
	}
}

// TestEventsUnderLoss: any one of the packets of an event is enough.
func TestEventsUnderLoss(t *testing.T) {
	for only := range 6 {
		r := dtmf.NewReceiver(8000)
		var digits []dtmf.Digit
		for i, c := range []byte("12234") {
			var s dtmf.Sender
			s.Begin(event(t, c), 0, uint32(i)*1000)
			packets := []dtmf.Packet{s.Grow(160), s.Grow(160), s.Grow(160), s.End(160)}
			for p, ok := s.Repeat(); ok; p, ok = s.Repeat() {
				packets = append(packets, p)
			}
			digits = r.Packet(digits, packets[only].Timestamp, packets[only].Payload)
		}
		if got := heard(r.Lost(digits)); got != "12234" {
			t.Errorf("packet %d alone: %q", only, got)
		}
	}
}

func TestLongEvent(t *testing.T) {
	var s dtmf.Sender
	r := dtmf.NewReceiver(8000)
	var digits []dtmf.Digit
	s.Begin(event(t, '#'), 0, 1000)
	markers := 0
	for range 600 { // 12 s
		p := s.Grow(160)
		digits = r.Packet(digits, p.Timestamp, p.Payload)
		if p.Marker {
			markers++
		}
	}
	p := s.End(160)
	digits = r.Packet(digits, p.Timestamp, p.Payload)
	if len(digits) != 2 || markers != 1 || digits[1].Duration != 601*20*time.Millisecond {
		t.Errorf("%d reports, %d markers, %v", len(digits), markers, digits)
	}
}

func TestScale(t *testing.T) {
	p := dtmf.Payload{Duration: 800}
	if got := p.Scale(8000, 48000).Duration; got != 4800 {
		t.Error(got)
	}
	if got := (dtmf.Payload{Duration: 4800}).Scale(48000, 8000).Duration; got != 800 {
		t.Error(got)
	}
	if got := (dtmf.Payload{Duration: 60000}).Scale(8000, 48000).Duration; got != 0xffff {
		t.Error(got)
	}
}

func FuzzPayload(f *testing.F) {
	f.Add([]byte{5, 0x8a, 3, 0x20})
	f.Add([]byte{5, 0x0a, 3, 0x20, 6, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := dtmf.ParsePayload(b)
		if err != nil {
			return
		}
		again, err := dtmf.ParsePayload(p.Append(nil))
		if err != nil || again != p {
			t.Fatalf("%x", b)
		}
		r := dtmf.NewReceiver(8000)
		d := r.Packet(nil, 0, p)
		d = r.Packet(d, 160, p)
		if n := len(r.Lost(d)); n > 4 {
			t.Fatal(n)
		}
	})
}

// dial makes tones: each digit is on and off for the times given, off in
// frequency by a share, with twist in dB (positive: the column is stronger).
type dial struct {
	rate    int
	on, off time.Duration
	detune  float64
	twist   float64
	volume  float64 // -dBm0 of the row
	noisy   bool
	noise   float64 // dB below each tone
}

func (d dial) audio(digits string) []int16 {
	rows, columns := []float64{697, 770, 852, 941}, []float64{1209, 1336, 1477, 1633}
	samples := func(t time.Duration) int { return int(int64(t) * int64(d.rate) / int64(time.Second)) }
	pcm := append([]int16(nil), make([]int16, samples(50*time.Millisecond))...)
	seed := uint32(1)
	level := 32767 * math.Pow(10, (-d.volume-3.14)/20)
	for _, c := range digits {
		i := strings.IndexRune("123A456B789C*0#D", c)
		low, high := rows[i/4]*(1+d.detune), columns[i%4]*(1+d.detune)
		for k := range samples(d.on) + samples(d.off) {
			v := 0.0
			if k < samples(d.on) {
				s := 2 * math.Pi * float64(k) / float64(d.rate)
				v = level*math.Sin(low*s) + level*math.Pow(10, d.twist/20)*math.Sin(high*s)
			}
			if d.noisy {
				seed = seed*1664525 + 1013904223
				v += level * math.Pow(10, -d.noise/20) * math.Sqrt(3) * float64(int32(seed)) / (1 << 31)
			}
			pcm = append(pcm, int16(max(-32768, min(32767, v))))
		}
	}
	return append(pcm, make([]int16, d.rate/10)...)
}

func detect(t testing.TB, rate int, pcm []int16) []dtmf.Digit {
	t.Helper()
	d, err := dtmf.NewDetector(rate)
	if err != nil {
		t.Fatal(err)
	}
	var digits []dtmf.Digit
	for n := rate / 50; len(pcm) > 0; pcm = pcm[min(n, len(pcm)):] {
		digits = d.Audio(digits, pcm[:min(n, len(pcm))])
	}
	return digits
}

// TestDetectorAccepts what ITU-T Q.24 says must be accepted.
func TestDetectorAccepts(t *testing.T) {
	ms := time.Millisecond
	usual := dial{rate: 8000, on: 70 * ms, off: 70 * ms, volume: 7}
	vary := func(f func(*dial)) dial { d := usual; f(&d); return d }
	for name, d := range map[string]dial{
		"usual":          usual,
		"16 kHz":         vary(func(d *dial) { d.rate = 16000 }),
		"48 kHz":         vary(func(d *dial) { d.rate = 48000 }),
		"short":          vary(func(d *dial) { d.on, d.off = 40*ms, 40*ms }),
		"long":           vary(func(d *dial) { d.on, d.off = 1000*ms, 200*ms }),
		"faint":          vary(func(d *dial) { d.volume = 28 }),
		"loud":           vary(func(d *dial) { d.volume = 3.5 }),
		"sharp":          vary(func(d *dial) { d.detune = 0.015 }),
		"flat":           vary(func(d *dial) { d.detune = -0.015 }),
		"columns louder": vary(func(d *dial) { d.twist, d.volume = 4, 10 }),
		"rows louder":    vary(func(d *dial) { d.twist, d.volume = -8, 10 }),
		"noise":          vary(func(d *dial) { d.noisy, d.noise = true, 15 }),
		"short, noise":   vary(func(d *dial) { d.on, d.off, d.noisy, d.noise = 40*ms, 40*ms, true, 18 }),
	} {
		for shift := range 8 { // against the blocks
			digits := all + all
			pcm := append(make([]int16, shift*13*d.rate/8000), d.audio(digits)...)
			if got := heard(detect(t, d.rate, pcm)); got != digits {
				t.Errorf("%s, shifted by %d: %q", name, shift, got)
			}
		}
	}
	for _, law := range []codec.Codec{codec.PCMA(), codec.PCMU(), codec.G722()} {
		d := usual
		d.rate = law.SampleRate
		enc, _ := law.Encoder(codec.Params{})
		dec, _ := law.Decoder(codec.Params{})
		b, _ := enc.Encode(nil, d.audio(all))
		pcm, _ := dec.Decode(nil, b)
		if got := heard(detect(t, d.rate, pcm)); got != all {
			t.Errorf("%v: %q", law, got)
		}
	}
}

// TestDetectorRefuses what must not be taken for a digit.
func TestDetectorRefuses(t *testing.T) {
	ms := time.Millisecond
	usual := dial{rate: 8000, on: 70 * ms, off: 70 * ms, volume: 7}
	vary := func(f func(*dial)) dial { d := usual; f(&d); return d }
	for name, d := range map[string]dial{
		"short":          vary(func(d *dial) { d.on = 20 * ms }),
		"faint":          vary(func(d *dial) { d.volume = 40 }),
		"sharp":          vary(func(d *dial) { d.detune = 0.035 }),
		"flat":           vary(func(d *dial) { d.detune = -0.035 }),
		"columns louder": vary(func(d *dial) { d.twist, d.volume = 12, 16 }),
		"rows louder":    vary(func(d *dial) { d.twist = -16 }),
		"noise":          vary(func(d *dial) { d.noisy, d.noise, d.volume = true, -3, 16 }),
	} {
		if got := detect(t, d.rate, d.audio(all)); len(got) > 0 {
			t.Errorf("%s: %q", name, heard(got))
		}
	}
	single := make([]int16, 8000)
	for i := range single {
		single[i] = int16(10000 * math.Sin(2*math.Pi*770*float64(i)/8000))
	}
	if got := detect(t, 8000, single); len(got) > 0 {
		t.Errorf("single tone: %q", heard(got))
	}
	if got := detect(t, 8000, voices(8000, 120*time.Second)); len(got) > 0 {
		t.Errorf("voices: %q", heard(got))
	}
}

func bell(x float64) float64 { return x * x }

// voices is a made-up speech: gliding pitch, moving formants, syllables.
func voices(rate int, length time.Duration) []int16 {
	out := make([]int16, int(length.Seconds()*float64(rate)))
	phase := 0.0
	for i := range out {
		s := float64(i) / float64(rate)
		f := 150 + 60*math.Sin(2*math.Pi*0.7*s) + 40*math.Sin(2*math.Pi*0.13*s)
		f1, f2 := 500+250*math.Sin(2*math.Pi*1.9*s), 1400+500*math.Sin(2*math.Pi*1.3*s)
		phase += 2 * math.Pi * f / float64(rate)
		v := 0.0
		for h := 1.0; h*f < 3400; h++ {
			v += math.Sin(h*phase) * (1/(1+bell((h*f-f1)/90)) + 0.6/(1+bell((h*f-f2)/110)))
		}
		out[i] = int16(9000 * v / 2 * math.Max(0, math.Sin(2*math.Pi*2.2*s)))
	}
	return out
}

func TestDetectorReports(t *testing.T) {
	d := dial{rate: 8000, on: 100 * time.Millisecond, off: 100 * time.Millisecond, volume: 10}
	got := detect(t, 8000, d.audio("5"))
	if len(got) != 2 || got[0].Ended || !got[1].Ended || got[1].Volume < 5 || got[1].Volume > 10 {
		t.Fatalf("%+v", got)
	}
	if l := got[1].Duration; l < 75*time.Millisecond || l > 115*time.Millisecond {
		t.Error(l)
	}
}

// TestGeneratorToDetector: every digit, at every rate.
func TestGeneratorToDetector(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		g := dtmf.NewGenerator(rate)
		var pcm []int16
		for _, c := range []byte(all) {
			g.Start(event(t, c), 10)
			pcm = g.Append(pcm, rate/20)
			pcm = append(pcm, make([]int16, rate/20)...)
		}
		if got := heard(detect(t, rate, pcm)); got != all {
			t.Errorf("%d: %q", rate, got)
		}
	}
}
