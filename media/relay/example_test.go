package relay_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/sdp"
)

func Example() {
	r, err := relay.New(relay.Config{
		Interfaces: []relay.Interface{{Addr: netip.MustParseAddr("127.0.0.1")}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	defer func() {
		cancel()
		<-ended // sockets and goroutines are gone
	}()

	// What a proxy does with the body of an INVITE …
	offer := []byte("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n")
	out, err := r.Offer(ctx, relay.OfferRequest{CallID: "1@example", FromTag: "alice", SDP: offer})
	if err != nil {
		fmt.Println(err)
		return
	}
	d, _ := sdp.Parse(out, nil)
	fmt.Println("the called party sends to", d.Media(0).Addr().Addr())

	// … of the 200 OK, and at the end of the call.
	answer := []byte("v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8\r\n")
	if _, err = r.Answer(ctx, relay.AnswerRequest{CallID: "1@example", FromTag: "alice", ToTag: "bob", SDP: answer}); err != nil {
		fmt.Println(err)
		return
	}
	report, _ := r.Delete(ctx, relay.DeleteRequest{CallID: "1@example", FromTag: "alice", ToTag: "bob"})
	for _, leg := range report.Legs {
		fmt.Println(leg.Tags, leg.Streams[0].Signalled, leg.Streams[0].Received.Packets, "packets")
	}
	// Output:
	// the called party sends to 127.0.0.1
	// [alice] 192.0.2.1:4000 0 packets
	// [bob] 192.0.2.9:6000 0 packets
}
