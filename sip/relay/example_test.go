package relay_test

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// An edge as a function: a REGISTER from a phone in, the same with Path, Via and
// P-Edge for a proxy out. To serve sockets, give the listeners of a
// transport.Endpoint to New and the relay to its Serve.
func Example() {
	ring, err := token.New(token.Key{ID: 1, Secret: []byte("32 octets that only our pair has")})
	if err != nil {
		fmt.Println(err)
		return
	}
	proxies, err := relay.NewTargets(nil,
		relay.Target{Addr: netip.MustParseAddrPort("10.0.0.11:5060")},
		relay.Target{Addr: netip.MustParseAddrPort("10.0.0.12:5060"), Draining: true},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	edge, err := relay.New(relay.Config{
		Listeners: []relay.Listener{
			{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("192.0.2.1:5060")},
			{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("10.0.0.1:5070"), Internal: true},
		},
		Ring:     ring,
		Dispatch: proxies,
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	register := strings.Join([]string{
		"REGISTER sip:example.com SIP/2.0",
		"Via: SIP/2.0/UDP 192.168.1.7:5060;rport;branch=z9hG4bK776asdhds",
		"Max-Forwards: 70",
		"From: <sip:alice@example.com>;tag=1928301774",
		"To: <sip:alice@example.com>",
		"Call-ID: a84b4c76e66710",
		"CSeq: 1 REGISTER",
		"Contact: <sip:alice@192.168.1.7:5060>",
		"Content-Length: 0", "", "",
	}, "\r\n")
	var scratch relay.Scratch // reused for the next message
	out := edge.Handle(&scratch, transport.Packet{
		Data: []byte(register),
		Flow: transport.Flow{Protocol: transport.UDP, Remote: netip.MustParseAddrPort("203.0.113.7:41000")},
	}, nil)
	fmt.Println(out.Cause, "to", out.Flow.Remote)

	// The proxy checks what the edge says about the client.
	var m wire.Message
	if err := m.Parse(out.Data, nil); err != nil {
		fmt.Println(err)
		return
	}
	client, err := relay.ParseEdge(ring, &m)
	fmt.Println(client.Source, client.NAT, err)
	// Output:
	// request_in to 10.0.0.11:5060
	// 203.0.113.7:41000 true <nil>
}
