package transport_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// answer is a server that says 200 to everything it can read.
type answer struct{}

func (answer) ServeSIP(batch []transport.Packet, out *transport.Outbox) {
	var m wire.Message
	for _, p := range batch {
		if m.Parse(p.Data, nil) != nil || !m.IsRequest() || m.Method() == wire.ACK {
			continue
		}
		if msg, err := wire.AppendResponse(out.Buffer(), &m, 200, "OK", "tag"); err == nil {
			_ = out.Send(p.Flow, msg)
		}
	}
}

func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	endpoint, err := transport.Listen(ctx, transport.Config{Listeners: []transport.ListenerConfig{
		{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("127.0.0.1:0")},
		{Protocol: transport.TCP, Addr: netip.MustParseAddrPort("127.0.0.1:0")},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- endpoint.Serve(ctx, answer{}) }()

	phone, _ := net.Dial("udp", endpoint.Listener(0).Addr.String())
	fmt.Fprint(phone, "OPTIONS sip:carrier.example SIP/2.0\r\n"+
		"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@carrier.example>;tag=1\r\n"+
		"To: <sip:carrier.example>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n")
	b := make([]byte, 1500)
	n, _ := phone.Read(b)
	fmt.Printf("%.14s\n", b[:n])

	cancel()
	fmt.Println(<-done)
	// Output:
	// SIP/2.0 200 OK
	// <nil>
}
