package sipgoconn_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/transport/sipgoconn"
)

// The layers of sipgo answer on an endpoint; with a sipgo.Server, which has the
// same methods, it is one line less.
func Example() {
	endpoint, err := transport.Listen(context.Background(), transport.Config{Listeners: []transport.ListenerConfig{
		{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("127.0.0.1:0"), Readers: 2},
		{Protocol: transport.TCP, Addr: netip.MustParseAddrPort("127.0.0.1:0")},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := sip.NewTransportLayer(nil, sip.NewParser(), nil)
	server.OnMessage(func(sip.Message) {}) // answer it

	ctx, stop := context.WithCancel(context.Background())
	stop() // at once
	fmt.Println(sipgoconn.Serve(ctx, endpoint, server))
	// Output: <nil>
}
