package relay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/sdp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(benchChild) != "" {
		benchPeer()
		return
	}
	goleak.VerifyTestMain(m)
}

var (
	relayAddr = netip.MustParseAddr("127.0.0.1")
	relay6    = netip.MustParseAddr("::1")
)

// clock is a time that tests move, or stop.
type clock struct {
	offset  atomic.Int64
	stopped atomic.Pointer[time.Time]
}

func (c *clock) now() time.Time {
	if t := c.stopped.Load(); t != nil {
		return t.Add(time.Duration(c.offset.Load()))
	}
	return time.Now().Add(time.Duration(c.offset.Load()))
}

// stop lets no time pass until resume.
func (c *clock) stop() {
	t := time.Now()
	c.stopped.Store(&t)
}

// resume goes on from where the clock was stopped.
func (c *clock) resume() {
	if t := c.stopped.Load(); t != nil {
		c.offset.Add(-int64(time.Since(*t)))
		c.stopped.Store(nil)
	}
}

func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

// rig is a running relay.
type rig struct {
	*testing.T
	*relay.Relay
	clock clock
	sent  uint64 // packets given to the relay
	stop  func() // ends it
}

func newRig(t *testing.T, change ...func(*relay.Config)) *rig {
	t.Helper()
	return revived(t, func(*rig) {}, change...)
}

// revived is newRig of a relay to which something is done before it runs.
func revived(t *testing.T, before func(*rig), change ...func(*relay.Config)) *rig {
	t.Helper()
	cfg := relay.Config{
		Interfaces: []relay.Interface{{Name: "main", Addr: relayAddr}, {Name: "six", Addr: relay6}},
		PortMin:    20000, PortMax: 59999, Quarantine: -1, Deny: []netip.Prefix{}, Linger: -1, Loops: 2,
	}
	for _, c := range change {
		c(&cfg)
	}
	g := &rig{T: t}
	r, err := relay.New(cfg, relay.WithClock(g.clock.now))
	if err != nil {
		t.Fatal(err)
	}
	g.Relay = r
	before(g)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	g.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(g.stop)
	return g
}

// party is a phone.
type party struct {
	*rig
	tag       string
	rtp, rtcp *net.UDPConn
	to        netip.AddrPort // where it was told to send RTP
	seq       uint16
	ssrc      uint32
	lines     string // further media lines of its descriptions
	addr      netip.AddrPort
}

// party opens a phone at a loopback address; every 127.x.y.z is one.
func (g *rig) party(tag, ip string) *party {
	g.Helper()
	a := netip.MustParseAddr(ip)
	p := &party{rig: g, tag: tag, ssrc: uint32(len(tag)) + uint32(tag[0])<<8, lines: "a=sendrecv\r\n"}
	for range 100 {
		rtp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
		if err != nil {
			g.Fatal(err)
		}
		at := rtp.LocalAddr().(*net.UDPAddr).AddrPort()
		rtcp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, at.Port()+1)))
		if err != nil {
			_ = rtp.Close()
			continue
		}
		p.rtp, p.rtcp, p.addr = rtp, rtcp, at
		g.Cleanup(func() { _, _ = rtp.Close(), rtcp.Close() })
		return p
	}
	g.Fatal("no pair of ports")
	return nil
}

func (p *party) ip() netip.Addr { return p.addr.Addr() }

// sdp is the description of the party with one audio stream.
func (p *party) sdp() []byte { return p.sdpAt(p.addr, p.lines) }

func (p *party) sdpAt(a netip.AddrPort, lines string) []byte {
	family := "IP4"
	if a.Addr().Is6() {
		family = "IP6"
	}
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN %[1]s %[2]s\r\ns=-\r\nc=IN %[1]s %[2]s\r\nt=0 0\r\nm=audio %[3]d RTP/AVP 8 0 101\r\n"+
		"a=rtpmap:101 telephone-event/8000\r\n%[4]s", family, a.Addr(), a.Port(), lines)
}

// heard takes a description sent to the party.
func (p *party) heard(b []byte) *sdp.Description {
	p.Helper()
	d, err := sdp.Parse(b, nil)
	if err != nil {
		p.Fatalf("%v\n%s", err, b)
	}
	p.to = d.Media(0).Addr()
	return d
}

