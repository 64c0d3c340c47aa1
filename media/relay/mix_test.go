package relay_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
)

// sings is the next 20 ms of a tone of the party in A-law.
func (p *party) sings(hz, level float64) []byte {
	p.seq++
	pcm := make([]int16, 160)
	for i := range pcm {
		pcm[i] = int16(level * math.Sin(2*math.Pi*hz*float64(160*int(p.seq)+i)/8000))
	}
	e, err := codec.PCMA().Encoder(codec.Params{})
	if err != nil {
		p.Fatal(err)
	}
	b, err := e.Encode(rtpwire.Header{PayloadType: 8, Sequence: p.seq, Timestamp: 160 * uint32(p.seq), SSRC: p.ssrc}.Append(nil), pcm)
	if err != nil {
		p.Fatal(err)
	}
	return b
}

// level is that of a tone in samples of 8,000 Hz.
func level(pcm []int16, hz float64) float64 {
	var re, im float64
	for i, v := range pcm {
		a := 2 * math.Pi * hz * float64(i) / 8000
		re, im = re+float64(v)*math.Cos(a), im+float64(v)*math.Sin(a)
	}
	return 2 * math.Hypot(re, im) / float64(max(len(pcm), 1))
}

func decoded(t testing.TB, b []byte) (rtpwire.Header, []int16) {
	t.Helper()
	h, payload, ok := rtpwire.Parse(b)
	d, err := codec.PCMA().Decoder(codec.Params{})
	if !ok || err != nil {
		t.Fatalf("%x, %v", b, err)
	}
	pcm, err := d.Decode(nil, payload)
	if err != nil {
		t.Fatal(err)
	}
	return h, pcm
}

// choir is a call of a and b, and p whom either may hear too.
type choir struct {
	*rig
	a, b, p *party
}

func newChoir(t *testing.T, change ...func(*relay.Config)) choir {
	t.Helper()
	g := newRig(t, change...)
	c := choir{g, g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("p", "127.0.0.4")}
	g.connect(c.a, c.b)
	out, err := g.Publish(t.Context(), relay.PublishRequest{CallID: "call", FromTag: "p", SDP: c.p.sdpAt(c.p.addr, "a=sendonly\r\n")})
	if err != nil {
		t.Fatal(err)
	}
	c.p.heard(out)
	return c
}

var prompter = relay.InjectRequest{CallID: "call", ToTag: "b", SourceTag: "p"}

// sing lets time go by in which a sings 440 Hz and p, if it does, 1,000 Hz, and
// returns what b hears.
func (c *choir) sing(frames int, both bool) (pcm []int16, heads []rtpwire.Header) {
	c.Helper()
	for range frames {
		c.clock.advance(20 * time.Millisecond)
		if both {
			c.p.raw(c.p.rtp, c.p.to, c.p.sings(1000, 6000))
		}
		c.a.raw(c.a.rtp, c.a.to, c.a.sings(440, 8000))
		h, samples := decoded(c, c.b.receive())
		pcm, heads = append(pcm, samples...), append(heads, h)
	}
	return pcm, heads
}

func (c *choir) levels(what string, pcm []int16, own, other float64) {
	c.Helper()
	if a, b := level(pcm, 440), level(pcm, 1000); math.Abs(a-own) > 0.03*own+50 || math.Abs(b-other) > 0.03*other+50 {
		c.Errorf("%s: levels %.0f and %.0f", what, a, b)
	}
}

