//go:build interop

package interop

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
)

// sprayer sends RTP, RTCP and STUN to every port of a relay, all the time, and
// counts what comes back.
type sprayer struct {
	got, sent atomic.Int64
}

func newSprayer(t *testing.T, ip string, first, last int) *sprayer {
	t.Helper()
	s := &sprayer{}
	target := net.ParseIP(ip).To4()
	stop := make(chan struct{})
	var ended [2]chan struct{}
	for i := range ended {
		ended[i] = make(chan struct{})
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 6, 66)})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(ended[0])
		for b := make([]byte, 2048); ; {
			if _, _, err := conn.ReadFromUDP(b); err != nil {
				return
			}
			s.got.Add(1)
		}
	}()
	go func() {
		defer close(ended[1])
		rtp := append([]byte{0x80, 8, 0, 0, 0, 0, 0, 0, 0xba, 0xd0, 0xba, 0xd0}, make([]byte, 160)...)
		rtcp := []byte{0x81, 201, 0, 7, 0xba, 0xd0, 0xba, 0xd0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		stun := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
		for n := uint16(0); ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			binary.BigEndian.PutUint16(rtp[2:], n)
			for port := first; port <= last; port++ {
				msg := rtp
				switch n % 8 {
				case 6:
					msg = rtcp
				case 7:
					msg = stun
				}
				if _, err := conn.WriteToUDP(msg, &net.UDPAddr{IP: target, Port: port}); err == nil {
					s.sent.Add(1)
				}
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-ended[1]; _ = conn.Close(); <-ended[0] })
	return s
}

// TestRTPBleed: a stranger sprays every port of the relay before, during and
// after it learns where parties are. He gets nothing, no stream moves to him,
// and no party hears him; while a party behind NAT, one that is somewhere else
// after a re-INVITE, and one that changes networks are followed.
func TestRTPBleed(t *testing.T) {
	t.Parallel() // it waits for most of its time
	n := newRelayNode(t, "port_min: 30000", "port_max: 30063")
	c := n.client(t)
	evil := newSprayer(t, n.ip, 30000, 30063)
	time.Sleep(300 * time.Millisecond)

	t.Run("parties where they say", func(t *testing.T) {
		a, b := newRTPParty(t, "127.0.0.1"), newRTPParty(t, "127.0.0.2")
		call := &rtpCall{id: "said", c: c, a: a, b: b}
		call.offer(t, a.sdp())
		time.Sleep(300 * time.Millisecond)
		call.answer(t)
		time.Sleep(time.Second) // nobody speaks yet
		talkRTP(5*time.Second, a, b)
		time.Sleep(500 * time.Millisecond)
		complete(t, a, b)
		call.at(t, a.addr(), b.addr())
		call.end(t)
	})
	t.Run("behind NAT", func(t *testing.T) {
		a, b := newRTPParty(t, "127.0.0.3"), newRTPParty(t, "127.0.0.2")
		private := newRTPParty(t, "127.0.0.77") // nothing is sent from there
		call := &rtpCall{id: "nat", c: c, a: a, b: b}
		call.offer(t, private.sdp(), "received-from", ng.List{"IP4", "127.0.0.3"})
		call.answer(t)
		a.step() // from here the relay knows
		time.Sleep(200 * time.Millisecond)
		talkRTP(4*time.Second, a, b)
		time.Sleep(300 * time.Millisecond)
		complete(t, a, b)
		call.at(t, a.addr(), b.addr())
		if heard, others := private.heardOf(b); len(heard)+others != 0 {
			t.Errorf("%d packets to the address behind NAT", len(heard)+others)
		}
		call.end(t)
	})
	t.Run("elsewhere after a re-INVITE", func(t *testing.T) {
		a, b, moved := newRTPParty(t, "127.0.0.1"), newRTPParty(t, "127.0.0.2"), newRTPParty(t, "127.0.0.4")
		call := newRTPCall(t, c, "moves", a, b)
		talkRTP(4*time.Second, a, b)
		time.Sleep(200 * time.Millisecond)
		complete(t, a, b)
		b2 := newRTPParty(t, "127.0.0.2")
		call.a, call.b = moved, b2
		call.offer(t, moved.sdp(), "to-tag", "b")
		call.answer(t)
		talkRTP(2*time.Second, moved, b2)
		time.Sleep(200 * time.Millisecond)
		complete(t, moved, b2)
		call.at(t, moved.addr(), b2.addr())
		call.end(t)
	})
	t.Run("in another network", func(t *testing.T) {
		a, b, roams := newRTPParty(t, "127.0.0.1"), newRTPParty(t, "127.0.0.2"), newRTPParty(t, "127.0.0.5")
		call := newRTPCall(t, c, "roams", a, b)
		talkRTP(4*time.Second, a, b)
		time.Sleep(200 * time.Millisecond)
		complete(t, a, b)
		roams.to, roams.ssrc = a.to, a.ssrc
		roams.seq = a.seq
		talkRTP(time.Second, b) // a is gone
		roams.seq += 50
		talkRTP(2*time.Second, roams, b)
		time.Sleep(200 * time.Millisecond)
		call.at(t, roams.addr(), b.addr())
		if heard, others := roams.heardOf(b); len(heard) < 80 || others != 0 {
			t.Errorf("in its new network the party heard %d packets, and %d of strangers", len(heard), others)
		}
		call.end(t)
	})
	if got := evil.got.Load(); got != 0 {
		t.Errorf("the stranger got %d packets", got)
	}
	t.Logf("the stranger sent %d packets and got %d", evil.sent.Load(), evil.got.Load())
}

// at compares where the relay sends with where the parties are.
func (call *rtpCall) at(t *testing.T, a, b netip.AddrPort) {
	t.Helper()
	tags, _ := ordered(t, call.c, "command", "query", "call-id", call.id).Dict("tags")
	for tag, want := range map[string]netip.AddrPort{"a": a, "b": b} {
		d, _ := tags.Dict(tag)
		medias, _ := d.Value("medias")
		list, _ := medias.(ng.List)
		if len(list) == 0 {
			t.Fatalf("no media of %s", tag)
		}
		m, _ := list[0].(ng.Dict)
		streams, _ := m.Value("streams")
		s, _ := streams.(ng.List)[0].(ng.Dict)
		e, _ := s.Dict("endpoint")
		port, _ := e.Int("port")
		if e.Str("address") != want.Addr().String() || int(port) != int(want.Port()) {
			t.Errorf("the relay sends to %s:%d, %s is at %v", e.Str("address"), port, tag, want)
		}
	}
}
