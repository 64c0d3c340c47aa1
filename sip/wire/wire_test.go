package wire

import "testing"

var invite = []byte("INVITE sip:bob@biloxi.example.com;transport=udp SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP pc33.atlanta.example.com:5060;branch=z9hG4bK776asdhds;rport\r\n" +
	"Max-Forwards: 70\r\n" +
	"Route: <sip:lb@192.0.2.10;lr;r2=on>, <sip:proxy@192.0.2.11:5062;lr>\r\n" +
	"To: Bob <sip:bob@biloxi.example.com>\r\n" +
	"From: \"Alice, the first\" <sip:alice@atlanta.example.com>;tag=1928301774\r\n" +
	"Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\n" +
	"CSeq: 314159 INVITE\r\n" +
	"Contact: <sip:alice@pc33.atlanta.example.com:5060;transport=udp>\r\n" +
	"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO, UPDATE, PRACK\r\n" +
	"Supported: replaces, timer, 100rel, path\r\n" +
	"User-Agent: ExamplePhone/12.3.4\r\n" +
	"Content-Type: application/sdp\r\n" +
	"Content-Length: 10\r\n\r\n0123456789")

func TestEditSmoke(t *testing.T) {
	var m Message
	if err := m.Parse(invite, nil); err != nil {
		t.Fatal(err)
	}
	var e Edit
	e.Prepend(HdrVia, []byte("SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKx"))
	e.ReplaceFirstValue(HdrVia, []byte("SIP/2.0/UDP a;received=1.1.1.1"))
	e.RemoveFirstValue(HdrRoute)
	e.Prepend(HdrRecordRoute, []byte("<sip:x;lr>"))
	e.Set(HdrMaxForwards, []byte("69"))
	e.RemoveName("p-asserted-identity")
	e.RequestURI([]byte("sip:x@y"))
	e.Add("X-Foo", []byte("bar"))
	e.RemoveAll(HdrUserAgent)
	out, err := m.Append(nil, &e)
	t.Logf("%s %v", out, err)
	r, err := AppendResponse(nil, &m, 180, "", "tt", Field{ID: HdrVia, Value: []byte("SIP/2.0/UDP z")})
	t.Logf("%s %v", r, err)
	var f Framer
	f.Feed(append([]byte("\r\n\r\n"), out...))
	for {
		k, msg, err := f.Next()
		t.Log(k, len(msg), err)
		if k == FrameMore {
			break
		}
	}
}
