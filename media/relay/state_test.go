package relay_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
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

// secureCall is a call under the name "call" whose second party speaks SRTP. It
// returns the contexts of that party.
func (g *rig) secureCall(a, b *party) (out, in *srtp.Context) {
	g.Helper()
	body, err := g.Offer(g.Context(), relay.OfferRequest{CallID: "call", FromTag: "a", SDP: a.sdp(),
		Options: bridge.Options{Transport: "RTP/SAVP", SDES: sdes.Options{Only: []srtp.Suite{srtp.AES128SHA180}}}})
	if err != nil {
		g.Fatal(err)
	}
	theirs, tag := cryptoIn(g.T, b.heard(body).Media(0).Attr)
	k := key(3)
	if body, err = g.Answer(g.Context(), relay.AnswerRequest{CallID: "call", FromTag: "a", ToTag: "b", SDP: withCrypto(b.sdp(), tag, k)}); err != nil {
		g.Fatal(err)
	}
	a.heard(body)
	return sealer(g.T, k), sealer(g.T, theirs)
}

// secureWays sends a packet each way. It returns the one that b got.
func secureWays(t *testing.T, a, b *party, out, in *srtp.Context) []byte {
	t.Helper()
	clear := b.packet()
	b.raw(b.rtp, b.to, seal(t, out, clear, false))
	a.gets(clear)
	clear = a.send()
	got := b.receive()
	n, err := in.Unprotect(got)
	if err != nil || !bytes.Equal(got[12:n], clear[12:]) || !bytes.Equal(got[2:4], clear[2:4]) {
		t.Fatalf("%x, %v", got, err)
	}
	return got[:n]
}

// TestGoesOnAfterDeath: a relay is gone without a word; the next one has the
// same calls at the same ports, believes the same addresses, goes on with the
// indices of SRTP after their wrap, and counts on.
func TestGoesOnAfterDeath(t *testing.T) {
	dir := t.TempDir() + "/state"
	kept := func() *filerelay.Store {
		store, err := filerelay.New(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		return store
	}
	g := newRig(t, func(c *relay.Config) { c.Store = kept() })
	a, b, evil := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("evil", "127.0.0.66")
	out, in := g.secureCall(a, b)
	a.seq, b.seq = 65530, 65530
	for range 12 { // over the wrap, both ways
		secureWays(t, a, b, out, in)
	}
	before := g.stream("a")
	g.stop()

	next := revived(t, func(g *rig) {
		if n, err := g.Restore(t.Context()); n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}, func(c *relay.Config) { c.Store = kept() })
	a.rig, b.rig, evil.rig = next, next, next
	for range 3 {
		if got := secureWays(t, a, b, out, in); binary.BigEndian.Uint32(got[8:]) != a.ssrc {
			t.Errorf("the SSRC is %x", got[8:12])
		}
	}
	evil.sendFrom(evil.rtp, a.to)
	b.silent()
	s := next.stream("a")
	if s.Received.Packets != before.Received.Packets+3 || s.Sent.Packets != before.Sent.Packets+3 || s.Remote != a.addr || !s.Locked || s.Dropped["foreign"] != 1 {
		t.Errorf("%+v, before %+v", s, before)
	}
	next.delete(relay.DeleteRequest{})
	next.eventually("the ended call is not kept", func() bool {
		for range kept().All(t.Context()) {
			return false
		}
		return true
	})
}

// TestWrapBeforeKept: an SSRC wraps just after it began. Its state is written at
// once, and the next process goes on with its index; when the store missed it,
// the SSRC is another one from then on, which its receiver can open, and reports
// about that are about the one of before for its source. So it is in the process
// after that.
func TestWrapBeforeKept(t *testing.T) {
	for name, missed := range map[string]bool{"written at once": false, "missed": true} {
		t.Run(name, func(t *testing.T) {
			f := &fakeStore{now: time.Now}
			g := newRig(t, func(c *relay.Config) { c.Store = f })
			a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
			out, in := g.secureCall(a, b)
			g.eventually("the call is kept", func() (confirmed bool) {
				f.set(func() { confirmed = !f.began })
				return confirmed && f.has("call") && g.Totals().StoreWaiting == 0
			})
			f.set(func() { f.away = missed })
			a.seq, b.seq = 65530, 65530
			for range 10 {
				secureWays(t, a, b, out, in)
			}
			if !missed {
				written := 0
				g.eventually("the wraps are kept", func() bool { // no second has passed by this clock
					f.set(func() { written = f.writes })
					return written >= 2 && g.Totals().StoreWaiting == 0
				})
			}
			for life := range 2 {
				died := &fakeStore{now: time.Now}
				f.set(func() { died.states, died.current, died.began = maps.Clone(f.states), f.current, f.began })
				g.stop() // what that writes is not in the copy
				g = revived(t, func(g *rig) {
					if n, err := g.Restore(t.Context()); n != 1 || err != nil {
						t.Fatalf("%d, %v", n, err)
					}
				}, func(c *relay.Config) { c.Store = died })
				f, a.rig, b.rig = died, g, g
				var ssrc uint32
				for range 5 {
					got := secureWays(t, a, b, out, in)
					if ssrc = binary.BigEndian.Uint32(got[8:]); (ssrc != a.ssrc) != missed {
						t.Fatalf("life %d: the SSRC is %x, that of the source %x", life, ssrc, a.ssrc)
					}
				}
				about := []byte{0x81, 201, 0, 7, 9, 9, 9, 9, 0, 0, 0, 0, 28: 0, 31: 0}
				binary.BigEndian.PutUint32(about[8:], ssrc)
				b.raw(b.rtcp, next(b.to), seal(t, out, about, true))
				buf := make([]byte, 500)
				_ = a.rtcp.SetReadDeadline(time.Now().Add(5 * time.Second))
				if n, err := a.rtcp.Read(buf); err != nil || n < 12 || binary.BigEndian.Uint32(buf[8:]) != a.ssrc {
					t.Errorf("life %d: %x, %v", life, buf[:n], err)
				}
				clear := []byte{0x80, 201, 0, 1, 0, 0, 0, 0}
				binary.BigEndian.PutUint32(clear[4:], a.ssrc)
				a.raw(a.rtcp, next(a.to), clear)
				_ = b.rtcp.SetReadDeadline(time.Now().Add(5 * time.Second))
				n, err := b.rtcp.Read(buf)
				if n, err2 := in.UnprotectRTCP(buf[:n]); err != nil || err2 != nil || n != 8 || binary.BigEndian.Uint32(buf[4:]) != ssrc {
					t.Errorf("life %d: %x, %v, %v", life, buf[:n], err, err2)
				}
				g.eventually("all is kept", func() (confirmed bool) {
					f.set(func() { confirmed = !f.began })
					return confirmed && f.has("call") && g.Totals().StoreWaiting == 0
				})
			}
		})
	}
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