// TestInject: both are heard at their levels, others hear what they heard, and
// without the source, and after the end, every octet passes as before.
func TestInject(t *testing.T) {
	c := newChoir(t)
	c.clock.stop()
	c.talk(c.a, c.b)
	if err := c.Inject(t.Context(), prompter); err != nil {
		t.Fatal(err)
	}
	sent := c.a.sings(440, 8000)
	c.clock.advance(20 * time.Millisecond)
	c.a.raw(c.a.rtp, c.a.to, sent)
	if got := c.b.receive(); !bytes.Equal(got[12:], sent[12:]) {
		t.Error("changed while nobody else speaks")
	}
	c.sing(10, true)
	pcm, heads := c.sing(100, true)
	c.levels("both", pcm, 8000, 6000)
	for i, h := range heads {
		if h.SSRC != heads[0].SSRC || h.Sequence != heads[0].Sequence+uint16(i) || h.Timestamp != heads[0].Timestamp+160*uint32(i) {
			t.Fatalf("packet %d: %+v", i, h)
		}
	}
	c.a.gets(c.b.send())
	c.p.silent()
	if rep, err := c.Query(t.Context(), "call"); err != nil || !slices.Equal(rep.Legs[1].Mixed, []string{"p"}) || rep.Legs[0].Mixed != nil {
		t.Errorf("%+v, %v", rep.Legs, err)
	}
	c.sing(10, false)
	pcm, _ = c.sing(50, false)
	c.levels("a alone", pcm, 8000, 0)
	c.sing(10, true)
	pcm, _ = c.sing(50, true)
	c.levels("both again", pcm, 8000, 6000)
	if s := c.stream("b"); s.Sent.Packets != 233-1 || len(c.stream("p").Dropped) != 0 {
		t.Errorf("%d packets sent, of p %v dropped", s.Sent.Packets, c.stream("p").Dropped)
	}
	if err := c.StopInject(t.Context(), prompter); err != nil {
		t.Fatal(err)
	}
	sent = c.a.sings(440, 8000)
	c.clock.advance(20 * time.Millisecond)
	c.a.raw(c.a.rtp, c.a.to, sent)
	_, own := decoded(t, sent)
	_, pcm = decoded(t, c.b.receive())
	if slices.Equal(own[:40], pcm[:40]) || !slices.Equal(own[40:], pcm[40:]) {
		t.Error("it does not fade out")
	}
	c.clock.resume()
	c.eventually("packets pass as they are", func() bool {
		sent := c.a.sings(440, 8000)
		c.a.raw(c.a.rtp, c.a.to, sent)
		return bytes.Equal(c.b.receive(), sent)
	})
	c.p.raw(c.p.rtp, c.p.to, c.p.sings(1000, 6000))
	c.talk(c.a, c.b)
}

// TestInjectErrors: what cannot be mixed is refused with the reason, and
// nothing changes.
func TestInjectErrors(t *testing.T) {
	c := newChoir(t)
	video, err := c.Publish(t.Context(), relay.PublishRequest{CallID: "call", FromTag: "film", SDP: []byte("v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\nm=video 4000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=sendonly\r\n"),
		Options: bridge.Options{Codec: bridge.CodecOptions{Accept: []string{"any"}}}})
	if err != nil {
		t.Fatalf("%v %s", err, video)
	}
	if _, err := c.Publish(t.Context(), relay.PublishRequest{CallID: "call", FromTag: "narrow", SDP: []byte("v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\na=sendonly\r\n"),
		Options: bridge.Options{Codec: bridge.CodecOptions{Accept: []string{"any"}}}}); err != nil {
		t.Fatal(err)
	}
	if err := c.Inject(t.Context(), prompter); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		req  relay.InjectRequest
		want error
	}{
		"twice":         {prompter, relay.ErrMismatch},
		"oneself":       {relay.InjectRequest{CallID: "call", ToTag: "b", SourceTag: "b"}, relay.ErrMismatch},
		"heard already": {relay.InjectRequest{CallID: "call", ToTag: "b", SourceTag: "a"}, relay.ErrMismatch},
		"no session":    {relay.InjectRequest{CallID: "other", ToTag: "b", SourceTag: "p"}, relay.ErrUnknownCall},
		"no party":      {relay.InjectRequest{CallID: "call", ToTag: "x", SourceTag: "p"}, relay.ErrUnknownCall},
		"no source":     {relay.InjectRequest{CallID: "call", ToTag: "b", SourceTag: "x"}, relay.ErrUnknownCall},
		"no audio":      {relay.InjectRequest{CallID: "call", ToTag: "b", SourceTag: "film"}, relay.ErrMismatch},
		"no codec":      {relay.InjectRequest{CallID: "call", ToTag: "b", SourceTag: "narrow"}, bridge.ErrNoCodec},
	} {
		if err := c.Inject(t.Context(), x.req); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, req := range []relay.InjectRequest{{CallID: "call", ToTag: "a", SourceTag: "p"}, {CallID: "call", ToTag: "b", SourceTag: "a"}} {
		if err := c.StopInject(t.Context(), req); !errors.Is(err, relay.ErrMismatch) {
			t.Errorf("%v: %v", req, err)
		}
	}
	if err := c.StopInject(t.Context(), prompter); err != nil {
		t.Error(err)
	}
	if err := c.StopInject(t.Context(), prompter); !errors.Is(err, relay.ErrMismatch) {
		t.Error(err)
	}
	c.delete(relay.DeleteRequest{})
	if c.Count() != 0 {
		t.Error("something is left")
	}
}

