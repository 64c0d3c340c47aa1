package relay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/relay/filerelay"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/srtp"
	"github.com/class5-go/class5/media/srtp/sdes"
)

// TestGoesOnAfterDeath: a relay is gone without a word; the next one has the
// same calls at the same ports, believes the same addresses, goes on with the
// indices of SRTP after their wrap, and counts on.
func TestGoesOnAfterDeath(t *testing.T) {
	store, err := filerelay.New(t.TempDir() + "/state")
	if err != nil {
		t.Fatal(err)
	}
	var first *relay.Relay
	ctx, kill := context.WithCancel(context.Background())
	dead := make(chan error, 1)
	g := newRig(t, func(c *relay.Config) {
		c.Store = store
		var err error
		if first, err = relay.New(*c); err != nil {
			t.Fatal(err)
		}
		go func() { dead <- first.Run(ctx) }()
	})
	second := g.Relay
	g.Relay = first
	a, b, evil := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("evil", "127.0.0.66")
	out, err := g.Offer(t.Context(), relay.OfferRequest{CallID: "call", FromTag: "a", SDP: a.sdp(),
		Options: bridge.Options{Transport: "RTP/SAVP", SDES: sdes.Options{Only: []srtp.Suite{srtp.AES128SHA180}}}})
	if err != nil {
		t.Fatal(err)
	}
	theirs, tag := cryptoIn(t, b.heard(out).Media(0).Attr)
	k := key(3)
	body := withCrypto(b.sdp(), tag, k)
	if out, err = g.Answer(t.Context(), relay.AnswerRequest{CallID: "call", FromTag: "a", ToTag: "b", SDP: body}); err != nil {
		t.Fatal(err)
	}
	a.heard(out)
	seal1, open1 := sealer(t, k), sealer(t, theirs)
	a.seq, b.seq = 65530, 65530
	for range 12 { // over the wrap, both ways
		clear := b.packet()
		b.raw(b.rtp, b.to, seal(t, seal1, clear, false))
		a.gets(clear)
		clear = a.send()
		got := b.receive()
		if n, err := open1.Unprotect(got); err != nil || !bytes.Equal(got[:n], clear) {
			t.Fatalf("%x, %v", got, err)
		}
	}
	g.Sweep(g.clock.now()) // the new roll-over counters are kept within a second
	g.eventually("all is kept", func() bool { return g.Totals().StoreWaiting == 0 })
	before := g.stream("a")
	kill()
	if err := <-dead; err != nil {
		t.Fatal(err)
	}

	g.Relay = second
	g.sent = 0
	if n, err := second.Restore(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	for range 3 {
		clear := b.packet()
		b.raw(b.rtp, b.to, seal(t, seal1, clear, false))
		a.gets(clear)
		clear = a.send()
		got := b.receive()
		if n, err := open1.Unprotect(got); err != nil || !bytes.Equal(got[:n], clear) {
			t.Fatalf("%x, %v", got, err)
		}
	}
	evil.sendFrom(evil.rtp, a.to)
	b.silent()
	s := g.stream("a")
	if s.Received.Packets != before.Received.Packets+3 || s.Sent.Packets != before.Sent.Packets+3 || s.Remote != a.addr || !s.Locked || s.Dropped["foreign"] != 1 {
		t.Errorf("%+v, before %+v", s, before)
	}
	if _, err := second.Delete(t.Context(), relay.DeleteRequest{CallID: "call"}); err != nil {
		t.Fatal(err)
	}
	g.eventually("the ended call is not kept", func() bool {
		for range store.All(t.Context()) {
			return false
		}
		return true
	})
}

func TestImportRefuses(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	st, err := g.Export(t.Context(), "call")
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(st)
	for name, c := range map[string]struct {
		change func(*relay.State)
	}{
		"the call is here": {func(*relay.State) {}},
		"version":          {func(s *relay.State) { s.Version = 99 }},
		"no bridge":        {func(s *relay.State) { s.CallID, s.Bridge = "x", nil }},
		"port in use":      {func(s *relay.State) { s.CallID = "x" }},
		"port out of range": {func(s *relay.State) {
			s.CallID, s.Ports[0].Pairs[0].Port = "x", 80
		}},
		"no such interface": {func(s *relay.State) { s.CallID, s.Ports[0].Pairs[0].Addr = "x", addrPort("192.0.2.9:1").Addr() }},
		"no ports":          {func(s *relay.State) { s.CallID, s.Ports = "x", nil }},
	} {
		var s relay.State
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatal(err)
		}
		c.change(&s)
		if err := g.Import(t.Context(), s); !errors.Is(err, relay.ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
	free := g.Totals().PortsFree["127.0.0.1"]
	g.talk(a, b)
	g.delete(relay.DeleteRequest{})
	if n := g.Totals(); n.Sessions != 0 || n.PortsFree["127.0.0.1"] != free+2 {
		t.Errorf("%+v, free %d", n, free)
	}
	g.eventually("the ports are closed and bound again", func() bool { return g.Import(t.Context(), st) == nil })
	g.talk(a, b)
}

// again takes a session through its stored state, as the next process does.
func (g *rig) again(change func(*relay.State)) {
	g.Helper()
	st, err := g.Export(g.Context(), "call")
	if err != nil {
		g.Fatal(err)
	}
	raw, _ := json.Marshal(st)
	var next relay.State
	if err := json.Unmarshal(raw, &next); err != nil {
		g.Fatal(err)
	}
	if change != nil {
		change(&next)
	}
	g.delete(relay.DeleteRequest{})
	g.eventually("its ports are bound again", func() bool { return g.Import(g.Context(), next) == nil })
}

// TestSecrecyOutlives: what is blocked, silenced and kept secret is so in the
// next process too, where digits are reported as before; a state of the
// version before is read.
func TestSecrecyOutlives(t *testing.T) {
	log, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{DTMFLog: log.LocalAddr().(*net.UDPAddr).AddrPort()})
	g.answer(a, b, relay.AnswerRequest{})
	g.talk(a, b)
	ctx, of := t.Context(), func(tag string) relay.Selector { return relay.Selector{CallID: "call", Tag: tag} }
	digit := func(e dtmf.Event, seq uint16) []byte {
		h := rtpwire.Header{PayloadType: 101, Sequence: seq, Timestamp: 160 * uint32(seq), SSRC: a.ssrc}
		return dtmf.Payload{Event: e, End: true, Duration: 800}.Append(h.Append(nil))
	}
	reported := func(key string) {
		t.Helper()
		buf := make([]byte, 2048)
		_ = log.SetReadDeadline(time.Now().Add(10 * time.Second))
		if n, err := log.Read(buf); err != nil || !bytes.Contains(buf[:n], []byte(`"event":`+key)) {
			t.Errorf("%s, %v", buf[:n], err)
		}
	}
	err = g.SecureDTMF(ctx, of("a"), relay.DTMFSecurity{Trigger: &dtmf.Trigger{Start: "1", EndDigits: 2}, Triggered: dtmf.Drop})
	if err = errors.Join(err, g.SilenceMedia(ctx, of("b"), true)); err != nil {
		t.Fatal(err)
	}
	a.raw(a.rtp, a.to, digit(1, 700)) // secret from now on
	b.receive()
	reported("1")
	g.again(nil)
	a.raw(a.rtp, a.to, digit(5, 701))
	b.silent()
	reported("5")
	b.raw(b.rtp, b.to, b.audio(8, 3))
	if got := a.receive(); !bytes.Equal(got[12:], bytes.Repeat([]byte{codec.SilenceA}, 160)) {
		t.Errorf("%x", got)
	}
	if err := g.BlockMedia(ctx, of("b"), true); err != nil {
		t.Fatal(err)
	}
	g.again(nil)
	b.send()
	a.silent()
	a.raw(a.rtp, a.to, digit(6, 702)) // the second digit: the last one that is secret
	b.silent()
	reported("6")
	g.again(func(s *relay.State) {
		s.Version, s.DigitsTo = 1, netip.AddrPort{}
		for _, l := range s.Legs {
			for i := range l.Streams {
				l.Streams[i].Extra = nil
			}
		}
	})
	a.raw(a.rtp, a.to, digit(7, 703))
	b.receive()
	a.gets(b.send())
	g.delete(relay.DeleteRequest{})
}
