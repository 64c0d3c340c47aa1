package transaction

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/internal/script"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

var optionsCommand = script.Command{Name: "recv", Words: []string{"udp", "OPTIONS"}}

// benchUser answers with a prepared response, at once or never.
type benchUser struct {
	response []byte
	l        *Layer
}

func (u *benchUser) Request(now time.Time, tx *Server, m *wire.Message) {
	if u.response == nil {
		return
	}
	b, err := wire.AppendResponse(u.response[:0], m, 200, "", "tag")
	if err != nil {
		panic(err)
	}
	u.response = b
	if err := tx.Respond(now, b); err != nil {
		panic(err)
	}
}
func (u *benchUser) Ack(time.Time, *wire.Message, transport.Flow)   {}
func (u *benchUser) Cancel(time.Time, *Server, *wire.Message)       {}
func (u *benchUser) Stray(time.Time, *wire.Message, transport.Flow) {}
func (u *benchUser) Response(time.Time, *Client, *wire.Message)     {}
func (u *benchUser) Failed(time.Time, *Client, error)               {}

func newBenchLayer(u *benchUser) *Layer {
	u.l = New(Config{User: u, Send: func(transport.Flow, []byte) error { return nil }, MaxTransactions: 1 << 30})
	return u.l
}

// numbered is a request whose branch has room for a number.
type numbered struct {
	bytes []byte
	at    int
}

func newNumbered(method, extra string) *numbered {
	b := []byte(strings.ReplaceAll(fmt.Sprintf(`%s sip:+431234567@example.com;user=phone SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK0000000000
Max-Forwards: 69
From: "Alice Example" <sip:alice@example.com>;tag=8f2e1c77
To: <sip:+431234567@example.com;user=phone>
Call-ID: 9a7c41e2-5d1b-4f0a-8f6e-2c9b7d1e0f33@198.51.100.7
CSeq: 20931 %s
Contact: <sip:alice@198.51.100.7:49152;transport=tcp;ob>
Content-Length: %d

%s`, method, method, len(extra), extra), "\n", "\r\n"))
	return &numbered{b, bytes.Index(b, []byte("bK0000000000")) + 2}
}

func (n *numbered) set(i int) []byte {
	for k := n.at + 9; k >= n.at; k-- {
		n.bytes[k] = byte('0' + i%10)
		i /= 10
	}
	return n.bytes
}

// BenchmarkServer is a request other than INVITE over UDP, answered at once,
// with its Timer J; parsing included.
func BenchmarkServer(b *testing.B) {
	u := &benchUser{response: make([]byte, 0, 2048)}
	l := newBenchLayer(u)
	req := newNumbered("OPTIONS", "")
	var m wire.Message
	now := epoch
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Millisecond)
		if err := m.Parse(req.set(i), nil); err != nil {
			b.Fatal(err)
		}
		l.Receive(now, &m, udpFlow)
		l.Advance(now)
	}
}

// BenchmarkClient is such a request sent and answered, with its Timer K.
func BenchmarkClient(b *testing.B) {
	u := &benchUser{}
	l := newBenchLayer(u)
	req := newNumbered("OPTIONS", "")
	var m wire.Message
	var response []byte
	now := epoch
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Millisecond)
		if _, err := l.NewClient(now, req.set(i), udpFlow, u); err != nil {
			b.Fatal(err)
		}
		if err := m.Parse(req.bytes, nil); err != nil {
			b.Fatal(err)
		}
		var err error
		if response, err = wire.AppendResponse(response[:0], &m, 200, "", "tag"); err != nil {
			b.Fatal(err)
		}
		if err := m.Parse(response, nil); err != nil {
			b.Fatal(err)
		}
		l.Receive(now, &m, udpFlow)
		l.Advance(now)
	}
}

// BenchmarkPending measures what a ringing INVITE of 1.3 KB holds, as server
// and as client transaction: B/held.
func BenchmarkPending(b *testing.B) {
	const n = 5000
	sdp := strings.Repeat("a=rtpmap:101 telephone-event\r\n", 28)
	for _, side := range []string{"server", "client"} {
		b.Run(side, func(b *testing.B) {
			var held float64
			for b.Loop() {
				u := &benchUser{}
				l := newBenchLayer(u)
				req := newNumbered("INVITE", sdp)
				var m wire.Message
				before := heap()
				for i := range n {
					if side == "client" {
						if _, err := l.NewClient(epoch, req.set(i), udpFlow, u); err != nil {
							b.Fatal(err)
						}
						continue
					}
					if err := m.Parse(req.set(i), nil); err != nil {
						b.Fatal(err)
					}
					l.Receive(epoch, &m, udpFlow)
				}
				held = (heap() - before) / n
				runtime.KeepAlive(l)
			}
			b.ReportMetric(held, "B/held")
		})
	}
}

func heap() float64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return float64(s.HeapAlloc)
}
