package relay_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/ice"
	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/sdp"
	"github.com/class5-go/class5/media/srtp"
)

// planned is a call of two parties whose plan a test writes itself.
type planned struct {
	a, b   *party
	change func(*bridge.Plan)
}

// plan connects two parties with one audio stream; p.to is where each sends.
func (g *rig) plan(c planned) {
	g.Helper()
	err := g.Apply("call", func(ports bridge.Ports) bridge.Plan {
		p := twoLegs(ports, c.a.addr, c.b.addr)
		if c.change != nil {
			c.change(&p)
		}
		for i, x := range []*party{c.a, c.b} {
			l := p.Legs[i].Media[0].Local.In()
			x.to = netip.AddrPortFrom(l.Addr, l.RTP)
		}
		return p
	})
	if err != nil {
		g.Fatal(err)
	}
}

func twoLegs(ports bridge.Ports, addrs ...netip.AddrPort) bridge.Plan {
	var p bridge.Plan
	pcma := bridge.Codec{Codec: sdp.Codec{PayloadType: 8, Name: "PCMA", ClockRate: 8000, Channels: 1}}
	for i, a := range addrs {
		id := bridge.LegID(i + 1)
		local, err := ports.Local(bridge.PortRequest{Leg: id, Kind: "audio", Family: bridge.IPv4})
		if err != nil {
			panic(err)
		}
		p.Legs = append(p.Legs, bridge.Leg{ID: id, Tags: []string{string('a' + rune(i))}, Peer: 3 - id, Media: []bridge.Media{{
			Kind: "audio", Proto: "RTP/AVP", Local: local, RTP: a, RTCP: next(a), Direction: sdp.SendRecv, Codecs: []bridge.Codec{pcma},
		}}})
		p.Flows = append(p.Flows, bridge.Flow{From: id, To: 3 - id, Open: true, Verbatim: true})
	}
	return p
}

func key(n byte) *bridge.Crypto {
	return &bridge.Crypto{Tag: 1, Suite: "AES_CM_128_HMAC_SHA1_80", Key: bytes.Repeat([]byte{n}, 16), Salt: bytes.Repeat([]byte{n + 1}, 14)}
}

