package transcode_test

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/transcode"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// sender is a source of RTP.
type sender struct {
	testing.TB
	pt    uint8
	codec codec.Codec
	enc   codec.Encoder
	rate  int
	seq   uint16
	ts    uint32
	ssrc  uint32
	at    int // samples sent
	tone  float64
}

func newSender(t testing.TB, pt uint8, c codec.Codec) *sender {
	t.Helper()
	p := codec.Params{Fmtp: c.Fmtp, SampleRate: c.SampleRate, Channels: 1}
	e, err := c.Encoder(p)
	if err != nil {
		t.Fatal(err)
	}
	return &sender{TB: t, pt: pt, codec: c, enc: e, rate: c.SampleRate, seq: 65500, ts: 1<<32 - 4000, ssrc: 0x1234, tone: 440}
}

func (s *sender) packet(d time.Duration) []byte {
	n := int(d) * s.rate / int(time.Second)
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*s.tone*float64(s.at+i)/float64(s.rate)))
	}
	s.at += n
	b := rtpwire.Header{PayloadType: s.pt, Sequence: s.seq, Timestamp: s.ts, SSRC: s.ssrc}.Append(nil)
	b, err := s.enc.Encode(b, pcm)
	if err != nil {
		s.Fatal(err)
	}
	s.seq++
	s.ts += uint32(int(d) * s.codec.ClockRate / int(time.Second))
	return b
}

// receiver decodes what a transcoder sends.
type receiver struct {
	testing.TB
	rate    int
	dec     codec.Decoder
	pcm     []int16
	headers []rtpwire.Header
	sizes   []int
}

