package latch_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/class5-go/class5/media/latch"
)

func Example() {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	l := latch.New(latch.Heuristic, nil)
	l.Signal(latch.Signal{
		Addr:   netip.MustParseAddrPort("192.168.1.5:4000"), // what a phone behind NAT believes
		Source: netip.MustParseAddr("203.0.113.9"),          // where its SIP comes from
	}, start)

	fmt.Println(l.Admit(netip.MustParseAddrPort("198.51.100.66:4000"), start).Ok(), l.Remote())
	fmt.Println(l.Admit(netip.MustParseAddrPort("203.0.113.9:61000"), start).Ok(), l.Remote())
	// Output:
	// false 192.168.1.5:4000
	// true 203.0.113.9:61000
}
