package transport

import (
	"bytes"
	"net/netip"
	"testing"
	"time"
)

func FuzzSTUN(f *testing.F) {
	bare := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, "transaction!"...)
	f.Add(bare)
	f.Add(append(append([]byte{0, 1, 0, 8}, bare[4:]...), 0x80, 0x28, 0, 4, 1, 2, 3, 4))
	f.Add(append(append([]byte{0, 1, 0, 8}, bare[4:]...), 0, 0x24, 0, 4, 1, 2, 3, 4))
	f.Fuzz(func(t *testing.T, b []byte) {
		if !isSTUN(b) {
			return
		}
		for _, from := range []string{"192.0.2.1:5060", "[2001:db8::1]:5060"} {
			remote := netip.MustParseAddrPort(from)
			before := bytes.Clone(b)
			var room [stunRoom]byte
			answer, ok := appendSTUN(room[:0], b, remote)
			if !bytes.Equal(before, b) || !ok && len(answer) > 0 {
				t.Fatal("request changed, or an answer to none")
			}
			if !ok {
				continue
			}
			if !isSTUN(answer) || len(answer) > stunRoom || answer[0] != 1 || !bytes.Equal(answer[4:20], b[4:20]) {
				t.Fatalf("answer %x", answer)
			}
			headers := 18 + 20 + 8
			if remote.Addr().Is6() {
				headers = 18 + 40 + 8
			}
			if 10*(len(answer)+headers) > 13*(len(b)+headers) {
				t.Fatalf("%d bytes for %d", len(answer), len(b))
			}
			if _, more := appendSTUN(nil, answer, remote); more {
				t.Fatal("an answer is answered")
			}
		}
	})
}

func TestPongLimit(t *testing.T) {
	p, now := newPongLimit(), time.Unix(1_000_000, 0)
	one, same, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("192.0.2.1")
	for i := range pongBurst {
		if !p.allow(one, now) {
			t.Fatalf("%d refused", i)
		}
	}
	if p.allow(same, now) || !p.allow(other, now) {
		t.Error("a /64 is one source, an IPv4 address another")
	}
	allowed := 0
	for range 1000 {
		now = now.Add(time.Millisecond)
		if p.allow(one, now) {
			allowed++
		}
	}
	if allowed < pongRate-1 || allowed > pongRate+1 {
		t.Errorf("%d in a second", allowed)
	}
	if now = now.Add(-time.Hour); p.allow(one, now) {
		t.Error("a clock set back gives tokens")
	}
}
