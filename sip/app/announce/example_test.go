package announce_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/class5-go/class5/sip/app/announce"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// silence answers with a description and no media behind it.
type silence struct{}

func (silence) Answer(context.Context, []byte, func()) (announce.Session, []byte, error) {
	return silence{}, []byte("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"), nil
}
func (silence) Reoffer(offer []byte) ([]byte, error) { return offer, nil }
func (silence) Close()                               {}

func ExampleAgent() {
	agent := announce.New(announce.Config{
		Contact: "sip:test@192.0.2.1:5090",
		Via:     "192.0.2.1:5090",
		Player:  silence{},
		Send: func(_ transport.Flow, msg []byte) error {
			line, _, _ := strings.Cut(string(msg), "\r\n")
			fmt.Println(line)
			return nil
		},
	})
	m := new(wire.Message)
	_ = m.Parse([]byte(strings.ReplaceAll(`INVITE sip:test@192.0.2.1:5090 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1
Max-Forwards: 70
From: <sip:a@example.com>;tag=1
To: <sip:test@example.com>
Call-ID: 1
CSeq: 1 INVITE
Contact: <sip:a@192.0.2.9>
Content-Length: 0

`, "\n", "\r\n")), nil)
	agent.Receive(time.Now(), m, transport.Flow{})
	fmt.Println(agent.Len(), "call")
	// Output:
	// SIP/2.0 200 OK
	// 1 call
}
