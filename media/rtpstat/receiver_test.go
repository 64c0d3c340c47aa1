package rtpstat_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/class5-go/class5/media/rtpstat"
	"github.com/class5-go/class5/media/rtpwire"
	"pgregory.net/rapid"
)

const tick = 20 * time.Millisecond

func header(ssrc uint32, n int) rtpwire.Header {
	return rtpwire.Header{PayloadType: 8, Sequence: uint16(n), Timestamp: uint32(160 * n), SSRC: ssrc}
}

// TestCountsProperty loses, doubles and delays packets of a numbered stream at
// random and compares with the bookkeeping of the one who did it.
func TestCountsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.IntRange(0, 65535).Draw(t, "first")
		n := rapid.IntRange(1, 3000).Draw(t, "packets")
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		loss := rapid.IntRange(0, 40).Draw(t, "loss")
		type packet struct{ seq, due int }
		var wire []packet
		var dups uint64
		for i := range n {
			if rnd.IntN(100) < loss {
				continue
			}
			for copies := 1; copies > 0; copies-- {
				due := i
				if rnd.IntN(20) == 0 {
					due += rnd.IntN(60) // late, yet within the window
				}
				at := len(wire)
				for at > 0 && wire[at-1].due > due {
					at--
				}
				wire = append(wire, packet{})
				copy(wire[at+1:], wire[at:])
				wire[at] = packet{first + i, due}
				if copies == 1 && rnd.IntN(15) == 0 {
					dups++
					copies++
				}
			}
		}
		var r rtpstat.Receiver
		low, high, late := math.MaxInt, -1, uint64(0)
		seen := map[int]bool{}
		for _, p := range wire {
			if p.seq < high && !seen[p.seq] {
				late++
			}
			seen[p.seq] = true
			low, high = min(low, p.seq), max(high, p.seq)
			r.Packet(header(9, p.seq), 172, 8000, time.Duration(p.due)*tick)
		}
		s := r.Snapshot()
		want := rtpstat.Snapshot{Packets: uint64(len(wire)), Bytes: 172 * uint64(len(wire)), Duplicates: dups, Reordered: late}
		if len(wire) > 0 {
			want.Expected = uint64(high - low + 1)
			want.Lost = want.Expected - uint64(len(seen))
		}
		if s.Packets != want.Packets || s.Bytes != want.Bytes || s.Expected != want.Expected || s.Lost != want.Lost ||
			s.Duplicates != want.Duplicates || s.Reordered != want.Reordered {
			t.Fatalf("got  %+v\nwant %+v", s, want)
		}
	})
}

// TestAnything feeds noise: whatever comes, received never exceeds expected.
func TestAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r rtpstat.Receiver
		n := rapid.IntRange(0, 300).Draw(t, "n")
		for i := range n {
			h := rtpwire.Header{
				Sequence:  rapid.Uint16().Draw(t, "seq"),
				SSRC:      rapid.Uint32Range(0, 6).Draw(t, "ssrc"),
				Timestamp: rapid.Uint32().Draw(t, "ts"),
			}
			r.Packet(h, 20, rapid.SampledFrom([]uint32{0, 1, 8000, 48000, math.MaxUint32}).Draw(t, "rate"), time.Duration(i)*tick)
		}
		s := r.Snapshot()
		if s.Packets != uint64(n) || s.Lost > s.Expected || s.Jitter < 0 || s.JitterMax < s.JitterMean {
			t.Fatalf("%+v", s)
		}
	})
}

func TestRestartAndSources(t *testing.T) {
	var r rtpstat.Receiver
	at := time.Duration(0)
	feed := func(ssrc uint32, from, to int) {
		for i := from; i < to; i++ {
			r.Packet(header(ssrc, i), 172, 8000, at)
			at += tick
		}
	}
	feed(1, 100, 200)
	feed(1, 40000, 40100) // restarted by the sender
	for ssrc := range uint32(10) {
		feed(100+ssrc, 7, 17) // more sources than are tracked
	}
	s := r.Snapshot()
	if s.Packets != 300 || s.Expected != 300 || s.Lost != 0 || s.Sources != 11 || s.SSRC != 109 {
		t.Errorf("%+v", s)
	}
	if s.Last != at-tick || s.PayloadType != 8 {
		t.Errorf("last %v, pt %d", s.Last, s.PayloadType)
	}
}

func TestStrayPacketIsNoLoss(t *testing.T) {
	var r rtpstat.Receiver
	for i, seq := range []int{1, 2, 3, 30000, 4, 5} {
		r.Packet(header(1, seq), 172, 0, time.Duration(i)*tick)
	}
	if s := r.Snapshot(); s.Packets != 6 || s.Expected != 5 || s.Lost != 0 || s.JitterMax != 0 {
		t.Errorf("%+v", s)
	}
}

// TestJitter uses the closed form: with arrivals alternating by ±d around
// their time, |D| is 2d for each packet and the estimate converges to it.
func TestJitter(t *testing.T) {
	var r rtpstat.Receiver
	d := 5 * time.Millisecond
	for i := range 500 {
		at := time.Second + time.Duration(i)*tick + d
		d = -d
		r.Packet(header(1, i), 172, 8000, at)
	}
	s := r.Snapshot()
	if s.Jitter < 9*time.Millisecond || s.Jitter > 10*time.Millisecond || s.JitterMax < s.Jitter || s.JitterMean > s.JitterMax {
		t.Errorf("%+v", s)
	}
	// A clock set anew is not jitter, nor is another payload clock.
	h := header(1, 500)
	h.Timestamp += 1 << 30
	r.Packet(h, 172, 8000, time.Second+500*tick)
	if got := r.Snapshot().JitterMax; got != s.JitterMax {
		t.Errorf("jitter after a jump: %v", got)
	}
}

func TestMOS(t *testing.T) {
	for _, c := range []struct {
		q        rtpstat.Quality
		low, top float64
	}{
		{rtpstat.Quality{}, 4.38, 4.42},
		{rtpstat.Quality{Loss: 0.01}, 4.2, 4.4},
		{rtpstat.Quality{Loss: 0.05}, 3.7, 4.0},
		{rtpstat.Quality{Delay: 400 * time.Millisecond}, 2.9, 3.4},
		{rtpstat.Quality{Codec: rtpstat.Impairment{Ie: 11, Bpl: 19}}, 4.0, 4.2},
		{rtpstat.Quality{Loss: 1, Delay: time.Hour}, 1, 1},
		{rtpstat.Quality{Loss: -1}, 4.38, 4.42},
	} {
		if got := rtpstat.MOS(c.q); got < c.low || got > c.top {
			t.Errorf("%+v: %.3f, want %v to %v", c.q, got, c.low, c.top)
		}
	}
	last := 5.0
	for loss := 0.0; loss <= 1; loss += 0.01 {
		got := rtpstat.MOS(rtpstat.Quality{Loss: loss, Delay: 200 * time.Millisecond})
		if got > last {
			t.Fatalf("loss %.2f: rises to %.3f", loss, got)
		}
		last = got
	}
}

func BenchmarkPacket(b *testing.B) {
	var r rtpstat.Receiver
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Packet(header(1, i), 172, 8000, time.Duration(i)*tick)
	}
}