func (g *rig) offer(a, b *party, req relay.OfferRequest) {
	g.Helper()
	if req.SDP == nil {
		req.SDP = a.sdp()
	}
	if req.CallID == "" {
		req.CallID = "call"
	}
	req.FromTag = a.tag
	out, err := g.Offer(g.Context(), req)
	if err != nil {
		g.Fatalf("offer: %v", err)
	}
	b.heard(out)
}

func (g *rig) answer(a, b *party, req relay.AnswerRequest) {
	g.Helper()
	if req.SDP == nil {
		req.SDP = b.sdp()
	}
	if req.CallID == "" {
		req.CallID = "call"
	}
	req.FromTag, req.ToTag = a.tag, b.tag
	out, err := g.Answer(g.Context(), req)
	if err != nil {
		g.Fatalf("answer: %v", err)
	}
	a.heard(out)
}

// connect makes a call between two parties.
func (g *rig) connect(a, b *party) {
	g.Helper()
	g.offer(a, b, relay.OfferRequest{})
	g.answer(a, b, relay.AnswerRequest{})
}

// packet is the next RTP packet of the party, with its name as payload.
func (p *party) packet() []byte {
	p.seq++
	h := rtpwire.Header{PayloadType: 8, Sequence: p.seq, Timestamp: 160 * uint32(p.seq), SSRC: p.ssrc}
	return append(h.Append(nil), p.tag...)
}

// send sends the next packet to where the party was told to.
func (p *party) send() []byte {
	p.Helper()
	return p.sendFrom(p.rtp, p.to)
}

func (p *party) sendFrom(c *net.UDPConn, to netip.AddrPort) []byte {
	p.Helper()
	b := p.packet()
	p.raw(c, to, b)
	return b
}

// raw sends octets and waits until the relay has looked at them.
func (p *party) raw(c *net.UDPConn, to netip.AddrPort, b []byte) {
	p.Helper()
	if _, err := c.WriteToUDPAddrPort(b, to); err != nil {
		p.Fatal(err)
	}
	p.sent++
	p.eventually("the relay saw the packet", func() bool { return p.Totals().Packets >= p.sent })
}

func (g *rig) eventually(what string, ok func() bool) {
	g.Helper()
	for range 5000 {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	g.Fatalf("never: %s; totals %+v", what, g.Totals())
}

// gets expects exactly this packet next, from where the party sends to.
func (p *party) gets(want []byte) {
	p.Helper()
	p.getsAt(p.rtp, want, p.to)
}

func (p *party) getsAt(c *net.UDPConn, want []byte, from netip.AddrPort) {
	p.Helper()
	buf := make([]byte, 4096)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, src, err := c.ReadFromUDPAddrPort(buf)
	src = netip.AddrPortFrom(src.Addr().Unmap(), src.Port())
	if err != nil || !bytes.Equal(buf[:n], want) || src != from {
		p.Fatalf("%s got %q from %v (%v), want %q from %v; totals %+v", p.tag, buf[:n], src, err, want, from, p.Totals())
	}
}

// silent expects that nothing came.
func (p *party) silent() {
	p.Helper()
	for _, c := range []*net.UDPConn{p.rtp, p.rtcp} {
		buf := make([]byte, 4096)
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if n, src, err := c.ReadFromUDPAddrPort(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
			p.Fatalf("%s got %q from %v", p.tag, buf[:n], src)
		}
	}
}

// talk sends a packet each way and expects both to arrive.
func (g *rig) talk(a, b *party) {
	g.Helper()
	b.gets(a.send())
	a.gets(b.send())
}

func (g *rig) delete(req relay.DeleteRequest) relay.Report {
	g.Helper()
	if req.CallID == "" {
		req.CallID = "call"
	}
	rep, err := g.Delete(g.Context(), req)
	if err != nil {
		g.Fatalf("delete: %v", err)
	}
	return rep
}

// stream finds the first stream of the leg with that tag.
func (g *rig) stream(tag string) relay.StreamReport {
	g.Helper()
	rep, err := g.Query(g.Context(), "call")
	if err != nil {
		g.Fatal(err)
	}
	for _, l := range rep.Legs {
		for _, t := range l.Tags {
			if t == tag {
				return l.Streams[0]
			}
		}
	}
	g.Fatalf("no leg %q in %+v", tag, rep)
	return relay.StreamReport{}
}

func (g *rig) totalsDropped(cause string) uint64 { return g.Totals().Dropped[cause] }

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// next is the RTCP port of an RTP port.
func next(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), a.Port()+1) }
