package wire

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// benchInvite is an INVITE of a usual phone behind one proxy, 1.3 KB with its SDP.
var benchInvite = []byte(strings.ReplaceAll(`INVITE sip:+431234567@example.com;user=phone SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa7f3.9b41c2d0e5;rport
Via: SIP/2.0/TCP 198.51.100.7:49152;branch=z9hG4bK-524287-1---0e1f5f8d7c;received=203.0.113.9
Max-Forwards: 69
Route: <sip:edge.example.com;lr>
Route: <sip:3Q9mZyTnB8m4hJ7u@192.0.2.10:5060;lr;ob>
From: "Alice Example" <sip:alice@example.com>;tag=8f2e1c77
To: <sip:+431234567@example.com;user=phone>
Call-ID: 9a7c41e2-5d1b-4f0a-8f6e-2c9b7d1e0f33@198.51.100.7
CSeq: 20931 INVITE
Contact: <sip:alice@198.51.100.7:49152;transport=tcp;ob>;+sip.instance="<urn:uuid:0c67446e-f1a1-11d9-94d3-000a95a0e128>"
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER, NOTIFY, INFO
Supported: replaces, timer, 100rel, outbound, path, gruu
Session-Expires: 1800;refresher=uac
User-Agent: ExamplePhone/4.2.1 (build 77)
Content-Type: application/sdp
Content-Length: 266

v=0
o=alice 3904215321 3904215321 IN IP4 198.51.100.7
s=-
c=IN IP4 198.51.100.7
t=0 0
m=audio 40000 RTP/AVP 9 8 0 101
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=sendrecv
a=ptime:20
`, "\n", "\r\n"))

func mustParse(tb testing.TB, b []byte) *Message {
	tb.Helper()
	m := new(Message)
	if err := m.Parse(b, nil); err != nil {
		tb.Fatal(err)
	}
	return m
}

// view reads what a relay asks of every request.
func view(m *Message) int {
	v, _ := m.TopVia()
	n := len(v.Branch()) + len(m.CallID()) + len(m.ToTag()) + len(m.FromTag())
	mf, _ := m.MaxForwards()
	_, name := m.CSeq()
	for r := m.Values(HdrRoute); r.Next(); {
		n += len(r.Value())
		break
	}
	return n + mf + len(name) + len(m.Body())
}

// relayEdit is what a relay changes in a request that goes inward.
func relayEdit(e *Edit) {
	e.Reset()
	e.ReplaceFirstValue(HdrVia, []byte("SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa7f3.9b41c2d0e5;received=192.0.2.1;rport=5062"))
	e.Prepend(HdrVia, []byte("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK00112233445566778899aabb"))
	e.Prepend(HdrRecordRoute, []byte("<sip:3Q9mZyTnB8m4hJ7u@192.0.2.10:5060;r2;lr>"))
	e.RemoveFirstValue(HdrRoute)
	e.Set(HdrMaxForwards, []byte("68"))
	e.RemoveAll(HdrPEdge)
	e.Add("P-Edge", []byte("src=203.0.113.9:49152;tp=tcp;m=abcdef"))
}

func BenchmarkParse(b *testing.B) {
	var m Message
	b.ReportAllocs()
	b.SetBytes(int64(len(benchInvite)))
	for b.Loop() {
		if err := m.Parse(benchInvite, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseView(b *testing.B) {
	var m Message
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if err := m.Parse(benchInvite, nil); err != nil {
			b.Fatal(err)
		}
		n += view(&m)
	}
	_ = n
}

func BenchmarkParseEdit(b *testing.B) {
	var m Message
	var e Edit
	out := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Parse(benchInvite, nil); err != nil {
			b.Fatal(err)
		}
		view(&m)
		relayEdit(&e)
		var err error
		if out, err = m.Append(out[:0], &e); err != nil {
			b.Fatal(err)
		}
	}
}

// benchMix are messages of one shape whose names, numbers and tokens have all kinds of lengths, so that no branch
// predictor learns them by heart as it does with one message.
func benchMix() (mix [][]byte) {
	rnd := rand.New(rand.NewPCG(1, 2))
	word := func(lo, hi int) string {
		b := make([]byte, lo+rnd.IntN(hi-lo+1))
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[rnd.IntN(36)]
		}
		return string(b)
	}
	for range 512 {
		lines := strings.Split(string(benchInvite), "\r\n\r\n")
		head := strings.NewReplacer("alice", word(3, 14), "+431234567", "+43"+word(4, 12), "example.com", word(2, 9)+"."+word(4, 12)+".net",
			"a7f3.9b41c2d0e5", word(6, 24), "-524287-1---0e1f5f8d7c", word(8, 30), "8f2e1c77", word(4, 16), "Alice Example", word(2, 20),
			"9a7c41e2-5d1b-4f0a-8f6e-2c9b7d1e0f33", word(8, 36), "3Q9mZyTnB8m4hJ7u", word(16, 40), "20931", "1", ":49152", "",
			"ExamplePhone/4.2.1", word(5, 30), "replaces, timer", word(3, 40)).Replace(lines[0])
		rows := strings.Split(head, "\r\n")
		rnd.Shuffle(len(rows)-5, func(i, j int) { rows[i+4], rows[j+4] = rows[j+4], rows[i+4] })
		mix = append(mix, []byte(strings.Join(rows, "\r\n")+"\r\n\r\n"+lines[1]))
	}
	return mix
}

func BenchmarkParseMix(b *testing.B) {
	mix := benchMix()
	var m Message
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := m.Parse(mix[i&511], nil); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
