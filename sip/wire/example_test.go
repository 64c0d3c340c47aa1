package wire_test

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/class5-go/class5/sip/wire"
)

var invite = []byte(strings.ReplaceAll(`INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport
Max-Forwards: 70
Route: <sip:edge.example.com;lr>, <sip:proxy.example.com;lr>
From: Alice <sip:alice@example.com>;tag=1
To: <sip:bob@example.com>
Call-ID: c1@192.0.2.1
CSeq: 1 INVITE
X-Internal: forged
Content-Length: 0

`, "\n", "\r\n"))

// A stateless relay looks at what it needs, plans its changes, and writes the message once.
func Example() {
	var m wire.Message // one for each goroutine, reused
	var e wire.Edit
	if err := m.Parse(invite, nil); err != nil {
		fmt.Println(err)
		return
	}
	via, _ := m.TopVia()
	hops, _ := m.MaxForwards()
	received := wire.AppendViaReceived(nil, via, netip.MustParseAddrPort("203.0.113.9:40000"))

	e.Reset()
	e.ReplaceFirstValue(wire.HdrVia, received)
	e.Prepend(wire.HdrVia, []byte("SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKx"))
	e.RemoveFirstValue(wire.HdrRoute)
	e.Set(wire.HdrMaxForwards, fmt.Append(nil, hops-1))
	e.RemoveName("x-internal")
	out, err := m.Append(nil, &e)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(strings.ReplaceAll(string(out), "\r\n", "\n"))
	// Output:
	// INVITE sip:bob@example.com SIP/2.0
	// Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKx
	// Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;received=203.0.113.9;rport=40000
	// Max-Forwards: 69
	// Route: <sip:proxy.example.com;lr>
	// From: Alice <sip:alice@example.com>;tag=1
	// To: <sip:bob@example.com>
	// Call-ID: c1@192.0.2.1
	// CSeq: 1 INVITE
	// Content-Length: 0
}

// A message that two elements could read differently is refused, with a reason to count and a status to answer with.
func ExampleMessage_Parse() {
	twice := strings.Replace(string(invite), "CSeq", "i: c2@192.0.2.1\r\nCSeq", 1)
	var m wire.Message
	err := m.Parse([]byte(twice), nil)
	refusal := err.(*wire.Error)
	fmt.Println(refusal.Reason, refusal.Status)
	if refusal.Status != 0 {
		response, _ := wire.AppendResponse(nil, &m, refusal.Status, "", "as7f")
		fmt.Println(strings.Split(string(response), "\r\n")[0])
	}
	// Output:
	// duplicate_header 400
	// SIP/2.0 400 Bad Request
}

// Reads from a stream need not end where messages do.
func ExampleFramer() {
	stream := append([]byte("\r\n\r\n"), invite...)
	var f wire.Framer
	for _, chunk := range [][]byte{stream[:50], stream[50:]} {
		f.Feed(chunk)
		for {
			frame, msg, err := f.Next()
			if err != nil || frame == wire.FrameMore {
				break
			}
			fmt.Println(frame == wire.FramePing, len(msg) == len(invite))
		}
	}
	// Output:
	// false false
	// true false
	// false true
}
