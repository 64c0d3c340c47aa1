package offload

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/media/rtpstat"
	"github.com/class5-go/class5/media/rtpwire"
)

const (
	mediaPort, sourcePort, fromPort, toPort = 30000, 4000, 31000, 5000
	tos                                     = 184
)

// flowAB is the flow from A to B.
func flowAB(v6 bool) Flow {
	return Flow{Local: at(v6, 1, 2, mediaPort), Source: at(v6, 1, 1, sourcePort), From: at(v6, 2, 2, fromPort),
		To: at(v6, 2, 1, toPort), PayloadTypes: []PayloadType{{8, true}}, ClockRate: 8000, TOS: tos, SetTOS: true}
}

// relayAB forwards in user space whatever comes up, as a relay would, and
// counts it.
type relayAB struct {
	mu  sync.Mutex
	got rtpstat.Receiver
	ups int
}

// figures are what it has received of RTP, and of all.
func (r *relayAB) figures() (rtpstat.Snapshot, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got.Snapshot(), r.ups
}

func (w *world) relay(f Flow) *relayAB {
	in, out := w.socket(w.r, f.Local), w.socket(w.r, f.From)
	if f.From.Addr().Is4() {
		option(w.t, out, unix.IPPROTO_IP, unix.IP_TOS, tos)
	} else {
		option(w.t, out, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, tos)
	}
	r, done := new(relayAB), make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 65536)
		start := time.Now()
		for {
			n, from, err := in.ReadFromUDPAddrPort(b)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil || plain(from) != f.Source {
				continue
			}
			r.mu.Lock()
			r.ups++
			if h, _, ok := rtpwire.Parse(b[:n]); ok && rtpwire.Classify(b[:n]) == rtpwire.KindRTP {
				r.got.Packet(h, n, 8000, time.Since(start))
			}
			r.mu.Unlock()
			_, _ = out.WriteToUDPAddrPort(b[:n], f.To)
		}
	}()
	w.t.Cleanup(func() { in.Close(); <-done })
	return r
}

// fragments is how many packets the tap does not know for what they are.
var fragments = map[bool]int{true: 1}

// traffic is a stream with gaps, duplicates, a wrap, reordering, a second
// SSRC, and what is no RTP of the flow.
func traffic() (list [][]byte) {
	seqs := []uint16{65530, 65531, 65532, 65534, 65533, 65535, 0, 1, 1, 5, 6, 7, 70, 71, 72}
	for i, n := range seqs {
		list = append(list, rtp{pt: 8, seq: n, ts: uint32(i) * 160, ssrc: 0xabcd}.packet(160))
	}
	list = append(list,
		[]byte{0x80, 200, 0, 1, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0},                   // RTCP
		append([]byte{0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 20)...), // STUN
		append([]byte{22, 254, 253}, make([]byte, 40)...),                       // DTLS
		append([]byte{70}, make([]byte, 40)...),                                 // TURN channel
		rtp{pt: 101, seq: 73, ts: 4000, ssrc: 0xabcd}.packet(4),                 // telephone event
		rtp{pt: 8, seq: 74, ts: 4000, ssrc: 0xabcd}.packet(2000),                // fragments
		rtp{pt: 8, marker: true, seq: 75, ts: 4000, ssrc: 0xabcd}.packet(0),
		[]byte{0x80, 8, 1},
		append([]byte{0x8f}, rtp{pt: 8}.packet(20)[1:]...), // more CSRCs than octets
		rtp{pt: 8, seq: 9, ts: 9, ssrc: 0xef01}.packet(33),
	)
	extended := rtp{pt: 8, seq: 10, ts: 10, ssrc: 0xef01}.packet(24)
	extended[0], extended[14], extended[15] = 0xb0, 0, 2 // extension of two words, padding
	extended[len(extended)-1] = 4
	list = append(list, extended)
	for range 3 {
		list = append(list, rtp{pt: 8, seq: 11, ts: 11, ssrc: 0xef01}.packet(20))
	}
	return list
}

// play sends the traffic, paced so that both ways keep the order.
func (w *world) play(c *net.UDPConn, to netip.AddrPort) {
	for _, b := range traffic() {
		send(w.t, c, to, b)
		time.Sleep(3 * time.Millisecond)
	}
}

