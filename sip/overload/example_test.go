package overload_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/class5-go/class5/sip/overload"
	"github.com/class5-go/class5/sip/wire"
)

func Example() {
	now := time.Unix(1700000000, 0)
	proxy := netip.MustParseAddrPort("10.0.0.1:5060")

	// The proxy has been busy for a while, and answers a request of the edge.
	load := overload.NewLocal(overload.LocalConfig{})
	for range 3 {
		now = now.Add(time.Second)
		load.Sample(now, 200*time.Millisecond, 0.97)
	}
	server := overload.NewServer(load, overload.ServerConfig{})
	via, err := wire.ParseVia([]byte("SIP/2.0/UDP 10.0.0.100;branch=z9hG4bKa" + overload.Offer))
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, _ := server.AppendVia(nil, now, via)
	fmt.Printf("Via: %s\n", answer)

	// The edge sends as much less.
	control, err := overload.NewControl(now, overload.ControlConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if via, err = wire.ParseVia(answer); err != nil {
		fmt.Println(err)
		return
	}
	control.Response(now, proxy, via.Params)
	var sent [overload.Classes]int
	for range 1000 {
		for _, class := range []overload.Class{overload.ClassOptions, overload.ClassInvite, overload.ClassDialog, overload.ClassEmergency} {
			if control.Admit(now, proxy, class) {
				sent[class]++
			}
		}
		now = now.Add(time.Millisecond)
	}
	fmt.Println("OPTIONS", sent[overload.ClassOptions], "INVITE", sent[overload.ClassInvite],
		"in dialogs", sent[overload.ClassDialog], "emergencies", sent[overload.ClassEmergency])
	// Output:
	// Via: SIP/2.0/UDP 10.0.0.100;branch=z9hG4bKa;oc=36;oc-algo="loss";oc-validity=2000;oc-seq=1700000003.00000
	// OPTIONS 21 INVITE 568 in dialogs 1000 emergencies 1000
}
