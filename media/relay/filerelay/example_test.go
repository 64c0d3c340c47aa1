package filerelay_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/relay/filerelay"
)

// A relay begins again with the calls that the process before it had.
func Example() {
	dir, err := os.MkdirTemp("", "calls") // one in memory keeps keys off the disk
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for _, process := range []string{"first", "second"} {
		if err := live(dir, process); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// first restores 0
	// second restores 1
}

// live is one process of a relay. The first one takes a call.
func live(dir, process string) error {
	store, err := filerelay.New(dir)
	if err != nil {
		return err
	}
	r, err := relay.New(relay.Config{Store: store, Deny: []netip.Prefix{}, // loopback is allowed here
		Interfaces: []relay.Interface{{Name: "main", Addr: netip.MustParseAddr("127.0.0.1")}}})
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(context.Background())
	defer end()
	n, err := r.Restore(ctx)
	if err != nil {
		return err
	}
	fmt.Println(process, "restores", n)
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	if process == "first" {
		const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"
		_, err = r.Offer(ctx, relay.OfferRequest{CallID: "call", FromTag: "a", SDP: []byte(sdp)})
	}
	end() // what is not written yet is written now
	return errors.Join(err, <-done)
}
