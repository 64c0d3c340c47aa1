package ng_test

import (
	"context"
	"fmt"
	"net"

	"github.com/class5-go/class5/media/ng"
)

// A server with one command, and a client that gives it.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	server := ng.NewServer(ng.HandlerFunc(func(_ context.Context, req *ng.Request) (ng.Dict, error) {
		return ng.Of("sdp", "rewritten: "+req.Dict.Str("sdp")), nil
	}), ng.Config{})
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		panic(err)
	}
	done := make(chan error)
	go func() { done <- server.ServeUDP(ctx, conn) }()

	client, err := ng.NewClient(ng.ClientConfig{URL: "udp://" + conn.LocalAddr().String()})
	if err != nil {
		panic(err)
	}
	reply, err := client.Do(ctx, ng.Of("command", "offer", "call-id", "a84b4c76e66710", "from-tag", "1928301774", "sdp", "v=0"))
	fmt.Println(reply.Str("sdp"), err)

	client.Close()
	cancel()
	fmt.Println(<-done)
	// Output:
	// rewritten: v=0 <nil>
	// <nil>
}
