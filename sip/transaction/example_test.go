package transaction_test

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// alive answers OPTIONS and refuses everything else.
type alive struct{}

func (alive) Request(now time.Time, tx *transaction.Server, m *wire.Message) {
	status := 501
	if m.Method() == wire.OPTIONS {
		status = 200
	}
	if err := tx.Reply(now, status, ""); err != nil {
		fmt.Println(err)
	}
}
func (alive) Ack(time.Time, *wire.Message, transport.Flow)         {}
func (alive) Cancel(time.Time, *transaction.Server, *wire.Message) {}
func (alive) Stray(time.Time, *wire.Message, transport.Flow)       {}

// A server with virtual time: the second copy of the request is answered by
// the layer alone, and after Timer J nothing is left.
func Example() {
	layer := transaction.New(transaction.Config{
		User: alive{},
		Send: func(to transport.Flow, msg []byte) error {
			line, _, _ := strings.Cut(string(msg), "\r\n")
			fmt.Println(to.Remote, line)
			return nil
		},
	})
	options := []byte(strings.ReplaceAll(`OPTIONS sip:proxy.example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK776asdhds
Max-Forwards: 70
From: <sip:alice@example.com>;tag=1928301774
To: <sip:proxy.example.com>
Call-ID: a84b4c76e66710
CSeq: 1 OPTIONS
Content-Length: 0

`, "\n", "\r\n"))
	flow := transport.Flow{Protocol: transport.UDP, Remote: netip.MustParseAddrPort("192.0.2.7:5060")}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

	var m wire.Message
	for range 2 {
		if err := m.Parse(options, nil); err != nil {
			fmt.Println(err)
			return
		}
		layer.Receive(now, &m, flow)
	}
	fmt.Println("alive:", layer.Stats().Servers)
	layer.Advance(now.Add(32 * time.Second))
	fmt.Println("alive:", layer.Stats().Servers)
	// Output:
	// 192.0.2.7:5060 SIP/2.0 200 OK
	// 192.0.2.7:5060 SIP/2.0 200 OK
	// alive: 1
	// alive: 0
}