// sealer is a party's own SRTP context for a key.
func sealer(t testing.TB, c *bridge.Crypto) *srtp.Context {
	t.Helper()
	suite, ok := srtp.SuiteByName(c.Suite)
	if !ok {
		t.Fatal(c.Suite)
	}
	x, err := srtp.NewContext(suite, c.Key, c.Salt)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func seal(t testing.TB, x *srtp.Context, b []byte, rtcp bool) []byte {
	t.Helper()
	buf := append(bytes.Clone(b), make([]byte, srtp.MaxOverhead)...)
	do := x.Protect
	if rtcp {
		do = x.ProtectRTCP
	}
	n, err := do(buf, len(b))
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// receive is the next packet on a socket.
func (p *party) receive() []byte {
	p.Helper()
	buf := make([]byte, 4096)
	_ = p.rtp.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, _, err := p.rtp.ReadFromUDPAddrPort(buf)
	if err != nil {
		p.Fatalf("%s: %v; totals %+v", p.tag, err, p.Totals())
	}
	return buf[:n]
}

func secured(in, out *bridge.Crypto, leg int) func(*bridge.Plan) {
	return func(p *bridge.Plan) {
		m := &p.Legs[leg].Media[0]
		m.Proto, m.Security, m.SDESIn, m.SDESOut, m.Mux = "RTP/SAVP", bridge.SDES, in, out, true
	}
}

// TestSRTPToRTP: one leg with keys, one without; RTCP and replays too. What is
// not authentic moves nothing.
func TestSRTPToRTP(t *testing.T) {
	g := newRig(t)
	a, b, evil := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("evil", "127.0.0.2")
	toRelay, fromRelay := key(1), key(7)
	g.plan(planned{a, b, secured(toRelay, fromRelay, 0)})
	sa, ra := sealer(t, toRelay), sealer(t, fromRelay)

	evil.sendFrom(evil.rtp, a.to) // same address as a: a likely source, but without the key
	evil.raw(evil.rtp, a.to, append(evil.packet(), make([]byte, 10)...))
	b.silent()
	if s := g.stream("a"); s.Locked || s.Remote != a.addr || s.Dropped["auth"] != 1 || s.Dropped["malformed"] != 1 || s.Received.Packets != 0 {
		t.Errorf("%+v", s)
	}
	for range 3 {
		clear := a.packet()
		sealed := seal(t, sa, clear, false)
		a.raw(a.rtp, a.to, sealed)
		b.gets(clear)
		a.raw(a.rtp, a.to, sealed) // replay
		clear = b.send()
		got := a.receive()
		n, err := ra.Unprotect(got)
		if err != nil || !bytes.Equal(got[:n], clear) {
			t.Fatalf("%x, %v; want %x", got, err, clear)
		}
	}
	rr := (&rtpwire.Report{SSRC: a.ssrc, Receptions: []rtpwire.Reception{{SSRC: b.ssrc}}}).Append(nil)
	a.raw(a.rtp, a.to, seal(t, sa, rr, true))
	b.getsAt(b.rtcp, rr, next(b.to))
	b.raw(b.rtcp, next(b.to), rr)
	got := a.receive()
	if n, err := ra.UnprotectRTCP(got); err != nil || !bytes.Equal(got[:n], rr) {
		t.Fatalf("%x, %v", got, err)
	}
	b.silent()
	evil.silent()
	if s := g.stream("a"); s.Dropped["replay"] != 3 || s.Received.Packets != 3 || !s.Locked {
		t.Errorf("%+v", s)
	}
}

// TestEqualKeys: protected packets pass as they are, but nothing is learned
// from one that is not authentic.
func TestEqualKeys(t *testing.T) {
	g := newRig(t)
	a, b, evil := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("evil", "127.0.0.2")
	ka, kb := key(1), key(7)
	g.plan(planned{a, b, func(p *bridge.Plan) {
		secured(ka, kb, 0)(p)
		secured(kb, ka, 1)(p)
		p.Flows[0].SameKeys, p.Flows[1].SameKeys = true, true
	}})
	evil.raw(evil.rtp, a.to, append(evil.packet(), make([]byte, 10)...))
	b.silent()
	sa := sealer(t, ka)
	a.seq = 65500
	for range 60 { // over the wrap
		sealed := seal(t, sa, a.packet(), false)
		a.raw(a.rtp, a.to, sealed)
		b.gets(sealed)
	}
	if s := g.stream("a"); !s.Locked || s.Received.Packets != 60 || s.Dropped["auth"] != 1 {
		t.Errorf("%+v", s)
	}
	// A tap needs the contents: packets are opened and sealed from now on, and
	// b cannot tell.
	x := &tapped{}
	detach, err := g.Attach(t.Context(), relay.Selector{CallID: "call"}, x)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		clear := a.packet()
		sealed := seal(t, sa, clear, false)
		a.raw(a.rtp, a.to, sealed)
		b.gets(sealed)
		if got := x.last(); !bytes.Equal(got, clear) {
			t.Errorf("%x at the tap", got)
		}
	}
	detach()
	sealed := seal(t, sa, a.packet(), false)
	a.raw(a.rtp, a.to, sealed)
	b.gets(sealed)
}

// TestEqualKeysUnknownHere: packets that the relay cannot authenticate pass from
// the announced address, where nothing can be learned from them, and nowhere
// else; nor do they with keys that differ, which make them the relay's to judge.
func TestEqualKeysUnknownHere(t *testing.T) {
	ka, kb := key(1), key(7)
	for _, c := range []struct {
		name   string
		equal  bool
		from   string // announced, or another port of that address
		key    *bridge.Crypto
		rolled bool // the sender's rollover counter moved elsewhere
		passes bool
	}{
		{name: "another key", equal: true, from: "announced", key: key(30), passes: true},
		{name: "rolled over elsewhere", equal: true, from: "announced", key: ka, rolled: true, passes: true},
		{name: "another port", equal: true, from: "port", key: key(30)},
		{name: "keys differ", from: "announced", key: key(30)},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRig(t)
			a, b, other := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("o", "127.0.0.2")
			g.plan(planned{a, b, func(p *bridge.Plan) {
				secured(ka, kb, 0)(p)
				if secured(kb, ka, 1)(p); !c.equal {
					secured(kb, key(40), 1)(p)
				}
				p.Flows[0].SameKeys, p.Flows[1].SameKeys = c.equal, c.equal
			}})
			from, x := a, sealer(t, c.key)
			if c.from == "port" {
				from = other
			}
			for n := uint16(1); c.rolled && n < 10; n++ { // by less than half of the range: four times round
				a.seq = n * 30000
				seal(t, x, a.packet(), false)
			}
			for range 3 {
				sealed := seal(t, x, a.packet(), false)
				from.raw(from.rtp, a.to, sealed)
				if c.passes {
					b.gets(sealed)
				}
			}
			b.silent()
			if s := g.stream("a"); s.Locked || s.Remote != a.addr {
				t.Errorf("learned: %+v", s)
			}
			if s := g.stream("a"); !c.passes && s.Dropped["auth"] != 3 {
				t.Errorf("%+v", s)
			}
			a.raw(a.rtp, a.to, seal(t, sealer(t, ka), a.packet(), false))
			b.receive()
			if s := g.stream("a"); !s.Locked {
				t.Errorf("not learned: %+v", s)
			}
		})
	}
}

