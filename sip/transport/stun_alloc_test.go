//go:build !race

package transport

import (
	"net/netip"
	"testing"
	"time"
)

func TestSTUNAllocations(t *testing.T) {
	req := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, "transaction!"...)
	from, now, limit := netip.MustParseAddrPort("[2001:db8::1]:5060"), time.Unix(1, 0), newPongLimit()
	var room [stunRoom]byte
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := appendSTUN(room[:0], req, from); !ok {
			t.Fatal("no answer")
		}
		limit.allow(from.Addr(), now)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
