package b2bua_test

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/class5-go/class5/sip/b2bua"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// minute is an Authorizer that lets every call last for a minute.
type minute struct{}

func (minute) Begin(now time.Time, c *b2bua.Call) {
	c.Granted(now, b2bua.Grant{Total: time.Minute, Final: true})
}
func (minute) Renew(time.Time, *b2bua.Call, time.Duration) {}
func (minute) End(_ time.Time, _ *b2bua.Call, used time.Duration) {
	fmt.Println("used", used)
}

// server is the transaction user of this program.
type server struct{ calls *b2bua.B2BUA }

func (s *server) Request(now time.Time, tx *transaction.Server, m *wire.Message) {
	if len(m.ToTag()) == 0 {
		s.calls.Start(now, tx, m, b2bua.Plan{
			ID: "1", Authorizer: minute{},
			Groups: []proxy.Group{{Targets: []proxy.Target{{URI: []byte("sip:bob@192.0.2.20")}}}},
		})
	} else if !s.calls.Request(now, tx, m) {
		_ = tx.Reply(now, 481, "")
	}
}
func (s *server) Ack(now time.Time, m *wire.Message, _ transport.Flow) { s.calls.Ack(now, m) }
func (s *server) Cancel(now time.Time, tx *transaction.Server, m *wire.Message) {
	s.calls.Cancel(now, tx, m)
}
func (s *server) Stray(time.Time, *wire.Message, transport.Flow) {}

// A caller is connected for the minute that it may talk.
func Example() {
	const self = "192.0.2.1:5060"
	var invite, ok wire.Message // as the callee and the caller got them
	s := &server{}
	layer := transaction.New(transaction.Config{User: s, Send: func(to transport.Flow, msg []byte) error {
		line, _, _ := strings.Cut(string(msg), "\r\n")
		fmt.Printf("to %s: %s\n", to.Remote.Addr(), line)
		m := map[bool]*wire.Message{true: &invite, false: &ok}[strings.HasPrefix(line, "INVITE")]
		return m.Parse([]byte(string(msg)), nil)
	}})
	s.calls = b2bua.New(b2bua.Config{Layer: layer, Host: self, SentBy: func(transport.Flow) string { return self }})

	now := time.Unix(0, 0)
	receive := func(from, text string) {
		m := new(wire.Message)
		if err := m.Parse([]byte(text), nil); err != nil {
			panic(err)
		}
		layer.Receive(now, m, transport.Flow{Protocol: transport.UDP, Remote: netip.MustParseAddrPort(from)})
	}
	request := func(method, uri, to string) string {
		return strings.ReplaceAll(method+" "+uri+" SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK"+method+"\nMax-Forwards: 70\n"+
			"From: <sip:alice@example.com>;tag=a\nTo: "+to+"\nCall-ID: 1\nCSeq: 1 "+method+"\nContact: <sip:alice@192.0.2.10>\n\n", "\n", "\r\n")
	}
	receive("192.0.2.10:5060", request("INVITE", "sip:bob@example.com", "<sip:bob@example.com>"))
	answer, _ := wire.AppendResponse(nil, &invite, 200, "", "b", wire.Field{ID: wire.HdrContact, Value: []byte("<sip:bob@192.0.2.20>")})
	receive("192.0.2.20:5060", string(answer))
	to, _ := ok.First(wire.HdrTo)
	receive("192.0.2.10:5060", request("ACK", "sip:1@"+self, string(to.Value)))
	now = now.Add(time.Minute)
	layer.Advance(now)
	// Output:
	// to 192.0.2.20: INVITE sip:bob@192.0.2.20 SIP/2.0
	// to 192.0.2.10: SIP/2.0 200 OK
	// to 192.0.2.20: ACK sip:bob@192.0.2.20 SIP/2.0
	// used 1m0s
	// to 192.0.2.20: BYE sip:bob@192.0.2.20 SIP/2.0
	// to 192.0.2.10: BYE sip:alice@192.0.2.10 SIP/2.0
}