// TestNewKeys: contexts live as long as their keys; a new key opens a new one.
func TestNewKeys(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	ka, kb := key(1), key(7)
	g.plan(planned{a, b, secured(ka, kb, 0)})
	sa := sealer(t, ka)
	first := seal(t, sa, a.packet(), false)
	a.raw(a.rtp, a.to, first)
	b.receive()
	g.plan(planned{a, b, secured(ka, kb, 0)}) // a re-offer with the same keys
	a.raw(a.rtp, a.to, first)
	b.silent()
	kc := key(20)
	g.plan(planned{a, b, secured(kc, kb, 0)})
	clear := a.packet()
	a.raw(a.rtp, a.to, seal(t, sealer(t, kc), clear, false))
	b.gets(clear)
}

// TestSSRCMap: media under another SSRC, and RTCP of both ways follows.
func TestSSRCMap(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.plan(planned{a: a, b: b})
	g.MapSSRC("call", a.ssrc, 0xabcdef)
	p := a.send()
	binary.BigEndian.PutUint32(p[8:], 0xabcdef)
	b.gets(p)
	report := func(from, about uint32) []byte {
		return (&rtpwire.Report{SSRC: from, Sender: &rtpwire.SenderInfo{NTP: 1}, Receptions: []rtpwire.Reception{{SSRC: about}}}).Append(nil)
	}
	a.raw(a.rtcp, next(a.to), report(a.ssrc, b.ssrc))
	b.getsAt(b.rtcp, report(0xabcdef, b.ssrc), next(b.to))
	b.raw(b.rtcp, next(b.to), report(b.ssrc, 0xabcdef))
	a.getsAt(a.rtcp, report(b.ssrc, a.ssrc), next(a.to))
}

// TestRoundTrip: the report of a party on a sender report that passed by tells
// how far it is.
func TestRoundTrip(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.plan(planned{a: a, b: b})
	ntp := rtpwire.NTPTime(time.Now())
	a.raw(a.rtcp, next(a.to), (&rtpwire.Report{SSRC: a.ssrc, Sender: &rtpwire.SenderInfo{NTP: ntp}}).Append(nil))
	g.clock.advance(150 * time.Millisecond)
	b.raw(b.rtcp, next(b.to), (&rtpwire.Report{SSRC: b.ssrc, Receptions: []rtpwire.Reception{{SSRC: a.ssrc, LastReport: rtpwire.NTPMiddle(ntp), SinceThat: 65536 / 20}}}).Append(nil))
	if d := g.stream("b").RoundTrip; d < 100*time.Millisecond || d > 10*time.Second {
		t.Errorf("%v", d)
	}
	b.send()
	g.Sweep(g.clock.now())
	if q := g.stream("b").Quality; q == nil || q.Samples < 1 || q.Last.MOS < 3 || q.Last.MOS > 4.4 {
		t.Errorf("%+v", q)
	}
}

