package transcode_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/transcode"
)

const allDigits = "0123456789*#ABCD"

func digit(t testing.TB, c byte) dtmf.Event {
	t.Helper()
	e, ok := dtmf.ParseDigit(c)
	if !ok {
		t.Fatalf("%c", c)
	}
	return e
}

func dialled(list []dtmf.Digit) string {
	var b strings.Builder
	for _, d := range list {
		if c, ok := d.Event.Digit(); ok && d.Ended {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// caller sends audio and digits.
type caller struct {
	*sender
	event uint8
	clock int
	tr    *transcode.Transcoder
	out   transcode.Packets
	all   []rtpwire.Header
	wire  []string // what left, in short
	recv  *dtmf.Receiver
	rtp   []dtmf.Digit // of event packets that left
	inner []dtmf.Digit // that the transcoder reported
	dec   codec.Decoder
	pcm   []int16
	now   time.Time
}

func newCaller(t testing.TB, from, to codec.Codec, cfg transcode.Config) *caller {
	t.Helper()
	cfg.Inputs = append(cfg.Inputs, transcode.Input{PayloadType: 8, Codec: from}, transcode.Input{PayloadType: 101, Codec: codec.TelephoneEvent(from.ClockRate)})
	cfg.Output.Codec, cfg.Output.PayloadType = to, 0
	tr, err := transcode.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	dec, err := to.Decoder(codec.Params{SampleRate: to.SampleRate, Channels: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &caller{sender: newSender(t, 8, from), event: 101, clock: from.ClockRate, tr: tr, recv: dtmf.NewReceiver(to.ClockRate), dec: dec, now: epoch}
}

func (c *caller) push(b []byte) {
	c.Helper()
	if err := c.tr.Push(&c.out, b, c.now); err != nil {
		c.Fatal(err)
	}
	c.now = c.now.Add(20 * time.Millisecond)
	for p := range c.out.All() {
		h, payload, _ := rtpwire.Parse(p)
		c.all = append(c.all, h)
		mark := ""
		if h.Marker {
			mark = "M"
		}
		if h.PayloadType == 96 {
			e, err := dtmf.ParsePayload(payload)
			if err != nil {
				c.Fatal(err)
			}
			c.rtp = c.recv.Packet(c.rtp, h.Timestamp, e)
			c.wire = append(c.wire, fmt.Sprintf("E%s %d %d %d", mark, h.Sequence, h.Timestamp, e.Duration))
			continue
		}
		c.wire = append(c.wire, fmt.Sprintf("A%s %d %d", mark, h.Sequence, h.Timestamp))
		var err error
		if c.pcm, err = c.dec.Decode(c.pcm, payload); err != nil {
			c.Fatal(err)
		}
	}
	c.inner = append(c.inner, c.out.Digits...)
	c.out.Reset()
}

func (c *caller) talk(n int) {
	for range n {
		c.push(c.packet(20 * time.Millisecond))
	}
}

// press sends a digit of n packets as events, each end three times.
func (c *caller) press(d byte, n int) {
	var s dtmf.Sender
	step := uint32(c.clock / 50)
	s.Begin(digit(c, d), 10, c.ts)
	send := func(p dtmf.Packet) {
		b := rtpwire.Header{Marker: p.Marker, PayloadType: c.event, Sequence: c.seq, Timestamp: p.Timestamp, SSRC: c.ssrc}.Append(nil)
		c.seq++
		c.push(p.Append(b))
	}
	for range n - 1 {
		send(s.Grow(step))
	}
	send(s.End(step))
	for p, ok := s.Repeat(); ok; p, ok = s.Repeat() {
		send(p)
	}
	c.ts += uint32(n) * step
}

// TestEventsPass: numbers, marker and durations are mapped, whatever happens
// to the audio around them.
func TestEventsPass(t *testing.T) {
	for _, to := range []codec.Codec{codec.PCMA(), codec.PCMU(), codec.G722()} {
		c := newCaller(t, codec.PCMA(), to, transcode.Config{Output: transcode.Output{Event: 96}})
		c.seq, c.ts = 1000, 3000
		c.talk(2)
		c.press('8', 2)
		c.talk(2)
		want := []string{"A 1000 3000", "A 1001 3160", "EM 1002 3320 160", "E 1003 3320 320", "E 1004 3320 320", "E 1005 3320 320", "A 1006 3640", "A 1007 3800"}
		if got := strings.Join(c.wire, ","); got != strings.Join(want, ",") {
			t.Errorf("%v: %s", to, got)
		}
		if dialled(c.rtp) != "8" || dialled(c.inner) != "8" {
			t.Errorf("%v: %q %q", to, dialled(c.rtp), dialled(c.inner))
		}
	}
}

// TestEveryDigit: events to events on another clock, events to tones, tones to
// events; none is missed.
func TestEveryDigit(t *testing.T) {
	opus := codec.Opus(3)
	for _, codecs := range [][2]codec.Codec{{codec.PCMA(), codec.PCMU()}, {codec.PCMU(), codec.G722()}, {opus, codec.PCMA()}, {codec.PCMA(), opus}} {
		name := fmt.Sprintf("%v to %v", codecs[0], codecs[1])
		c := newCaller(t, codecs[0], codecs[1], transcode.Config{Output: transcode.Output{Event: 96}})
		for _, d := range []byte(allDigits) {
			c.talk(3)
			c.press(d, 5)
		}
		if dialled(c.rtp) != allDigits || c.rtp[1].Duration != 100*time.Millisecond {
			t.Errorf("%s, events: %q %v", name, dialled(c.rtp), c.rtp[1])
		}

		c = newCaller(t, codecs[0], codecs[1], transcode.Config{})
		c.tone = 0 // silence
		for _, d := range []byte(allDigits) {
			c.talk(5)
			c.press(d, 5)
		}
		c.talk(10)
		rate := codecs[1].SampleRate
		if got := detected(t, c.pcm, rate); got != allDigits {
			t.Errorf("%s, tones: %q", name, got)
		}
	}
	for _, clean := range []bool{false, true} {
		c := newCaller(t, codec.PCMA(), codec.G722(), transcode.Config{Detect: true, Clean: clean, Output: transcode.Output{Event: 96}})
		c.dial(allDigits)
		if dialled(c.rtp) != allDigits || dialled(c.inner) != allDigits {
			t.Errorf("tones to events: %q %q", dialled(c.rtp), dialled(c.inner))
		}
		if got := detected(t, c.pcm, 16000); clean && got != "" {
			t.Errorf("tones left beside the events: %q", got)
		}
	}
	c := newCaller(t, codec.PCMA(), codec.PCMA(), transcode.Config{Detect: true})
	c.dial("159")
	if dialled(c.inner) != "159" || detected(t, c.pcm, 8000) != "159" {
		t.Errorf("only reported: %q", dialled(c.inner))
	}
}

// dial sends digits as tones of 60 ms in A-law.
func (c *caller) dial(digits string) {
	g := dtmf.NewGenerator(8000)
	for _, d := range []byte(digits) {
		g.Start(digit(c, d), 10)
		pcm := append(g.Append(nil, 480), make([]int16, 800)...)
		for ; len(pcm) > 0; pcm = pcm[160:] {
			b := rtpwire.Header{PayloadType: 8, Sequence: c.seq, Timestamp: c.ts, SSRC: c.ssrc}.Append(nil)
			b, _ = codec.ALaw{}.Encode(b, pcm[:160])
			c.seq, c.ts = c.seq+1, c.ts+160
			c.push(b)
		}
	}
}

func detected(t testing.TB, pcm []int16, rate int) string {
	t.Helper()
	d, err := dtmf.NewDetector(rate)
	if err != nil {
		t.Fatal(err)
	}
	return dialled(d.Audio(nil, append(pcm, make([]int16, rate/5)...)))
}

func TestPlay(t *testing.T) {
	for _, event := range []uint8{0, 96} {
		c := newCaller(t, codec.PCMA(), codec.PCMU(), transcode.Config{Output: transcode.Output{Event: event}})
		c.talk(2)
		for _, d := range []byte("2580") {
			if err := c.tr.Play(dtmf.Digit{Event: digit(t, d), Duration: 100 * time.Millisecond, Volume: 8}, 100*time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		c.tone = 0
		c.talk(60)
		got := dialled(c.rtp)
		if event == 0 {
			got = detected(t, c.pcm, 8000)
		} else if c.rtp[1].Duration != 100*time.Millisecond {
			t.Error(c.rtp[1].Duration)
		}
		if got != "2580" {
			t.Errorf("%q", got)
		}
		for i, h := range c.all {
			if h.Sequence != c.all[0].Sequence+uint16(i) {
				t.Fatalf("sequence of packet %d", i)
			}
		}
	}
	c := newCaller(t, codec.PCMA(), codec.PCMU(), transcode.Config{})
	for range 100 {
		if err := c.tr.Play(dtmf.Digit{Event: 1, Duration: time.Second}, 0); err != nil {
			return
		}
	}
	t.Error("no bound")
}

func TestBlock(t *testing.T) {
	for mode, want := range map[dtmf.Mode]string{dtmf.Drop: "", dtmf.Silence: "", dtmf.Sine: "", dtmf.Zero: "000", dtmf.Off: "123"} {
		c := newCaller(t, codec.PCMA(), codec.PCMA(), transcode.Config{Output: transcode.Output{Event: 96}})
		c.tone = 0
		c.talk(2)
		if err := c.tr.Block(dtmf.Blocking{Mode: mode}); err != nil {
			t.Fatal(err)
		}
		for _, d := range []byte("123") {
			c.press(d, 4)
			c.talk(4)
		}
		if got := dialled(c.rtp); got != want || dialled(c.inner) != "123" {
			t.Errorf("%v: events %q, reported %q", mode, got, dialled(c.inner))
		}
		c.dial("123")
		c.talk(10)
		if got := detected(t, c.pcm, 8000); got != want {
			t.Errorf("%v: tones %q", mode, got)
		}
		for i, h := range c.all {
			if h.Sequence != c.all[0].Sequence+uint16(i) {
				t.Fatalf("%v: sequence of packet %d", mode, i)
			}
		}
	}
}
