package record

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/class5-go/class5/media/rtpwire"
	"pgregory.net/rapid"
)

type linear struct{}

func (linear) Decode(dst []int16, b []byte) ([]int16, error) {
	for ; len(b) > 1; b = b[2:] {
		dst = append(dst, int16(binary.BigEndian.Uint16(b)))
	}
	return dst, nil
}

// studio collects what a mixer of one track makes of packets.
type studio struct {
	t   *track
	m   mixer
	out []int16
}

func newStudio(t testing.TB, clock, rate, out int) *studio {
	t.Helper()
	tr, err := newTrack(Stream{Payloads: []Payload{{Type: 8, Clock: clock, Rate: rate, New: func() Decoder { return linear{} }}, {Type: 101, Clock: clock}}}, out)
	if err != nil {
		t.Fatal(err)
	}
	s := &studio{t: tr}
	s.m = mixer{rate: out, tracks: []*track{tr}, write: func(pcm []int16) { s.out = append(s.out, pcm...) }}
	tr.begin(0)
	return s
}

// take is a packet that arrives after ms milliseconds.
func (s *studio) take(ms int, h rtpwire.Header, pcm []int16) {
	h.PayloadType = 8
	b := h.Append(nil)
	for _, v := range pcm {
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	}
	p := packet{at: int64(ms) * int64(time.Millisecond), data: b}
	s.m.advance(p.at)
	s.t.packet(&p)
}

func frame(n int) []int16 {
	out := make([]int16, 160)
	for i := range out {
		out[i] = int16(n*160 + i + 1)
	}
	return out
}

// TestPlaces: lost packets are silence, all others are where they belong, in
// whatever order and however late they come within the delay.
func TestPlaces(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		loss := rapid.SampledFrom([]float64{0, 0.05, 0.5}).Draw(rt, "loss")
		jitter := rapid.IntRange(0, 150).Draw(rt, "jitter ms")
		seq, ts := rapid.Uint16().Draw(rt, "seq"), rapid.Uint32().Draw(rt, "ts")
		s := newStudio(t, 8000, 8000, 8000)
		type arrival struct{ ms, n int }
		var all []arrival
		for n := range 150 {
			if n > 0 && rng.Float64() < loss {
				continue
			}
			a := arrival{ms: n * 20, n: n}
			if n > 0 {
				a.ms += rng.IntN(jitter + 1)
			}
			all = append(all, a)
			if rng.IntN(10) == 0 {
				all = append(all, arrival{a.ms + 5, n}) // doubled on its way
			}
		}
		slices.SortStableFunc(all, func(a, b arrival) int { return a.ms - b.ms })
		want := make([]int16, 160*160)
		for _, a := range all {
			s.take(a.ms, rtpwire.Header{Sequence: seq + uint16(a.n), Timestamp: ts + uint32(a.n*160), SSRC: 5}, frame(a.n))
			copy(want[a.n*160:], frame(a.n))
		}
		s.m.finish(3200 * int64(time.Millisecond))
		if !slices.Equal(s.out, want) {
			for i := range want {
				if i >= len(s.out) || s.out[i] != want[i] {
					rt.Fatalf("sample %d of %d (packet %d) is wrong", i, len(s.out), i/160)
				}
			}
		}
	})
}

// energy is the mean level of 100 ms pieces.
func energy(pcm []int16, rate int) (out []int) {
	for p := range slices.Chunk(pcm, rate/10) {
		sum := 0.0
		for _, v := range p {
			sum += float64(v) * float64(v)
		}
		out = append(out, int(math.Sqrt(sum/float64(len(p)))))
	}
	return out
}

func tone(rate, from, n int) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(10000 * math.Sin(2*math.Pi*400*float64(from+i)/float64(rate)))
	}
	return out
}