// TestBundle: two m= lines on the ports of one; MID and SSRC tell them apart,
// each goes its own way, and what comes back shares the ports.
func TestBundle(t *testing.T) {
	g := newRig(t)
	a, b, video := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("v", "127.0.0.4")
	g.plan(planned{a, b, func(p *bridge.Plan) {
		m := p.Legs[0].Media[0]
		m.Mux, m.MID, m.MIDID = true, "0", 3
		p.Legs[0].Media[0] = m
		m.Index, m.Kind, m.MID = 1, "video", "1"
		p.Legs[0].Media = append(p.Legs[0].Media, m)
		local := p.Legs[1].Media[0]
		p.Legs[1].Media = append(p.Legs[1].Media, local)
		p.Flows = append(p.Flows, bridge.Flow{From: 1, FromMedia: 1, To: 2, ToMedia: 1, Open: true, Verbatim: true},
			bridge.Flow{From: 2, FromMedia: 1, To: 1, ToMedia: 1, Open: true, Verbatim: true})
	}})
	// The second stream of b needs ports of its own.
	err := g.Apply("call", func(ports bridge.Ports) bridge.Plan {
		p := twoLegs(ports, a.addr, b.addr)
		m := &p.Legs[0].Media[0]
		m.Mux, m.MID, m.MIDID = true, "0", 3
		second := *m
		second.Index, second.Kind, second.MID, second.Bundle = 1, "video", "1", 0
		p.Legs[0].Media = append(p.Legs[0].Media, second)
		other := p.Legs[1].Media[0]
		local, err := ports.Local(bridge.PortRequest{Leg: 2, Media: 1, Kind: "video", Family: bridge.IPv4})
		if err != nil {
			t.Fatal(err)
		}
		other.Index, other.Kind, other.Bundle, other.Local, other.RTP, other.RTCP = 1, "video", 1, local, video.addr, next(video.addr)
		p.Legs[1].Media = append(p.Legs[1].Media, other)
		p.Flows = append(p.Flows, bridge.Flow{From: 1, FromMedia: 1, To: 2, ToMedia: 1, Open: true, Verbatim: true},
			bridge.Flow{From: 2, FromMedia: 1, To: 1, ToMedia: 1, Open: true, Verbatim: true})
		video.to = netip.AddrPortFrom(local.Addrs[0].Addr, local.Addrs[0].RTP)
		return p
	})
	if err != nil {
		t.Fatal(err)
	}
	withMID := func(ssrc uint32, mid string) []byte {
		a.seq++
		h := rtpwire.Header{PayloadType: 8, Sequence: a.seq, SSRC: ssrc}.Append(nil)
		h[0] |= 0x10
		return append(append(h, 0xbe, 0xde, 0, 1, 3<<4, mid[0], 0, 0), "payload"...)
	}
	sound, picture := withMID(1, "0"), withMID(2, "1")
	a.raw(a.rtp, a.to, sound)
	b.gets(sound)
	a.raw(a.rtp, a.to, picture)
	video.gets(picture)
	a.ssrc = 2 // without the extension, known by its SSRC
	video.gets(a.send())
	rr := (&rtpwire.Report{SSRC: 2}).Append(nil)
	a.raw(a.rtp, a.to, rr)
	video.getsAt(video.rtcp, rr, next(video.to))
	a.gets(video.send())
	a.gets(b.send())
	a.ssrc = 77
	a.send()
	if g.totalsDropped("payload") != 1 {
		t.Error("a payload type of two streams, an unknown source: whose is it?")
	}
}

