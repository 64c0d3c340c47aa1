package sdp_test

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/class5-go/class5/media/sdp"
)

const invite = "v=0\r\n" +
	"o=alice 2890844526 2890844526 IN IP4 192.168.1.5\r\n" +
	"s=-\r\n" +
	"c=IN IP4 192.168.1.5\r\n" +
	"t=0 0\r\n" +
	"m=audio 49170 RTP/AVP 9 8 101\r\n" +
	"a=rtpmap:101 telephone-event/8000\r\n" +
	"a=x-vendor: leave me alone\r\n"

// A relay puts itself between two parties.
func Example() {
	d, err := sdp.Parse([]byte(invite), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range d.All() {
		fmt.Println("party receives at", m.Addr())
	}
	relay := netip.MustParseAddr("203.0.113.1")
	d.RemoveICE()
	d.SetAddr(relay)
	d.SetOriginAddr(relay)
	for _, m := range d.All() {
		m.SetAddr(relay)
		m.SetPort(30000)
	}
	fmt.Print(strings.ReplaceAll(string(d.Bytes()), "\r", ""))
	// Output:
	// party receives at 192.168.1.5:49170
	// v=0
	// o=alice 2890844526 2890844526 IN IP4 203.0.113.1
	// s=-
	// c=IN IP4 203.0.113.1
	// t=0 0
	// m=audio 30000 RTP/AVP 9 8 101
	// a=rtpmap:101 telephone-event/8000
	// a=x-vendor: leave me alone
}

// An endpoint answers with what it can.
func ExampleAnswer() {
	offer, err := sdp.Parse([]byte(invite), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	local := sdp.LocalMedia{Addr: netip.MustParseAddrPort("203.0.113.7:4000"), SessionID: 1, Version: 1}
	answer, choice, err := sdp.Answer(offer, local)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(choice.Codec.Name, choice.DTMF, choice.Remote, choice.Direction)
	fmt.Print(strings.ReplaceAll(string(answer), "\r", ""))
	// Output:
	// PCMA 101 192.168.1.5:49170 sendrecv
	// v=0
	// o=- 1 1 IN IP4 203.0.113.7
	// s=-
	// c=IN IP4 203.0.113.7
	// t=0 0
	// m=audio 4000 RTP/AVP 8 101
	// a=rtpmap:8 PCMA/8000
	// a=rtpmap:101 telephone-event/8000
	// a=fmtp:101 0-16
	// a=sendrecv
	// a=ptime:20
}
