package proxy_test

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// forker sends every INVITE to two phones.
type forker struct{ proxy *proxy.Proxy }

func (f *forker) Request(now time.Time, tx *transaction.Server, m *wire.Message) {
	if len(m.ToTag()) > 0 {
		f.proxy.Relay(now, tx, m, nil)
		return
	}
	f.proxy.Start(now, tx, m, proxy.Plan{
		Groups: []proxy.Group{{Targets: []proxy.Target{
			{URI: []byte("sip:bob@192.0.2.20")},
			{URI: []byte("sip:bob@192.0.2.21")},
		}}},
		RecordRoute: []byte("<sip:192.0.2.1;lr>"),
	})
}

func (f *forker) Ack(_ time.Time, m *wire.Message, _ transport.Flow) {
	if err := f.proxy.Ack(m, nil); err != nil {
		fmt.Println(err)
	}
}

func (f *forker) Cancel(now time.Time, invite *transaction.Server, m *wire.Message) {
	f.proxy.Cancel(now, invite, m)
}

func (f *forker) Stray(time.Time, *wire.Message, transport.Flow) {}

// A forking proxy without a network: the INVITE leaves twice.
func Example() {
	f := &forker{}
	layer := transaction.New(transaction.Config{
		User: f,
		Send: func(to transport.Flow, msg []byte) error {
			line, _, _ := strings.Cut(string(msg), "\r\n")
			fmt.Println(to.Remote, line)
			return nil
		},
	})
	f.proxy = proxy.New(proxy.Config{
		Layer:   layer,
		SentBy:  func(transport.Flow) string { return "192.0.2.1:5060" },
		Self:    func(host []byte, _ uint16) bool { return string(host) == "192.0.2.1" },
		Resolve: proxy.Numeric(transport.Flow{Protocol: transport.UDP}),
	})

	invite := []byte(strings.ReplaceAll(`INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK776asdhds
Max-Forwards: 70
From: <sip:alice@example.com>;tag=1928301774
To: <sip:bob@example.com>
Call-ID: a84b4c76e66710
CSeq: 1 INVITE
Content-Length: 0

`, "\n", "\r\n"))
	var m wire.Message
	if err := m.Parse(invite, nil); err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	layer.Receive(now, &m, transport.Flow{Protocol: transport.UDP, Remote: netip.MustParseAddrPort("192.0.2.10:5060")})
	layer.Advance(now.Add(200 * time.Millisecond))
	// Output:
	// 192.0.2.20:5060 INVITE sip:bob@192.0.2.20 SIP/2.0
	// 192.0.2.21:5060 INVITE sip:bob@192.0.2.21 SIP/2.0
	// 192.0.2.10:5060 SIP/2.0 100 Trying
}
