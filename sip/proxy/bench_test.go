package proxy

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// bench is a proxy between a caller and one callee, both made of prepared
// bytes; what it sends is kept in one buffer.
type bench struct {
	b     *testing.B
	layer *transaction.Layer
	proxy *Proxy
	now   time.Time
	sent  []byte
	m     wire.Message
	out   []byte
	plan  Plan
}

const benchSDP = "v=0\r\no=alice 3904215321 3904215321 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n" +
	"m=audio 40000 RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n" +
	"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\na=ptime:20\r\n"

func newBench(b *testing.B, callees int) *bench {
	x := &bench{b: b, now: epoch}
	x.layer = transaction.New(transaction.Config{User: x, MaxTransactions: 1 << 30, Send: func(_ transport.Flow, msg []byte) error {
		x.sent = append(x.sent[:0], msg...)
		return nil
	}})
	self := local.String()
	x.proxy = New(Config{
		Layer:   x.layer,
		SentBy:  func(transport.Flow) string { return self },
		Self:    func(host []byte, _ uint16) bool { return string(host) == "192.0.2.1" },
		Resolve: Numeric(flowOf("alice")),
	})
	var g Group
	for range callees {
		g.Targets = append(g.Targets, Target{
			URI:   []byte("sip:bob@198.51.100.9:49152;transport=tcp;ob"),
			Route: [][]byte{[]byte("<sip:3Q9mZyTnB8m4hJ7u@192.0.2.20:5060;lr;ob>")},
		})
	}
	x.plan = Plan{Groups: []Group{g}, RecordRoute: []byte("<sip:192.0.2.1;lr;did=1234567890>")}
	return x
}

func (x *bench) Request(now time.Time, tx *transaction.Server, m *wire.Message) {
	if len(m.ToTag()) > 0 {
		x.proxy.Relay(now, tx, m, nil)
		return
	}
	x.proxy.Start(now, tx, m, x.plan)
}
func (x *bench) Ack(_ time.Time, m *wire.Message, _ transport.Flow) {
	if err := x.proxy.Ack(m, nil); err != nil {
		x.b.Fatal(err)
	}
}
func (x *bench) Cancel(now time.Time, tx *transaction.Server, m *wire.Message) {
	x.proxy.Cancel(now, tx, m)
}
func (x *bench) Stray(time.Time, *wire.Message, transport.Flow) {}

func (x *bench) receive(from string, b []byte) {
	if err := x.m.Parse(b, nil); err != nil {
		x.b.Fatalf("%v\n%s", err, b)
	}
	x.layer.Receive(x.now, &x.m, flowOf(from))
}

// answer makes the callee answer what was sent last.
func (x *bench) answer(status int, extra ...wire.Field) {
	if err := x.m.Parse(x.sent, nil); err != nil {
		x.b.Fatal(err)
	}
	var err error
	if x.out, err = wire.AppendResponse(x.out[:0], &x.m, status, "", "bob", extra...); err != nil {
		x.b.Fatal(err)
	}
	x.receive("bob", x.out)
}

// benchRequest is a request of the caller with room for a number in branch and
// Call-ID.
func benchRequest(method, uri, to, route, body string) []byte {
	return []byte(strings.ReplaceAll(fmt.Sprintf(`%s %s SIP/2.0
Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK#########%s
Via: SIP/2.0/TCP 198.51.100.7:49152;branch=z9hG4bK-524287-1---0e1f5f8d7c;received=203.0.113.9
Max-Forwards: 69
%sRecord-Route: <sip:192.0.2.10;r2;lr>
Record-Route: <sip:3Q9mZyTnB8m4hJ7u@203.0.113.1:5060;transport=tcp;r2;lr>
From: "Alice Example" <sip:alice@example.com>;tag=8f2e1c77
To: <sip:+431234567@example.com;user=phone>%s
Call-ID: #########-9a7c41e2-5d1b-4f0a-8f6e-2c9b7d1e0f33
CSeq: 20931 %s
Contact: <sip:alice@198.51.100.7:49152;transport=tcp;ob>;+sip.instance="<urn:uuid:0c67446e-f1a1-11d9-94d3-000a95a0e128>"
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER, NOTIFY, INFO
Supported: replaces, timer, 100rel, outbound, path, gruu
Session-Expires: 1800;refresher=uac
User-Agent: ExamplePhone/4.2.1 (build 77)
Content-Type: application/sdp
Content-Length: %d

`, method, uri, method, route, to, method, len(body)), "\n", "\r\n") + body)
}

// number writes i over the marks.
type template struct {
	b  []byte
	at []int
}

func newTemplate(b []byte) *template {
	t := &template{b: b}
	for i := 0; ; {
		k := bytes.Index(b[i:], []byte("#########"))
		if k < 0 {
			return t
		}
		t.at = append(t.at, i+k)
		i += k + 9
	}
}

func (t *template) number(i int) []byte {
	for _, at := range t.at {
		n := i
		for k := at + 8; k >= at; k-- {
			t.b[k] = byte('0' + n%10)
			n /= 10
		}
	}
	return t.b
}

// BenchmarkCall is a whole call through the proxy: INVITE, 180, 200, ACK, BYE,
// 200, with Path, Record-Route and all timers; six messages in, six out. The
// callee's responses are made in it too.
func BenchmarkCall(b *testing.B) {
	x := newBench(b, 1)
	const route = "Route: <sip:192.0.2.1;lr;did=1234567890>\nRoute: <sip:3Q9mZyTnB8m4hJ7u@192.0.2.20:5060;lr>\n"
	invite := newTemplate(benchRequest("INVITE", "sip:+431234567@example.com;user=phone", "", "", benchSDP))
	ack := newTemplate(benchRequest("ACK", "sip:bob@198.51.100.9:49152", ";tag=bob", route, ""))
	bye := newTemplate(benchRequest("BYE", "sip:bob@198.51.100.9:49152", ";tag=bob", route, ""))
	contact := wire.Field{ID: wire.HdrContact, Value: []byte("<sip:bob@198.51.100.9:49152>")}
	body := wire.Body("application/sdp", []byte(benchSDP))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		x.now = x.now.Add(time.Millisecond)
		x.receive("alice", invite.number(i))
		request := bytes.Clone(x.sent)
		x.answer(180, contact)
		x.sent = request
		x.answer(200, contact, body)
		x.receive("alice", ack.number(i))
		x.receive("alice", bye.number(i))
		x.answer(200)
		x.layer.Advance(x.now)
	}
	if s := x.proxy.Stats(); s.Contexts != 0 || s.Unusable != 0 || s.AcksLost != 0 {
		b.Errorf("%+v", s)
	}
}

// BenchmarkRinging measures what a ringing call of a 1.5 KB INVITE holds, by
// the number of branches: B/held.
func BenchmarkRinging(b *testing.B) {
	const n = 3000
	for _, callees := range []int{1, 4} {
		b.Run(fmt.Sprint(callees), func(b *testing.B) {
			var held float64
			for b.Loop() {
				x := newBench(b, callees)
				invite := newTemplate(benchRequest("INVITE", "sip:+431234567@example.com", "", "", benchSDP))
				before := heapInUse()
				for i := range n {
					x.receive("alice", invite.number(i))
				}
				held = (heapInUse() - before) / n
				runtime.KeepAlive(x)
			}
			b.ReportMetric(held, "B/held")
		})
	}
}

func heapInUse() float64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return float64(s.HeapAlloc)
}
