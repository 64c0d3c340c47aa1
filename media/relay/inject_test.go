package relay_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
)

// say sends a packet of 20 ms of PCMA.
func (p *party) say() rtpwire.Header {
	p.Helper()
	b := p.audio(8, 0x55)
	p.raw(p.rtp, p.to, b)
	h, _, _ := rtpwire.Parse(b)
	return h
}

func (p *party) heardRTP() (rtpwire.Header, []byte) {
	p.Helper()
	h, payload, ok := rtpwire.Parse(p.receive())
	if !ok {
		p.Fatal("no RTP")
	}
	return h, payload
}

// Digits that are played into a stream take the place of its packets: its
// SSRC, numbers and times go on, and its packets behind them are renumbered.
func TestDigitsRide(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	g.clock.stop()
	b.gets(a.send())
	play := func(digits string) {
		t.Helper()
		req := relay.PlayDTMFRequest{Selector: relay.Selector{CallID: "call", Tag: "a"}, Digits: digits, Duration: 40 * time.Millisecond, Pause: 20 * time.Millisecond, Volume: 9}
		if err := g.PlayDTMF(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	play("5")
	play("#") // behind the other
	shift := uint16(0)
	event := func(e dtmf.Event) {
		t.Helper()
		from := uint32(0)
		for i := range 3 {
			src := a.say()
			if i == 0 {
				from = src.Timestamp
			}
			n := 1
			if i == 2 {
				n = dtmf.EndPackets
			}
			for range n {
				h, payload := b.heardRTP()
				p, err := dtmf.ParsePayload(payload)
				want := rtpwire.Header{Marker: i == 0, PayloadType: 101, Sequence: src.Sequence + shift, Timestamp: from, SSRC: src.SSRC}
				if err != nil || h.Marker != want.Marker || h.PayloadType != want.PayloadType || h.Sequence != want.Sequence || h.Timestamp != want.Timestamp || h.SSRC != want.SSRC ||
					p.Event != e || p.Duration != uint16(160*(i+1)) || p.End != (i == 2) || p.Volume != 9 {
					t.Fatalf("packet %d: %+v %+v %v, want %+v", i, h, p, err, want)
				}
				shift++
			}
			shift--
		}
	}
	audio := func() {
		t.Helper()
		src := a.say()
		if h, payload := b.heardRTP(); h.PayloadType != 8 || h.Sequence != src.Sequence+shift || h.Timestamp != src.Timestamp || h.SSRC != src.SSRC || len(payload) != 160 {
			t.Fatalf("%+v for %+v", h, src)
		}
	}
	event(5)
	event(11)
	for range 3 {
		audio()
	}
	a.gets(b.send()) // the way back is as it was
	st, err := g.Export(t.Context(), "call")
	if err != nil {
		t.Fatal(err)
	}
	g.delete(relay.DeleteRequest{})
	g.eventually("the ports are free again", func() bool { return g.Import(t.Context(), st) == nil })
	audio()
}

// Digits go on when the stream they were put into stops, and its packets
// still fit behind them.
func TestDigitsWithoutTheirStream(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	g.clock.stop()
	b.gets(a.send())
	if err := g.PlayDTMF(t.Context(), relay.PlayDTMFRequest{Selector: relay.Selector{CallID: "call", Tag: "a"}, Digits: "7", Duration: 80 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	first := a.say()
	g.clock.resume()
	ends, last := 0, rtpwire.Header{}
	for ends < dtmf.EndPackets {
		h, payload := b.heardRTP()
		p, err := dtmf.ParsePayload(payload)
		if err != nil || p.Event != 7 || h.SSRC != first.SSRC || h.Timestamp != first.Timestamp || last.SSRC != 0 && h.Sequence != last.Sequence+1 {
			t.Fatalf("%+v %+v after %+v, %v", h, p, last, err)
		}
		if p.End {
			ends++
		}
		last = h
	}
	a.say()
	if h, _ := b.heardRTP(); h.PayloadType != 8 || h.SSRC != first.SSRC || int16(h.Sequence-last.Sequence) <= 0 {
		t.Fatalf("%+v after %+v", h, last)
	}
}

// A receiver without events hears the tone in place of the audio.
func TestTonesRide(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{SDP: bytes.ReplaceAll(a.sdp(), []byte(" 101\r\na=rtpmap:101 telephone-event/8000"), nil)})
	g.answer(a, b, relay.AnswerRequest{SDP: bytes.ReplaceAll(b.sdp(), []byte(" 101\r\na=rtpmap:101 telephone-event/8000"), nil)})
	g.clock.stop()
	b.gets(a.send())
	if err := g.PlayDTMF(t.Context(), relay.PlayDTMFRequest{Selector: relay.Selector{CallID: "call", Tag: "a"}, Digits: "1", Duration: 40 * time.Millisecond, Pause: 20 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		src := a.say()
		h, payload := b.heardRTP()
		tone := !bytes.Equal(payload, bytes.Repeat([]byte{0x55}, 160))
		if h.Sequence != src.Sequence || h.Timestamp != src.Timestamp || h.PayloadType != 8 || len(payload) != 160 || tone != (i < 3) {
			t.Fatalf("packet %d: %+v %x", i, h, payload)
		}
	}
}

// Tones become events, and events tones, also where the audio itself passes.
func TestDetectedWhereAudioPasses(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	plain := bytes.ReplaceAll(a.sdp(), []byte(" 101\r\na=rtpmap:101 telephone-event/8000"), nil)
	g.offer(a, b, relay.OfferRequest{SDP: plain, Options: bridge.Options{Codec: bridge.CodecOptions{Transcode: []string{"telephone-event"}}}})
	g.answer(a, b, relay.AnswerRequest{SDP: bytes.ReplaceAll(b.sdp(), []byte("101"), []byte("96"))})
	n := b.speakTo(a)
	if n == 0 {
		t.Error("an event is not heard as a tone")
	}
	var packets [][]byte
	pcm := keyTone(5)
	for range a.speak(pcm) {
		packets = append(packets, b.receive())
	}
	found := false
	for _, p := range packets {
		if h, _, _ := rtpwire.Parse(p); h.PayloadType == 96 {
			found = true
		}
	}
	if !found {
		t.Error("a tone is not told as an event")
	}
}

// speakTo sends an event of 60 ms and counts the packets of audio it becomes.
func (p *party) speakTo(to *party) (n int) {
	p.Helper()
	for i := range 3 {
		p.seq++
		h := rtpwire.Header{Marker: i == 0, PayloadType: 96, Sequence: p.seq, Timestamp: 160, SSRC: p.ssrc}
		p.raw(p.rtp, p.to, dtmf.Payload{Event: 5, End: i == 2, Volume: 10, Duration: uint16(160 * (i + 1))}.Append(h.Append(nil)))
		if g, payload := to.heardRTP(); g.PayloadType == 8 && len(payload) == 160 {
			n++
		}
	}
	return n
}
