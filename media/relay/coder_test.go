package relay_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/sdp"
)

func pcm(pt uint8, name string) bridge.Codec {
	return bridge.Codec{Codec: sdp.Codec{PayloadType: pt, Name: name, ClockRate: 8000, Channels: 1}}
}

// transcoded lets a speak PCMA and b PCMU.
func transcoded(p *bridge.Plan) {
	a, b := pcm(8, "PCMA"), pcm(0, "PCMU")
	p.Legs[1].Media[0].Codecs = []bridge.Codec{b}
	p.Flows[0].Verbatim, p.Flows[1].Verbatim = false, false
	p.Flows[0].Payloads = []bridge.Payload{{Action: bridge.Transcode, From: a, To: b}}
	p.Flows[1].Payloads = []bridge.Payload{{Action: bridge.Transcode, From: b, To: a}}
}

// audio is the next packet of the party with 20 ms of one value.
func (p *party) audio(pt uint8, value byte) []byte {
	p.seq++
	h := rtpwire.Header{PayloadType: pt, Sequence: p.seq, Timestamp: 160 * uint32(p.seq), SSRC: p.ssrc}
	return append(h.Append(nil), bytes.Repeat([]byte{value}, 160)...)
}

// TestTranscode: payloads are translated, under an SSRC of the relay's own
// whose reports the relay makes.
func TestTranscode(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.plan(planned{a, b, transcoded})
	var ssrc uint32
	for n := range 5 {
		a.raw(a.rtp, a.to, a.audio(8, byte(n)))
		h, payload, ok := rtpwire.Parse(b.receive())
		want := codec.ALawToMuLaw(nil, bytes.Repeat([]byte{byte(n)}, 160))
		if !ok || h.PayloadType != 0 || !bytes.Equal(payload, want) || n > 0 && h.SSRC != ssrc {
			t.Fatalf("%+v %x", h, payload)
		}
		ssrc = h.SSRC
		b.raw(b.rtp, b.to, b.audio(0, byte(n)))
		if h, _, ok := rtpwire.Parse(a.receive()); !ok || h.PayloadType != 8 {
			t.Fatalf("%+v", h)
		}
	}
	if ssrc == a.ssrc {
		t.Error("the source's SSRC")
	}
	a.raw(a.rtp, a.to, a.audio(99, 1))
	b.silent()
	if s := g.stream("a"); s.Dropped["payload"] != 1 {
		t.Errorf("%+v", s)
	}
	// Reports of the party end here, others are made.
	a.raw(a.rtcp, next(a.to), (&rtpwire.Report{SSRC: a.ssrc, Sender: &rtpwire.SenderInfo{NTP: 7 << 32}}).Append(nil))
	g.clock.advance(6 * time.Second)
	g.Sweep(g.clock.now())
	buf := make([]byte, 1500)
	_ = b.rtcp.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := b.rtcp.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	for p := range rtpwire.RTCP(buf[:n]) {
		info, ok := p.SenderInfo()
		block, has := p.Reception(0)
		if p.Type == rtpwire.SenderReport && (!ok || info.Packets != 5 || info.Octets != 800 || p.SSRC != ssrc || !has || block.SSRC != b.ssrc) {
			t.Errorf("%+v %+v %+v", p, info, block)
		}
	}
	if !rtpwire.ValidRTCP(buf[:n]) || buf[1] != rtpwire.SenderReport {
		t.Errorf("%x", buf[:n])
	}
	g.plan(planned{a, b, transcoded}) // a re-offer goes on with the same stream
	a.raw(a.rtp, a.to, a.audio(8, 1))
	if h, _, _ := rtpwire.Parse(b.receive()); h.SSRC != ssrc {
		t.Error("another SSRC after a re-offer")
	}
}

// TestPayloadMap: a payload type that is another one on the other side.
func TestPayloadMap(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.plan(planned{a, b, func(p *bridge.Plan) {
		p.Flows[0].Verbatim = false
		p.Flows[0].Payloads = []bridge.Payload{{From: pcm(8, "PCMA"), To: pcm(100, "PCMA")}}
	}})
	sent := a.send()
	sent[1] = 100
	b.gets(sent)
	a.raw(a.rtp, a.to, a.audio(9, 0))
	b.silent()
}

// TestGeneratedRTCP: on request the relay writes the reports itself.
func TestGeneratedRTCP(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.plan(planned{a: a, b: b})
	g.Generate("call")
	b.gets(a.send())
	a.raw(a.rtcp, next(a.to), (&rtpwire.Report{SSRC: a.ssrc}).Append(nil))
	b.silent()
	g.clock.advance(6 * time.Second)
	g.Sweep(g.clock.now())
	buf := make([]byte, 1500)
	_ = a.rtcp.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := a.rtcp.Read(buf)
	if err != nil || buf[1] != rtpwire.ReceiverReport || !rtpwire.ValidRTCP(buf[:n]) {
		t.Fatalf("%x, %v", buf[:n], err)
	}
	for p := range rtpwire.RTCP(buf[:n]) {
		if b, ok := p.Reception(0); ok && (b.SSRC != a.ssrc || b.Highest != 1 || b.Lost != 0) {
			t.Errorf("%+v", b)
		}
	}
}

// TestSilenceBecomesNoise: also where the audio itself passes, if the receiver
// knows comfort noise and the sender does not.
func TestSilenceBecomesNoise(t *testing.T) {
	g := newRig(t, func(c *relay.Config) { c.Silence = 40 })
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{Options: bridge.Options{Codec: bridge.CodecOptions{Transcode: []string{"CN"}}}})
	b.lines += "a=rtpmap:13 CN/8000\r\n"
	g.answer(a, b, relay.AnswerRequest{SDP: bytes.Replace(b.sdp(), []byte("AVP 8 0"), []byte("AVP 8 13 0"), 1)})
	types := map[uint8]int{}
	for n := range 40 {
		value := byte(0x2a) // loud
		if n >= 10 {
			value = codec.SilenceA
		}
		a.raw(a.rtp, a.to, a.audio(8, value^byte(n%2)<<7))
	}
	buf := make([]byte, 1500)
	for {
		_ = b.rtp.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		n, _, err := b.rtp.ReadFromUDPAddrPort(buf)
		if err != nil {
			break
		}
		h, _, _ := rtpwire.Parse(buf[:n])
		types[h.PayloadType]++
	}
	if types[8] < 15 || types[8] > 25 || types[13] < 1 || types[13] > 5 {
		t.Errorf("packets by type: %v", types)
	}
	b.raw(b.rtp, b.to, b.audio(8, codec.SilenceA))
	if h, _, ok := rtpwire.Parse(a.receive()); !ok || h.PayloadType != 8 {
		t.Errorf("%+v", h)
	}
}
