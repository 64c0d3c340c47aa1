//go:build interop

package interop

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/sdp"
)

// rtpParty sends numbered packets of G.711 and keeps what it hears.
type rtpParty struct {
	t    *testing.T
	conn *net.UDPConn
	to   netip.AddrPort // at the relay
	ssrc uint32
	seq  uint16
	pt   uint8 // 8 or 0: A-law, mu-law

	mu    sync.Mutex
	seal  func([]byte) []byte // nil: RTP
	open  func([]byte) []byte // nil is what cannot be opened
	shut  int                 // that could not be opened
	sent  int
	heard []heardPacket
	done  chan struct{}
}

type heardPacket struct {
	at   time.Time
	from netip.AddrPort
	ssrc uint32
	seq  uint16
	pcm  []byte // G.711
}

func newRTPParty(t *testing.T, ip string) *rtpParty {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Fatal(err)
	}
	p := &rtpParty{t: t, conn: conn, ssrc: rand.Uint32() | 1, seq: uint16(rand.Uint32()), pt: 8, done: make(chan struct{})}
	go p.read()
	t.Cleanup(func() { _ = conn.Close(); <-p.done })
	return p
}

func (p *rtpParty) read() {
	defer close(p.done)
	for b := make([]byte, 2048); ; {
		n, from, err := p.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		packet := b[:n]
		if p.open != nil {
			if packet = p.open(packet); packet == nil {
				p.shut++
			}
		}
		p.mu.Unlock()
		h, payload, ok := rtpwire.Parse(packet)
		if !ok {
			continue
		}
		p.mu.Lock()
		p.heard = append(p.heard, heardPacket{time.Now(), netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), h.SSRC, h.Sequence, append([]byte(nil), payload...)})
		p.mu.Unlock()
	}
}

func (p *rtpParty) addr() netip.AddrPort {
	a := p.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func (p *rtpParty) sdp() string {
	a := p.addr()
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP %[3]d\r\na=rtpmap:%[3]d %[4]s/8000\r\n",
		a.Addr(), a.Port(), p.pt, map[uint8]string{0: "PCMU", 8: "PCMA"}[p.pt])
}

// step sends one packet of 20 ms.
func (p *rtpParty) step() {
	payload := make([]byte, 160)
	for i := range payload {
		payload[i] = byte(0x55 ^ i)
	}
	p.packet(payload)
}

// packet sends 20 ms of audio.
func (p *rtpParty) packet(payload []byte) {
	b := make([]byte, 12, 172)
	b[0], b[1] = 0x80, p.pt
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], uint32(p.seq)*160)
	binary.BigEndian.PutUint32(b[8:], p.ssrc)
	p.seq++
	b = append(b, payload...)
	if p.seal != nil {
		b = p.seal(b)
	}
	if _, err := p.conn.WriteToUDPAddrPort(b, p.to); err == nil {
		p.mu.Lock()
		p.sent++
		p.mu.Unlock()
	}
}

// talkRTP has parties send for a while, 50 packets a second each.
func talkRTP(length time.Duration, parties ...*rtpParty) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(length); time.Now().Before(end); <-tick.C {
		for _, p := range parties {
			p.step()
		}
	}
}

// heardOf are the packets that came from another party, and how many came from
// anybody else.
func (p *rtpParty) heardOf(q *rtpParty) (of []heardPacket, others int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.heard {
		if h.ssrc == q.ssrc {
			of = append(of, h)
		} else {
			others++
		}
	}
	return of, others
}

// complete: each hears all that the other sent, once, and nothing else.
func complete(t *testing.T, a, b *rtpParty) {
	t.Helper()
	for _, d := range [][2]*rtpParty{{a, b}, {b, a}} {
		heard, others := d[0].heardOf(d[1])
		seen := map[uint16]bool{}
		for _, h := range heard {
			seen[h.seq] = true
		}
		if len(heard) != d[1].sent || len(seen) != len(heard) || others != 0 {
			t.Errorf("%d packets sent, %d heard, %d of them for the first time, %d of strangers", d[1].sent, len(heard), len(seen), others)
		}
	}
}

// rtpCall is a call of two parties through a relay.
type rtpCall struct {
	id      string
	c       *ng.Client
	a, b    *rtpParty
	offered string // the description that b got
}

// newRTPCall offers and answers. pairs go into the offer.
func newRTPCall(t *testing.T, c *ng.Client, id string, a, b *rtpParty, pairs ...any) *rtpCall {
	t.Helper()
	call := &rtpCall{id: id, c: c, a: a, b: b}
	call.offer(t, a.sdp(), pairs...)
	call.answer(t)
	return call
}

func (call *rtpCall) offer(t *testing.T, said string, pairs ...any) {
	t.Helper()
	reply := ordered(t, call.c, append([]any{"command", "offer", "call-id", call.id, "from-tag", "a", "sdp", said, "replace", ng.List{"origin"}}, pairs...)...)
	call.offered = reply.Str("sdp")
	call.b.to = mediaAddr(t, call.offered)
}

func (call *rtpCall) answer(t *testing.T) {
	t.Helper()
	call.answerWith(t, call.b.sdp())
}

func (call *rtpCall) answerWith(t *testing.T, said string) {
	t.Helper()
	reply := ordered(t, call.c, "command", "answer", "call-id", call.id, "from-tag", "a", "to-tag", "b", "sdp", said)
	call.a.to = mediaAddr(t, reply.Str("sdp"))
}

// end deletes the call at once and returns what the relay has received of it.
func (call *rtpCall) end(t *testing.T) int {
	t.Helper()
	return totalRTP(ordered(t, call.c, "command", "delete", "call-id", call.id, "from-tag", "a", "delete-delay", 0))
}

func totalRTP(reply ng.Dict) int {
	totals, _ := reply.Dict("totals")
	rtp, _ := totals.Dict("RTP")
	n, _ := rtp.Int("packets")
	return int(n)
}

func mediaAddr(t *testing.T, said string) netip.AddrPort {
	t.Helper()
	d, err := sdp.Parse([]byte(said), nil)
	if err != nil {
		t.Fatal(err)
	}
	return d.Media(0).Addr()
}
