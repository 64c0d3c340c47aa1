package offload_test

import (
	"fmt"
	"net/netip"

	"github.com/class5-go/class5/media/offload"
)

func Example() {
	cfg := offload.Config{Interfaces: []string{"no-such-nic"}, Dir: "/no/such/directory"}
	var o offload.Offloader
	if k, err := offload.Open(cfg); err == nil {
		o = k
	} else {
		o = offload.Off{Why: err} // and one line in the log, with the reason
	}
	defer o.Close()

	err := o.Install(offload.Flow{
		Local:        netip.MustParseAddrPort("192.0.2.1:30000"),
		Source:       netip.MustParseAddrPort("198.51.100.7:4000"),
		From:         netip.MustParseAddrPort("192.0.2.1:31000"),
		To:           netip.MustParseAddrPort("203.0.113.9:5000"),
		PayloadTypes: []offload.PayloadType{{Number: 8, Jitter: true}},
		ClockRate:    8000,
		TOS:          184, SetTOS: true,
	})
	if _, all := offload.ReasonOf(err); all {
		fmt.Println("streams are relayed in user space")
	}
	// Each second:
	err = o.Walk(func(local netip.AddrPort, s offload.Stats) {
		fmt.Println(local, s.Received.Packets, s.Lost)
	})
	fmt.Println(err)
	// Output:
	// streams are relayed in user space
	// <nil>
}

func ExampleOff() {
	var o offload.Offloader = offload.Off{}
	fmt.Println(o.Check())
	// Output: offload: unavailable: off
}