// TestICE: a full agent of the peer checks, is nominated, and media goes there
// and nowhere else.
func TestICE(t *testing.T) {
	g := newRig(t)
	a, b, evil := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("evil", "127.0.0.66")
	ours, theirs := ice.NewCredentials(nil), ice.NewCredentials(nil)
	elsewhere := addrPort("192.0.2.1:4000") // what the description says
	peer := ice.New(ice.Config{Controlling: true})
	if _, err := peer.AddStream(theirs, []ice.Local{{Component: 1, Base: a.addr}}); err != nil {
		t.Fatal(err)
	}
	g.plan(planned{a, b, func(p *bridge.Plan) {
		m := &p.Legs[0].Media[0]
		m.Mux, m.RTP, m.RTCP = true, elsewhere, elsewhere
		m.ICE = &bridge.ICE{LocalUfrag: ours.Ufrag, LocalPwd: ours.Password, RemoteUfrag: theirs.Ufrag, RemotePwd: theirs.Password,
			RemoteCandidates: []sdp.Candidate{{Foundation: "1", Component: 1, Transport: "UDP", Priority: 2130706431, Addr: a.addr, Type: "host"}},
			Components:       1, Lite: true}
	}})
	a.send() // before any check: could be anyone
	evil.spray(a)
	b.send()
	b.silent()
	if _, err := peer.SetRemote(0, ice.Remote{Credentials: ours, Lite: true, Mux: true, Candidates: []ice.Candidate{
		{Foundation: "x", Component: 1, Transport: "UDP", Priority: 2130706431, Addr: a.to}}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	buf := make([]byte, 1500)
	for peer.State(0) != ice.StateCompleted {
		out := peer.Advance(time.Now())
		for _, d := range out.Datagrams {
			_, _ = a.rtp.WriteToUDPAddrPort(d.Data, d.Remote)
			g.sent++
		}
		_ = a.rtp.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if n, from, err := a.rtp.ReadFromUDPAddrPort(buf); err == nil {
			out := peer.Handle(buf[:n], a.addr, from, time.Now())
			for _, d := range out.Datagrams {
				_, _ = a.rtp.WriteToUDPAddrPort(d.Data, d.Remote)
				g.sent++
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("state %v, totals %+v", peer.State(0), g.Totals())
		}
	}
	g.talk(a, b)
	evil.spray(a)
	b.silent()
	evil.silent()
	if s := g.stream("a"); s.Remote != a.addr || !s.Locked {
		t.Errorf("%+v", s)
	}
}

func TestAllocSRTPBridge(t *testing.T) {
	h, batch, next := srtpBench(t)
	var out udploop.Outbox
	now := time.Now()
	if n := testing.AllocsPerRun(200, func() {
		next()
		h.HandlePackets(batch, now, &out)
		if out.Len() != 1 {
			t.Fatal("not forwarded")
		}
		out.Reset()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// srtpBench is a call from an SRTP leg to a plain one whose packets can be
// handed over without a network.
func srtpBench(tb testing.TB) (h udploop.Handler, batch []udploop.Packet, next func()) {
	tb.Helper()
	r, err := relay.New(relay.Config{Interfaces: []relay.Interface{{Addr: relayAddr}}, PortMin: 20000, PortMax: 59999})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = r.Run(ctx) // closes the sockets
	})
	source := addrPort("192.0.2.1:4000")
	k := key(1)
	if err := r.Apply("c", func(ports bridge.Ports) bridge.Plan {
		p := twoLegs(ports, source, addrPort("192.0.2.2:4000"))
		secured(k, key(2), 0)(&p)
		return p
	}); err != nil {
		tb.Fatal(err)
	}
	x := sealer(tb, k)
	buf := make([]byte, udploop.MaxPacket)
	batch = []udploop.Packet{{From: source}}
	seq := uint16(0)
	return relay.FirstPort(r, "c"), batch, func() {
		seq++
		b := rtpwire.Header{PayloadType: 8, Sequence: seq, SSRC: 9}.Append(buf[:0])
		n, err := x.Protect(buf, len(b)+160)
		if err != nil {
			tb.Fatal(err)
		}
		batch[0].Data = buf[:n]
	}
}

// BenchmarkSRTPBridge is the relay's own work for a packet from an SRTP leg to
// a plain one, with making it.
func BenchmarkSRTPBridge(b *testing.B) {
	h, batch, next := srtpBench(b)
	var out udploop.Outbox
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		next()
		h.HandlePackets(batch, now, &out)
		out.Reset()
	}
}
