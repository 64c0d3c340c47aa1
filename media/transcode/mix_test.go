package transcode_test

import (
	"math"
	"testing"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/mix"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/transcode"
)

// mixed is a stream into which a tone of 1,000 Hz is mixed.
type mixed struct {
	*testing.T
	tr    *transcode.Transcoder
	mixer *mix.Mixer
	in    *mix.Input
	wrote int
	now   time.Time
	s     *sender
	r     *receiver
	out   transcode.Packets
}

func newMixed(t *testing.T, from, to codec.Codec, rate int, change func(*transcode.Config)) *mixed {
	t.Helper()
	m := &mixed{T: t, mixer: mix.New(rate), now: epoch, s: newSender(t, 8, from), r: newReceiver(t, to, to.SampleRate)}
	m.in = m.mixer.Input()
	m.tr = transcoder(t, from, to, func(c *transcode.Config) {
		c.Mix = m.mixer
		if change != nil {
			change(c)
		}
	})
	if m.tr.Rate() != rate {
		t.Fatalf("%d Hz", m.tr.Rate())
	}
	return m
}

// pass lets time go by in which the source, the tone, both or none are heard.
func (m *mixed) pass(d time.Duration, source, tone bool) {
	m.Helper()
	for ; d > 0; d -= frame {
		if tone {
			pcm := make([]int16, m.mixer.Rate()/50)
			for i := range pcm {
				pcm[i] = int16(6000 * math.Sin(2*math.Pi*1000*float64(m.wrote+i)/float64(m.mixer.Rate())))
			}
			m.wrote += len(pcm)
			m.in.Write(pcm, m.now)
		}
		if source {
			if err := m.tr.Push(&m.out, m.s.packet(frame), m.now); err != nil {
				m.Fatal(err)
			}
		} else {
			m.s.ts += uint32(m.s.codec.ClockRate / 50)
		}
		for until := m.now.Add(frame); ; {
			next := m.tr.Next()
			if next.IsZero() || !next.Before(until) {
				break
			}
			if next.After(m.now) {
				m.now = next
			}
			m.tr.Advance(&m.out, m.now)
		}
		m.r.take(&m.out)
		m.now = epoch.Add(m.now.Sub(epoch).Truncate(frame) + frame)
	}
}

// levels are those of source and tone in what came since the last call.
func (m *mixed) levels() (source, tone float64) {
	pcm := m.r.pcm
	m.r.pcm = nil
	if len(pcm) == 0 {
		return 0, 0
	}
	return amplitude(pcm, 440, m.r.rate), amplitude(pcm, 1000, m.r.rate)
}

func near(v, want float64) bool { return math.Abs(v-want) < 0.08*want+60 }

