package bridge_test

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/class5-go/class5/media/bridge"
)

// fixed gives one pair of ports to each leg.
type fixed struct{}

func (fixed) Local(r bridge.PortRequest) (bridge.Local, error) {
	n := uint16(30000 + 2*int(r.Leg))
	return bridge.Local{Addrs: []bridge.LocalAddr{{Addr: netip.MustParseAddr("192.0.2.9"), RTP: n, RTCP: n + 1}}}, nil
}

func Example() {
	engine, err := bridge.New(bridge.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	call := engine.Session()
	offer := "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n"
	told, err := call.Offer(bridge.Offer{FromTag: "alice", SDP: []byte(offer)}, fixed{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(strings.ReplaceAll(string(told.SDP), "\r\n", "\n"))
	answer := strings.NewReplacer("198.51.100.1", "198.51.100.2", "4000", "5000").Replace(offer)
	if _, err = call.Answer(bridge.Answer{FromTag: "alice", ToTag: "bob", SDP: []byte(answer)}, fixed{}); err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range call.Plan().Flows {
		fmt.Printf("leg %d to leg %d: open %v, verbatim %v\n", f.From, f.To, f.Open, f.Verbatim)
	}
	// Output:
	// v=0
	// o=- 1 1 IN IP4 198.51.100.1
	// s=-
	// c=IN IP4 192.0.2.9
	// t=0 0
	// m=audio 30004 RTP/AVP 8 0
	// a=rtpmap:8 PCMA/8000
	// a=rtpmap:0 PCMU/8000
	// a=sendrecv
	// a=rtcp:30005
	// leg 1 to leg 2: open true, verbatim true
	// leg 2 to leg 1: open true, verbatim true
}