// TestInjectKernel: streams that are mixed, and the source, come out of the
// kernel and go back.
func TestInjectKernel(t *testing.T) {
	k := newFakeKernel()
	c := newChoir(t, func(cfg *relay.Config) { cfg.Offload = k })
	active := func() (n int) {
		k.mu.Lock()
		defer k.mu.Unlock()
		for _, f := range k.flows {
			if !f.Released {
				n++
			}
		}
		return n
	}
	turn := func(frames int) {
		t.Helper()
		for range frames {
			c.sing(1, false)
			c.b.raw(c.b.rtp, c.b.to, c.b.sings(440, 100))
			c.a.receive()
		}
		c.clock.advance(4 * time.Second)
		c.sing(1, false)
		c.b.raw(c.b.rtp, c.b.to, c.b.sings(440, 100))
		c.a.receive()
		c.Sweep(c.clock.now())
	}
	turn(2)
	if n := active(); n != 2 {
		t.Fatalf("%d flows in the kernel", n)
	}
	if err := c.Inject(t.Context(), prompter); err != nil {
		t.Fatal(err)
	}
	if n := active(); n != 0 {
		t.Errorf("%d flows in the kernel while mixing", n)
	}
	turn(2)
	if n := active(); n != 0 {
		t.Errorf("%d flows in the kernel while mixing", n)
	}
	if err := c.StopInject(t.Context(), prompter); err != nil {
		t.Fatal(err)
	}
	turn(2)
	if n := active(); n != 2 {
		t.Errorf("%d flows in the kernel afterwards", n)
	}
}

// TestInjectGoesOn: another process that takes the session mixes on.
func TestInjectGoesOn(t *testing.T) {
	c := newChoir(t)
	c.clock.stop()
	if err := c.Inject(t.Context(), prompter); err != nil {
		t.Fatal(err)
	}
	_, before := c.sing(20, true)
	st, err := c.Export(t.Context(), "call")
	if err != nil {
		t.Fatal(err)
	}
	c.delete(relay.DeleteRequest{})
	b, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &st); err != nil {
		t.Fatal(err)
	}
	c.eventually("the loop has closed the ports", func() bool { err = c.Import(t.Context(), st); return !errors.Is(err, relay.ErrPorts) })
	if err != nil {
		t.Fatal(err)
	}
	_, after := c.sing(20, true)
	pcm, _ := c.sing(50, true)
	c.levels("afterwards", pcm, 8000, 6000)
	if before[0].SSRC != after[0].SSRC {
		t.Error("another stream")
	}
	if err := c.StopInject(t.Context(), prompter); err != nil {
		t.Error(err)
	}
}

// TestInjectAlone: who hears nobody else hears the source, at the pace of the
// clock, and not while it is on hold.
func TestInjectAlone(t *testing.T) {
	c := newChoir(t)
	if err := c.Inject(t.Context(), prompter); err != nil {
		t.Fatal(err)
	}
	got := make(chan []int16, 1000)
	go func() {
		defer close(got)
		buf := make([]byte, 2048)
		for {
			n, err := c.b.rtp.Read(buf)
			if err != nil {
				return
			}
			if h, payload, ok := rtpwire.Parse(buf[:n]); ok && h.PayloadType == 8 {
				d, _ := codec.PCMA().Decoder(codec.Params{})
				pcm, _ := d.Decode(nil, payload)
				got <- pcm
			}
		}
	}()
	end := time.Now().Add(1500 * time.Millisecond)
	for at := time.Now(); at.Before(end); at = at.Add(20 * time.Millisecond) {
		time.Sleep(time.Until(at))
		c.p.raw(c.p.rtp, c.p.to, c.p.sings(1000, 6000))
	}
	_ = c.b.rtp.Close()
	best := 0.0
	for pcm := range got {
		best = max(best, level(pcm, 1000))
	}
	if math.Abs(best-6000) > 300 {
		t.Errorf("level %.0f", best)
	}
}

// TestInjectEnds: who leaves is not heard any more, and who comes back has to
// be mixed in anew.
func TestInjectEnds(t *testing.T) {
	c := newChoir(t)
	c.clock.stop()
	if err := c.Inject(t.Context(), prompter); err != nil {
		t.Fatal(err)
	}
	c.sing(20, true)
	c.delete(relay.DeleteRequest{FromTag: "p", ToTag: "b"})
	if c.Count() != 1 {
		t.Fatal("the session ended with its publisher")
	}
	c.sing(2, false)
	c.delete(relay.DeleteRequest{})
	if c.Count() != 0 || c.Totals().Sessions != 0 {
		t.Error("something is left")
	}
}