// TestSamePackets sends the same once through a relay in user space and once
// through the kernel: B sees the same, and both count the same.
func TestSamePackets(t *testing.T) {
	for _, c := range []struct {
		name    string
		v6      bool
		hook    Hook
		plainAB [2]bool // complete checksums from A, from R
	}{
		{"ipv4 tcx", false, HookTCX, [2]bool{true, true}},
		{"ipv6 tcx", true, HookTCX, [2]bool{true, true}},
		{"ipv4 clsact", false, HookClsact, [2]bool{true, true}},
		{"ipv6 clsact", true, HookClsact, [2]bool{true, true}},
		{"ipv4 checksum to be made", false, HookAny, [2]bool{false, true}},
		{"ipv6 checksum to be made", true, HookAny, [2]bool{false, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.cfg.Hook = c.hook
			if c.plainAB[0] {
				w.plainChecksums(w.a, "a0")
			}
			if c.plainAB[1] {
				w.plainChecksums(w.r, "rb")
			}
			w.samePackets(c.v6)
		})
	}
}

func (w *world) samePackets(v6 bool) {
	t := w.t
	f := flowAB(v6)
	a, tap := w.socket(w.a, f.Source), w.tap(w.b, "b0")
	w.socket(w.b, f.To) // so that no ICMP comes back
	k := w.open()
	var want []sent
	var user rtpstat.Snapshot
	func() {
		in := w.relay(f)
		w.play(a, f.Local)
		want = tap.collect(toPort, len(traffic())-fragments[v6])
		var ups int
		if user, ups = in.figures(); ups != len(traffic()) {
			t.Errorf("%d packets came up, sent %d", ups, len(traffic()))
		}
	}()
	if err := k.Install(f); err != nil {
		t.Fatal(err)
	}
	w.play(a, f.Local)
	got := tap.collect(toPort, len(want))
	w.compare(got, want)
	st, err := k.Remove(f.Local)
	if err != nil {
		t.Fatal(err)
	}
	// What came up in fragments or malformed is not in the kernel's figures.
	if up := st.Up; up[UpRTCP] != 1 || up[UpSTUN] != 1 || up[UpDTLS] != 1 || up[UpMalformed] != 2 || up[UpPayload] != 1 {
		t.Errorf("up: %v", up)
	}
	type figures struct{ packets, octets, expected, lost, duplicates, reordered uint64 }
	g := figures{st.Received.Packets + 1, st.Received.Octets + 2012, st.Expected, st.Lost - 1, st.Duplicates, st.Reordered}
	u := figures{user.Packets, user.Bytes, user.Expected, user.Lost, user.Duplicates, user.Reordered}
	if g != u || st.Sources != user.Sources || st.SSRC != user.SSRC || st.PayloadType != user.PayloadType {
		t.Errorf("the kernel counted %+v, user space %+v\n%+v\n%+v", g, u, st, user)
	}
	if st.Forwarded.Packets+st.Up[UpPayload] != st.Received.Packets || time.Since(st.Last) > time.Minute {
		t.Errorf("%+v", st)
	}
}

// compare wants the same packets but for the time to live, and right checksums.
func (w *world) compare(got, want []sent) {
	w.t.Helper()
	text := func(list []sent) (s []string) {
		for _, p := range list {
			if !p.ipSum || !p.sum && !p.fragment {
				w.t.Errorf("checksum of %+v", p)
			}
			s = append(s, fmt.Sprintf("%v %v tos %d %x", p.from, p.to, p.tos, p.payload))
		}
		return s
	}
	g, u := text(got), text(want)
	if !slices.Equal(g, u) {
		w.t.Errorf("through the kernel %d, through user space %d", len(g), len(u))
		for i := range max(len(g), len(u)) {
			if i >= len(g) || i >= len(u) || g[i] != u[i] {
				w.t.Errorf("packet %d\n%.120s\n%.120s", i, nth(g, i), nth(u, i))
			}
		}
	}
}

func nth(s []string, i int) string {
	if i < len(s) {
		return s[i]
	}
	return "none"
}
