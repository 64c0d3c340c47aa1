package capture_test

import (
	"fmt"
	"time"

	"github.com/class5-go/class5/sip/capture"
)

func ExampleStore() {
	store := capture.New(capture.Config{})
	store.Add(capture.Message{At: time.Unix(0, 0), Node: "lb", Data: []byte("INVITE sip:bob@example.com SIP/2.0\r\nCall-ID: 1@a\r\nCSeq: 1 INVITE\r\n\r\n")})
	store.Add(capture.Message{At: time.Unix(1, 0), Node: "lb", Data: []byte("SIP/2.0 180 Ringing\r\nCall-ID: 1@a\r\nCSeq: 1 INVITE\r\n\r\n")})
	fmt.Println(len(store.Call("1@a")), "messages")
	// Output: 2 messages
}