func newReceiver(t testing.TB, c codec.Codec, rate int) *receiver {
	t.Helper()
	d, err := c.Decoder(codec.Params{SampleRate: rate, Channels: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &receiver{TB: t, rate: rate, dec: d}
}

func (r *receiver) take(out *transcode.Packets) {
	r.Helper()
	for p := range out.All() {
		h, payload, ok := rtpwire.Parse(p)
		if !ok {
			r.Fatalf("%x", p)
		}
		r.headers, r.sizes = append(r.headers, h), append(r.sizes, len(payload))
		var err error
		if r.pcm, err = r.dec.Decode(r.pcm, payload); err != nil {
			r.Fatal(err)
		}
	}
	out.Reset()
}

// continuous checks numbers against the first packet's.
func (r *receiver) continuous(ticks uint32) {
	r.Helper()
	for i, h := range r.headers {
		first := r.headers[0]
		if h.Sequence != first.Sequence+uint16(i) || h.Timestamp != first.Timestamp+uint32(i)*ticks || h.SSRC != first.SSRC {
			r.Fatalf("packet %d: %+v, the first was %+v", i, h, first)
		}
	}
}

// amplitude of a tone without the edges of the recording.
func amplitude(pcm []int16, freq float64, rate int) float64 {
	pcm = pcm[len(pcm)/10 : len(pcm)*9/10]
	var re, im float64
	for i, s := range pcm {
		a := 2 * math.Pi * freq * float64(i) / float64(rate)
		re += float64(s) * math.Cos(a)
		im += float64(s) * math.Sin(a)
	}
	return 2 * math.Hypot(re, im) / float64(len(pcm))
}

func TestG711AtOnce(t *testing.T) {
	t.Run("silence that nobody can be told of", func(t *testing.T) {
		tr := transcoder(t, codec.PCMA(), codec.PCMU(), func(c *transcode.Config) { c.Inputs, c.Silence = c.Inputs[:1], 40 })
		s := newSender(t, 8, codec.PCMA())
		var out transcode.Packets
		b := s.packet(20 * time.Millisecond)
		_, _ = tr.Push(&out, b, epoch), tr.Push(&out, b, epoch) // duplicates pass where nothing is decoded
		if out.Len() != 2 {
			t.Errorf("%d packets", out.Len())
		}
	})
	tr, err := transcode.New(transcode.Config{
		Inputs: []transcode.Input{{PayloadType: 0, Codec: codec.PCMU()}},
		Output: transcode.Output{PayloadType: 8, Codec: codec.PCMA()},
	})
	if err != nil {
		t.Fatal(err)
	}
	var out transcode.Packets
	push := func(seq uint16, ts uint32) error {
		out.Reset()
		b := rtpwire.Header{Sequence: seq, Timestamp: ts, SSRC: 9}.Append(nil)
		return tr.Push(&out, append(b, make([]byte, 160)...), epoch)
	}
	var ssrc uint32
	for i, s := range []uint16{1000, 1001, 1004, 1003, 1005} { // 1002 is lost, 1003 late
		ts := 3000 + 160*uint32(s-1000)
		if err := push(s, ts); err != nil || out.Len() != 1 {
			t.Fatalf("%d: %d packets, %v", s, out.Len(), err)
		}
		h, payload, _ := rtpwire.Parse(out.At(0))
		if i == 0 {
			ssrc = h.SSRC
		}
		if h.Sequence != s || h.Timestamp != ts || h.SSRC != ssrc || h.PayloadType != 8 || !bytes.Equal(payload, bytes.Repeat([]byte{0x2a}, 160)) {
			t.Errorf("%+v %x", h, payload)
		}
		if room := cap(out.At(0)) - len(out.At(0)); room < transcode.TailRoom {
			t.Errorf("room of %d octets", room)
		}
	}
	for _, s := range []uint16{1003, 1005} { // passes as often as it comes
		if err := push(s, 3000+160*uint32(s-1000)); err != nil || out.Len() != 1 {
			t.Errorf("repeated %d: %v", s, err)
		}
	}
	if err := push(900, 0); !errors.Is(err, transcode.ErrLate) || out.Len() != 0 {
		t.Errorf("very late: %v", err)
	}
	if s := tr.Stats(); s.Received != 8 || s.Sent != 7 || s.Lost != 1 || s.Late != 3 {
		t.Errorf("%+v", s)
	}
}

// TestTonePasses: each pair of codecs and packet lengths gives the tone back
// at its level, in continuous packets, without more delay than a packet.
func TestTonePasses(t *testing.T) {
	opus := codec.Opus(5)
	for _, c := range []struct {
		from, to  codec.Codec
		in, ptime time.Duration
		listen    int
	}{
		{codec.PCMA(), codec.G722(), 20, 0, 16000},
		{codec.G722(), codec.PCMU(), 20, 0, 8000},
		{codec.PCMU(), opus, 20, 20, 48000},
		{opus, codec.PCMA(), 20, 0, 8000},
		{opus, codec.G722(), 20, 20, 16000},
		{codec.G722(), opus, 10, 60, 48000},
		{codec.PCMA(), codec.PCMA(), 20, 30, 8000},
		{codec.PCMA(), codec.PCMU(), 30, 20, 8000},
		{codec.PCMA(), codec.L16(44100, 1), 20, 20, 44100},
		{codec.L16(48000, 1), codec.PCMA(), 10, 40, 8000},
		{codec.L16(44100, 1), opus, 20, 20, 48000},
		{codec.PCMUAt(16000), codec.PCMA(), 20, 0, 8000},
		{codec.PCMA(), codec.PCMUAt(16000), 20, 30, 16000},
		{codec.PCMAAt(48000), codec.PCMUAt(48000), 20, 0, 48000},
		{codec.PCMUAt(16000), codec.PCMAAt(16000), 30, 10, 16000},
		{codec.PCMUAt(44100), codec.PCMUAt(16000), 20, 20, 16000},
	} {
		in, ptime := c.in*time.Millisecond, c.ptime*time.Millisecond
		tr, err := transcode.New(transcode.Config{
			Inputs: []transcode.Input{{PayloadType: 100, Codec: c.from}},
			Output: transcode.Output{PayloadType: 99, Codec: c.to, Ptime: ptime},
		})
		if err != nil {
			t.Fatalf("%v to %v: %v", c.from, c.to, err)
		}
		if ptime == 0 {
			ptime = in
		}
		s, r := newSender(t, 100, c.from), newReceiver(t, c.to, c.listen)
		if c.from.Is("opus", 48000) {
			s.enc, _ = c.from.Encoder(codec.Params{SampleRate: s.rate, Channels: 1, Ptime: in})
		}
		first := s.ts
		var out transcode.Packets
		for range 4 * time.Second / in {
			if err := tr.Push(&out, s.packet(in), epoch); err != nil {
				t.Fatalf("%v to %v: %v", c.from, c.to, err)
			}
			r.take(&out)
		}
		r.continuous(uint32(int(ptime) * c.to.ClockRate / int(time.Second)))
		if r.headers[0].Timestamp != first || r.headers[0].Sequence != 65500 {
			t.Errorf("%v to %v: begins with %+v", c.from, c.to, r.headers[0])
		}
		if want := int(4 * time.Second / ptime); len(r.headers) < want-1 {
			t.Errorf("%v to %v: %d packets instead of %d", c.from, c.to, len(r.headers), want)
		}
		if a := amplitude(r.pcm, 440, c.listen); a < 7200 || a > 8800 {
			t.Errorf("%v to %v: amplitude %.0f", c.from, c.to, a)
		}
	}
}

// TestJitterBuffer: packets that come at random within 60 ms leave by the
// clock, in order and without a gap.
func TestJitterBuffer(t *testing.T) {
	tr, err := transcode.New(transcode.Config{
		Inputs: []transcode.Input{{PayloadType: 8, Codec: codec.PCMA()}},
		Output: transcode.Output{PayloadType: 0, Codec: codec.PCMU()},
		Jitter: transcode.Jitter{Min: 20 * time.Millisecond, Max: 200 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, r := newSender(t, 8, codec.PCMA()), newReceiver(t, codec.PCMU(), 8000)
	n := newNetwork(1)
	for i := range 1500 {
		n.send(s.packet(20*time.Millisecond), time.Duration(i)*20*time.Millisecond, 60*time.Millisecond, 0)
	}
	times := n.run(t, tr, r)
	r.continuous(160)
	if len(r.headers) < 1495 || len(r.headers) > 1510 {
		t.Errorf("%d packets", len(r.headers))
	}
	late := 0
	for i := 200; i < len(times); i++ {
		if d := times[i] - times[i-1]; d < 15*time.Millisecond || d > 25*time.Millisecond {
			late++
		}
	}
	st := tr.Stats()
	if late > 10 || st.Late > 5 || st.Delay > 100*time.Millisecond {
		t.Errorf("%d steps off the clock, %+v", late, st)
	}
}

// network delays packets.
type network struct {
	arrivals []arrival
	seed     uint64
}

type arrival struct {
	at     time.Duration
	packet []byte
}

func newNetwork(seed uint64) *network { return &network{seed: seed} }

func (n *network) random() float64 {
	n.seed = n.seed*6364136223846793005 + 1442695040888963407
	return float64(n.seed>>11) / (1 << 53)
}

// send delivers a packet within spread after at, or not at all.
func (n *network) send(p []byte, at, spread time.Duration, loss float64) {
	if n.random() >= loss {
		n.arrivals = append(n.arrivals, arrival{at + time.Duration(n.random()*float64(spread)), p})
	}
}

// run drives a transcoder by virtual time and returns when packets left.
func (n *network) run(t *testing.T, tr *transcode.Transcoder, r *receiver) (times []time.Duration) {
	t.Helper()
	slices.SortStableFunc(n.arrivals, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	var out transcode.Packets
	take := func(at time.Duration) {
		for range out.Len() {
			times = append(times, at)
		}
		r.take(&out)
	}
	for i, a := range n.arrivals {
		for next := tr.Next(); !next.IsZero() && next.Sub(epoch) <= a.at; next = tr.Next() {
			tr.Advance(&out, next)
			take(next.Sub(epoch))
			if i == len(n.arrivals) {
				break
			}
		}
		_ = tr.Push(&out, a.packet, epoch.Add(a.at))
		take(a.at)
	}
	return times
}

// TestStereo: two channels become one, and one becomes two.
func TestStereo(t *testing.T) {
	opus := codec.Opus(3)
	opus.Fmtp = "stereo=1"
	for _, c := range []struct{ from, to codec.Codec }{
		{codec.L16(48000, 2), codec.PCMA()}, {codec.PCMA(), codec.L16(16000, 2)}, {codec.L16(48000, 2), opus}, {opus, codec.L16(48000, 2)},
	} {
		tr, err := transcode.New(transcode.Config{
			Inputs: []transcode.Input{{PayloadType: 100, Codec: c.from}},
			Output: transcode.Output{PayloadType: 99, Codec: c.to},
		})
		if err != nil {
			t.Fatal(err)
		}
		enc, err := c.from.Encoder(codec.Params{Fmtp: c.from.Fmtp})
		if err != nil {
			t.Fatal(err)
		}
		dec, err := c.to.Decoder(codec.Params{})
		if err != nil {
			t.Fatal(err)
		}
		frame := c.from.SampleRate / 50
		pcm := make([]int16, frame*c.from.Channels)
		var out transcode.Packets
		var got []int16
		for i := range 50 {
			for k := range pcm {
				pcm[k] = int16(8000 * math.Sin(2*math.Pi*500*float64(k/c.from.Channels+i*frame)/float64(c.from.SampleRate)))
			}
			b := rtpwire.Header{PayloadType: 100, Sequence: uint16(i), Timestamp: uint32(i * c.from.ClockRate / 50), SSRC: 1}.Append(nil)
			b, _ = enc.Encode(b, pcm)
			if err := tr.Push(&out, b, epoch); err != nil {
				t.Fatal(err)
			}
		}
		for p := range out.All() {
			_, payload, _ := rtpwire.Parse(p)
			if got, err = dec.Decode(got, payload); err != nil {
				t.Fatal(err)
			}
		}
		left := got
		if c.to.Channels == 2 {
			left = nil
			for i := 0; i+1 < len(got); i += 2 {
				left = append(left, got[i])
				if d := int(got[i]) - int(got[i+1]); d > 500 || d < -500 {
					t.Fatalf("%v to %v: channels %d apart", c.from, c.to, d)
				}
			}
		}
		if a := amplitude(left, 500, c.to.SampleRate); a < 7200 || a > 8800 {
			t.Errorf("%v to %v: amplitude %.0f of %d samples", c.from, c.to, a, len(left))
		}
	}
}