// TestRates: any clock and rate become the rate of the recording, in place.
func TestRates(t *testing.T) {
	for _, c := range []struct{ clock, rate, out int }{{8000, 16000, 8000}, {48000, 48000, 8000}, {8000, 8000, 16000}, {48000, 16000, 48000}, {16000, 16000, 44100}} {
		s := newStudio(t, c.clock, c.rate, c.out)
		for n := range 50 {
			if n >= 20 && n < 30 {
				continue // 200 ms of silence
			}
			s.take(n*20, rtpwire.Header{Sequence: uint16(n), Timestamp: uint32(n * c.clock / 50)}, tone(c.rate, n*c.rate/50, c.rate/50))
		}
		s.m.finish(int64(time.Second))
		if len(s.out) != c.out {
			t.Fatalf("%+v: %d samples", c, len(s.out))
		}
		for i, e := range energy(s.out, c.out) {
			if silent := i == 4 || i == 5; silent && e > 300 || !silent && (e < 6900 || e > 7200) {
				t.Errorf("%+v: level %d in piece %d", c, e, i)
			}
		}
		worst := 0.0
		for i, want := range tone(c.out, 0, c.out*3/10) {
			if i > c.out/20 {
				worst = max(worst, math.Abs(float64(s.out[i])-float64(want)))
			}
		}
		if worst > 200 {
			t.Errorf("%+v: off by %v", c, worst)
		}
	}
}

// TestJumps: a stream that begins anew goes on where it arrives.
func TestJumps(t *testing.T) {
	for name, h := range map[string]rtpwire.Header{
		"another source":           {SSRC: 9, Sequence: 7, Timestamp: 99},
		"sequence and timestamp":   {SSRC: 1, Sequence: 40000, Timestamp: 1 << 30},
		"timestamp alone, back":    {SSRC: 1, Sequence: 10, Timestamp: 0},
		"timestamp alone, forward": {SSRC: 1, Sequence: 10, Timestamp: 1 << 29},
	} {
		s := newStudio(t, 8000, 8000, 8000)
		for n := range 10 {
			s.take(n*20, rtpwire.Header{SSRC: 1, Sequence: uint16(n), Timestamp: uint32(100000 + n*160)}, frame(n))
		}
		for n := range 10 {
			g := h
			g.Sequence += uint16(n)
			g.Timestamp += uint32(n * 160)
			s.take(500+n*20, g, frame(20+n))
		}
		s.m.finish(700 * int64(time.Millisecond))
		if len(s.out) != 5600 || s.out[1599] != 1600 || s.out[1600] != 0 || s.out[3999] != 0 || s.out[4000] != 20*160+1 || s.out[5599] != 30*160 {
			t.Errorf("%s: wrong place, sample 4000 is %d", name, s.out[4000])
		}
	}
}

// TestDrift: a sender's clock that is 1 % off for two minutes.
func TestDrift(t *testing.T) {
	for _, ppm := range []int{-10000, 10000} {
		s := newStudio(t, 8000, 8000, 8000)
		n := 0
		for ; n < 6000; n++ {
			s.take(n*20-n*20*ppm/1000000, rtpwire.Header{Sequence: uint16(n), Timestamp: uint32(n * 160)}, frame(0))
		}
		end := int64(n*20-n*20*ppm/1000000) * int64(time.Millisecond)
		s.m.finish(end)
		if want := position(end, 8000); int64(len(s.out)) != want {
			t.Errorf("%d ppm: %d samples, want %d", ppm, len(s.out), want)
		}
		silent := 0
		for _, v := range s.out {
			if v == 0 {
				silent++
			}
		}
		if silent > 8000*14/10 { // no more than the drift
			t.Errorf("%d ppm: %d samples of silence", ppm, silent)
		}
	}
}

func TestNoAudio(t *testing.T) {
	s := newStudio(t, 8000, 8000, 8000)
	for _, b := range [][]byte{nil, {1}, rtpwire.Header{PayloadType: 99, Sequence: 1}.Append(nil)} {
		s.t.packet(&packet{data: b})
	}
	s.t.packet(&packet{data: rtpwire.Header{PayloadType: 101, Sequence: 2}.Append(nil)})
	s.m.finish(int64(time.Second))
	if s.t.bad != 3 || len(s.out) != 8000 || slices.Max(s.out) != 0 {
		t.Errorf("%d bad, %d samples", s.t.bad, len(s.out))
	}
}

func FuzzTrack(f *testing.F) {
	f.Add([]byte{0, 1, 0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 9, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newStudio(t, 8000, 16000, 8000)
		at := int64(0)
		for len(b) > 16 {
			n := min(len(b), 14+int(b[1]&31))
			at += int64(b[0]) * int64(10*time.Millisecond)
			s.m.advance(at)
			s.t.packet(&packet{at: at, data: b[2:n]})
			b = b[n:]
		}
		s.m.finish(at)
		if int64(len(s.out)) != position(at, 8000) {
			t.Fatalf("%d samples, want %d", len(s.out), position(at, 8000))
		}
	})
}
