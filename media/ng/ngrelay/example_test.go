package ngrelay_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/ng/ngrelay"
	"github.com/class5-go/class5/media/relay"
)

// A relay answers an offer that came as a control message.
func Example() {
	r, err := relay.New(relay.Config{Interfaces: []relay.Interface{{Addr: netip.MustParseAddr("127.0.0.1")}}})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()

	h := ngrelay.NewHandler(r, ngrelay.Config{})
	reply, err := h.HandleNG(ctx, &ng.Request{Command: "offer", Dict: ng.Of(
		"command", "offer", "call-id", "a84b4c76e66710", "from-tag", "1928301774",
		"sdp", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n")})
	fmt.Println(strings.Contains(reply.Str("sdp"), "c=IN IP4 127.0.0.1"), err)

	cancel()
	<-done
	// Output: true <nil>
}
