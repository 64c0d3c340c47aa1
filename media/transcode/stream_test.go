package transcode_test

import (
	"math"
	"testing"
	"time"

	"github.com/class5-go/class5/internal/sweep"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/transcode"
)

func transcoder(t testing.TB, from, to codec.Codec, more func(*transcode.Config)) *transcode.Transcoder {
	t.Helper()
	cfg := transcode.Config{
		Inputs: []transcode.Input{{PayloadType: 8, Codec: from}, {PayloadType: 13, Codec: codec.CN(from.ClockRate)}},
		Output: transcode.Output{PayloadType: 0, Codec: to},
	}
	if more != nil {
		more(&cfg)
	}
	tr, err := transcode.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestLossIsFilled: with 3 % of the packets lost and others out of order the
// timestamps stay true, and the tone is there all the time.
func TestLossIsFilled(t *testing.T) {
	opus := codec.Opus(3)
	opus.Fmtp = "useinbandfec=1"
	for _, from := range []codec.Codec{codec.PCMA(), codec.G722(), opus} {
		for _, buffer := range []transcode.Jitter{{}, {Min: 40 * time.Millisecond, Max: 120 * time.Millisecond}} {
			tr := transcoder(t, from, codec.L16(16000, 1), func(c *transcode.Config) { c.Jitter = buffer })
			s, r := newSender(t, 8, from), newReceiver(t, codec.L16(16000, 1), 16000)
			n := newNetwork(7)
			for i := range 1000 {
				n.send(s.packet(20*time.Millisecond), time.Duration(i)*20*time.Millisecond, 45*time.Millisecond, 0.03)
			}
			n.run(t, tr, r)
			r.continuous(320)
			if len(r.headers) < 990 || len(r.headers) > 1005 {
				t.Errorf("%v, %v: %d packets", from, buffer, len(r.headers))
			}
			st := tr.Stats()
			if st.Lost < 15 || st.Lost > 60 || st.Concealed+st.Recovered == 0 {
				t.Errorf("%v, %v: %+v", from, buffer, st)
			}
			if from.Is("opus", 48000) && st.Recovered == 0 {
				t.Errorf("%v: no packet found in the next", from)
			}
			if q := quietest(r.pcm[16000:len(r.pcm)-16000], 160); q < -45 {
				t.Errorf("%v, %v: a hole of %.0f dB", from, buffer, q)
			}
		}
	}
}

// quietest is the level of the quietest stretch of n samples.
func quietest(pcm []int16, n int) float64 {
	low := 0.0
	for ; len(pcm) >= n; pcm = pcm[n:] {
		sum := 1e-9
		for _, v := range pcm[:n] {
			sum += float64(v) * float64(v)
		}
		low = min(low, 10*math.Log10(sum/float64(n))-20*math.Log10(32768))
	}
	return low
}

// TestSilenceStaysSilence: what the source left out is left out.
func TestSilenceStaysSilence(t *testing.T) {
	tr := transcoder(t, codec.PCMA(), codec.G722(), func(c *transcode.Config) { c.Output.Ptime = 30 * time.Millisecond })
	s, r := newSender(t, 8, codec.PCMA()), newReceiver(t, codec.G722(), 16000)
	var out transcode.Packets
	first := s.ts
	for range 5 {
		for range 7 { // 140 ms: four packets and 20 ms
			_ = tr.Push(&out, s.packet(20*time.Millisecond), epoch)
			r.take(&out)
		}
		s.ts += 8000 // a second
	}
	for i, h := range r.headers {
		burst, n := uint32(i/5), uint32(i%5)
		want := first + burst*(7*160+8000) + n*240
		if i == 24 { // the last burst ends within a packet
			t.Fatalf("packet %d", i)
		}
		if h.Timestamp != want || h.Sequence != r.headers[0].Sequence+uint16(i) {
			t.Errorf("packet %d: %d after the first, want %d", i, h.Timestamp-first, want-first)
		}
	}
	if len(r.headers) != 24 || tr.Stats().Concealed != 0 {
		t.Errorf("%d packets, %+v", len(r.headers), tr.Stats())
	}
}

func cn(s *sender, level byte) []byte {
	b := rtpwire.Header{PayloadType: 13, Sequence: s.seq, Timestamp: s.ts, SSRC: s.ssrc}.Append(nil)
	s.seq++
	return append(b, level)
}

// TestComfortNoise: it passes where the other side has it, and sounds where it
// has not, until the source speaks again.
func TestComfortNoise(t *testing.T) {
	tr := transcoder(t, codec.PCMA(), codec.G722(), func(c *transcode.Config) { c.Output.Noise = 19 })
	s := newSender(t, 8, codec.PCMA())
	var out transcode.Packets
	_ = tr.Push(&out, s.packet(20*time.Millisecond), epoch)
	_ = tr.Push(&out, cn(s, 50), epoch)
	s.ts += 8000
	_ = tr.Push(&out, s.packet(20*time.Millisecond), epoch.Add(time.Second))
	var types []uint8
	for p := range out.All() {
		h, _, _ := rtpwire.Parse(p)
		types = append(types, h.PayloadType)
	}
	h, payload, _ := rtpwire.Parse(out.At(1))
	last, _, _ := rtpwire.Parse(out.At(2))
	if len(types) != 3 || types[1] != 19 || payload[0] != 50 || last.Timestamp != h.Timestamp+8000 || last.Sequence != h.Sequence+1 {
		t.Errorf("%v, %+v, %+v", types, h, last)
	}

	for _, buffer := range []transcode.Jitter{{}, {Min: 20 * time.Millisecond, Max: 100 * time.Millisecond}} {
		tr := transcoder(t, codec.PCMA(), codec.PCMU(), func(c *transcode.Config) { c.Jitter = buffer })
		s, r := newSender(t, 8, codec.PCMA()), newReceiver(t, codec.PCMU(), 8000)
		n := newNetwork(3)
		at := time.Duration(0)
		for range 5 {
			for range 10 {
				n.send(s.packet(20*time.Millisecond), at, time.Millisecond, 0)
				at += 20 * time.Millisecond
			}
			n.send(cn(s, 40), at, time.Millisecond, 0)
			s.ts += 8000
			at += time.Second
		}
		for range 10 {
			n.send(s.packet(20*time.Millisecond), at, time.Millisecond, 0)
			at += 20 * time.Millisecond
		}
		n.run(t, tr, r)
		r.continuous(160)
		total := int(at / (20 * time.Millisecond))
		if len(r.headers) < total-3 || len(r.headers) > total+1 {
			t.Errorf("%v: %d packets instead of %d", buffer, len(r.headers), total)
		}
		if q := quietest(r.pcm[800:], 400); q < -45 || q > -35 {
			t.Errorf("%v: noise at %.0f dB", buffer, q)
		}
	}
}

func TestSuppressSilence(t *testing.T) {
	tr := transcoder(t, codec.PCMA(), codec.PCMU(), func(c *transcode.Config) { c.Output.Noise, c.Silence = 13, 55 })
	s := newSender(t, 8, codec.PCMA())
	var out transcode.Packets
	count := func(n int) (audio, noise int) {
		for range n {
			_ = tr.Push(&out, s.packet(20*time.Millisecond), epoch)
		}
		for p := range out.All() {
			h, _, _ := rtpwire.Parse(p)
			if h.PayloadType == 13 {
				noise++
			} else {
				audio++
			}
		}
		out.Reset()
		return audio, noise
	}
	if a, n := count(20); a != 20 || n != 0 {
		t.Errorf("speech: %d and %d", a, n)
	}
	s.tone = 0
	if a, n := count(100); a > 11 || n < 3 || n > 6 {
		t.Errorf("silence: %d and %d", a, n)
	}
	s.tone = 440
	if a, n := count(20); a < 19 || n > 1 {
		t.Errorf("speech again: %d and %d", a, n)
	}
}

// TestTenMinutes: no drift and no click, at once and through a jitter buffer,
// also when the clock of the source is 200 ppm off. Where it is not, a minute
// shows it, but for a full sweep.
func TestTenMinutes(t *testing.T) {
	const all = 30000
	for _, c := range []struct {
		from, to codec.Codec
		jitter   transcode.Jitter
		ppm      float64
		packets  int
	}{
		{codec.PCMA(), codec.L16(44100, 1), transcode.Jitter{}, 0, sweep.Of(all/10, all)},
		{codec.G722(), codec.PCMA(), transcode.Jitter{}, 0, sweep.Of(all/10, all)},
		{codec.PCMA(), codec.PCMU(), transcode.Jitter{Min: 40 * time.Millisecond, Max: 200 * time.Millisecond}, 200, all},
		{codec.PCMA(), codec.PCMU(), transcode.Jitter{Min: 40 * time.Millisecond, Max: 200 * time.Millisecond}, -200, sweep.Of(all/2, all)},
	} {
		tr := transcoder(t, c.from, c.to, func(cfg *transcode.Config) { cfg.Jitter = c.jitter })
		s, r := newSender(t, 8, c.from), newReceiver(t, c.to, c.to.SampleRate)
		s.tone = 250
		n := newNetwork(5)
		step := time.Duration(20e6 * (1 + c.ppm/1e6))
		for i := range c.packets {
			n.send(s.packet(20*time.Millisecond), time.Duration(i)*step, 10*time.Millisecond, 0)
		}
		times := n.run(t, tr, r)
		r.continuous(uint32(c.to.ClockRate / 50))
		// By the clock of the wall, the last packet leaves when its timestamp says.
		last := len(times) - 1
		drift := times[last] - times[0] - time.Duration(last)*20*time.Millisecond
		if math.Abs(drift.Seconds()) > 0.1 {
			t.Errorf("%v to %v, %+v: drift of %v, %+v", c.from, c.to, c.jitter, drift, tr.Stats())
		}
		if d := tr.Stats().Delay; d > 120*time.Millisecond {
			t.Errorf("delay of %v", d)
		}
		slope := 8000 * 2 * math.Pi * 250 / float64(c.to.SampleRate)
		if most := steepest(r.pcm[c.to.SampleRate/10:]); most > 1.5*slope+400 {
			t.Errorf("%v to %v, %v ppm: a step of %.0f, the tone has %.0f; %+v", c.from, c.to, c.ppm, most, slope, tr.Stats())
		}
	}
}

func steepest(pcm []int16) (most float64) {
	for i := 1; i < len(pcm); i++ {
		most = max(most, math.Abs(float64(pcm[i])-float64(pcm[i-1])))
	}
	return most
}

// TestTakeOver: another transcoder goes on with the same numbers.
func TestTakeOver(t *testing.T) {
	for _, to := range []codec.Codec{codec.PCMU(), codec.G722()} {
		first := transcoder(t, codec.PCMA(), to, nil)
		s, r := newSender(t, 8, codec.PCMA()), newReceiver(t, to, to.SampleRate)
		var out transcode.Packets
		for range 50 {
			_ = first.Push(&out, s.packet(20*time.Millisecond), epoch)
			r.take(&out)
		}
		second := transcoder(t, codec.PCMA(), to, nil)
		second.Import(first.Export(), 0, epoch)
		for range 50 {
			_ = second.Push(&out, s.packet(20*time.Millisecond), epoch)
			r.take(&out)
		}
		r.continuous(160)
		third := transcoder(t, codec.PCMA(), to, nil)
		third.Import(first.Export(), 500, epoch)
		_ = third.Push(&out, s.packet(20*time.Millisecond), epoch)
		last := r.headers[99]
		if h, _, _ := rtpwire.Parse(out.At(0)); int16(h.Sequence-last.Sequence) <= 0 || h.Timestamp != last.Timestamp+160 {
			t.Errorf("%+v after %+v", h, last)
		}
	}
}

// TestSourceChanges: another SSRC, or a jump of its numbers, continues the
// output.
func TestSourceChanges(t *testing.T) {
	for _, to := range []codec.Codec{codec.PCMU(), codec.G722()} {
		tr := transcoder(t, codec.PCMA(), to, nil)
		s := newSender(t, 8, codec.PCMA())
		var out transcode.Packets
		now := epoch
		for i := range 30 {
			switch i {
			case 10:
				s.ssrc, s.seq, s.ts = 99, 20000, 12345
			case 20:
				s.seq, s.ts = 50000, 999
			}
			if i == 10 {
				now = now.Add(time.Second)
			}
			_ = tr.Push(&out, s.packet(20*time.Millisecond), now)
			now = now.Add(20 * time.Millisecond)
		}
		if out.Len() != 30 {
			t.Fatalf("%d packets", out.Len())
		}
		first, _, _ := rtpwire.Parse(out.At(0))
		for i := range out.Len() {
			h, _, _ := rtpwire.Parse(out.At(i))
			want := first.Timestamp + uint32(i)*160
			if i >= 10 {
				want += 8000
			}
			if h.Sequence != first.Sequence+uint16(i) || h.SSRC != first.SSRC || h.Timestamp != want || h.Marker != (i == 10) {
				t.Errorf("%v, packet %d: %+v", to, i, h)
			}
		}
	}
}