// TestMix: source and tone are heard together, each alone, and numbers tell
// the time also when nobody was heard.
func TestMix(t *testing.T) {
	for name, c := range map[string]struct {
		from, to codec.Codec
		rate     int
	}{
		"PCMA":         {codec.PCMA(), codec.PCMA(), 8000},
		"PCMA to PCMU": {codec.PCMA(), codec.PCMU(), 8000},
		"PCMA to G722": {codec.PCMA(), codec.G722(), 16000},
		"G722":         {codec.G722(), codec.G722(), 16000},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMixed(t, c.from, c.to, c.rate, nil)
			check := func(what string, source, tone float64) {
				t.Helper()
				if a, b := m.levels(); !near(a, source) || !near(b, tone) {
					t.Errorf("%s: levels %.0f and %.0f", what, a, b)
				}
			}
			m.pass(time.Second, true, false)
			check("source", 8000, 0)
			m.pass(200*time.Millisecond, true, true)
			m.levels()
			m.pass(2*time.Second, true, true)
			check("both", 8000, 6000)
			m.pass(400*time.Millisecond, true, false)
			m.levels()
			m.pass(time.Second, true, false)
			check("source again", 8000, 0)
			m.pass(time.Second, false, false)
			m.levels()
			if n := len(m.r.headers); n != 230 {
				t.Errorf("%d packets, the source sent 230", n)
			}
			m.pass(200*time.Millisecond, false, true)
			m.levels()
			m.pass(2*time.Second, false, true)
			check("tone", 0, 6000)
			m.pass(400*time.Millisecond, true, false)
			m.levels()
			m.pass(time.Second, true, false)
			check("source at last", 8000, 0)
			// Every packet says the time at which it was sent, within what was late.
			first, last := m.r.headers[0], m.r.headers[len(m.r.headers)-1]
			took := time.Duration(last.Timestamp-first.Timestamp) * time.Second / time.Duration(c.to.ClockRate)
			if late := took - m.now.Sub(epoch); late < -120*time.Millisecond || late > 220*time.Millisecond {
				t.Errorf("timestamps took %v, the clock %v", took, m.now.Sub(epoch))
			}
			for i := 1; i < len(m.r.headers); i++ {
				a, b := m.r.headers[i-1], m.r.headers[i]
				if b.Sequence != a.Sequence+1 || int32(b.Timestamp-a.Timestamp) <= 0 {
					t.Fatalf("%+v then %+v", a, b)
				}
			}
		})
	}
}

// TestMixUntouched: payloads of a codec without state are not changed while
// nothing is mixed into them, negative zero included.
func TestMixUntouched(t *testing.T) {
	tr := transcoder(t, codec.PCMU(), codec.PCMU(), func(c *transcode.Config) { c.Mix = mix.New(8000) })
	var out transcode.Packets
	for n := range 4 {
		payload := make([]byte, 160)
		for i := range payload {
			payload[i] = byte(n*160 + i)
		}
		h := rtpwire.Header{PayloadType: 8, Sequence: uint16(n), Timestamp: uint32(160 * n), SSRC: 1}
		if err := tr.Push(&out, append(h.Append(nil), payload...), epoch); err != nil {
			t.Fatal(err)
		}
		_, got, ok := rtpwire.Parse(out.At(0))
		if !ok || string(got) != string(payload) {
			t.Fatalf("%x", got)
		}
		out.Reset()
	}
}

// TestMixAlone: what is mixed is heard when there never was a source, and a
// source that comes then goes on in the same stream.
func TestMixAlone(t *testing.T) {
	m := newMixed(t, codec.PCMA(), codec.PCMA(), 8000, nil)
	m.pass(time.Second, false, true)
	if len(m.r.headers) < 40 || !m.r.headers[0].Marker {
		t.Fatalf("%d packets", len(m.r.headers))
	}
	m.r.continuous(160)
	m.levels()
	m.pass(time.Second, true, true)
	if a, b := m.levels(); !near(a, 8000) || !near(b, 6000) {
		t.Errorf("levels %.0f and %.0f", a, b)
	}
	first := m.r.headers[0]
	for i, h := range m.r.headers {
		if h.SSRC != first.SSRC || h.Sequence != first.Sequence+uint16(i) {
			t.Fatalf("packet %d: %+v", i, h)
		}
	}
}

// TestMixSourceStops: a source that stops under what is mixed in dies away.
func TestMixSourceStops(t *testing.T) {
	for stop := range 8 {
		m := newMixed(t, codec.PCMA(), codec.PCMA(), 8000, nil)
		m.pass(time.Second+time.Duration(stop)*frame, true, true)
		m.levels()
		m.pass(300*time.Millisecond, false, true)
		steep := 0
		for i := 1; i < len(m.r.pcm); i++ {
			d := int(m.r.pcm[i]) - int(m.r.pcm[i-1])
			steep = max(steep, d, -d)
		}
		if steep > 8500 { // the two tones alone rise by 7,480 from one sample to the next
			t.Errorf("after %d frames: a step of %d", stop, steep)
		}
	}
}
