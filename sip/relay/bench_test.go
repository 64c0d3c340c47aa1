package relay

import (
	"bytes"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/overload"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// benchMessages is one message of each kind of an ordinary call and registration, as it
// comes to the edge, 1.1 KiB for the INVITE.
func benchMessages(tb testing.TB, r *Relay) []struct {
	name string
	want Cause
	transport.Packet
} {
	tb.Helper()
	client := testFlow(tb, "udp", "203.0.113.7:41000", 0)
	stream := testFlow(tb, "tls", "203.0.113.7:41000", testEpoch<<32|7)
	inside := testFlow(tb, "int", proxyA.String(), 0)
	const sdp = "v=0\r\no=- 3968142 3968142 IN IP4 192.168.1.7\r\ns=-\r\nc=IN IP4 192.168.1.7\r\nt=0 0\r\n" +
		"m=audio 40378 RTP/AVP 8 0 9 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:9 G722/8000\r\n" +
		"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\na=rtcp-mux\r\n"
	via := "Via: SIP/2.0/UDP 192.168.1.7:5060;branch=z9hG4bK-524287-1---b1b3b1c7b9f6f0a5;rport"
	from, to := `From: "Alice Adams" <sip:alice@example.com>;tag=9fxced76sl`, "To: <sip:bob@example.com>"
	callID := "Call-ID: 3848276298220188511@example.com"
	agent := "User-Agent: Example Phone 4.2.1 (rev 89ab)"
	contact := "Contact: <sip:alice@192.168.1.7:5060;ob>"
	invite := append(lines("INVITE sip:bob@example.com SIP/2.0", via, "Max-Forwards: 70", from, to, callID, "CSeq: 102 INVITE",
		contact, "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, INFO, PRACK, UPDATE",
		"Supported: replaces, timer, 100rel", "Session-Expires: 1800", agent,
		`Proxy-Authorization: Digest username="alice", realm="example.com", nonce="84f1c1ae6cbe5ua9c8e88dfa3ecm3459", uri="sip:bob@example.com", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1"`,
		"Content-Type: application/sdp", "Content-Length: "+strconv.Itoa(len(sdp))), sdp...)
	register := lines("REGISTER sip:example.com SIP/2.0", via, "Max-Forwards: 70", from, "To: <sip:alice@example.com>", callID, "CSeq: 2 REGISTER",
		contact+`;reg-id=1;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"`, "Expires: 3600", "Supported: path, outbound, gruu", agent,
		`Authorization: Digest username="alice", realm="example.com", nonce="84f1c1ae6cbe5ua9c8e88dfa3ecm3459", uri="sip:example.com", response="6629fae49393a05397450978507c4ef1"`,
		"Content-Length: 0")
	d := setUp(tb, r, client, "3848276298220188511@example.com")
	e := setUp(tb, r, stream, "3848276298220188511@example.com")
	inBye := func(routes ...string) []byte {
		l := []string{"BYE sip:bob@198.51.100.9:5060 SIP/2.0", via}
		for _, route := range routes {
			l = append(l, "Route: "+route)
		}
		return lines(append(l, "Max-Forwards: 70", from, to+";tag=314159", callID, "CSeq: 103 BYE", agent, "Content-Length: 0")...)
	}
	ok := append(lines("SIP/2.0 200 OK", "Via: "+d.via, via+";received=203.0.113.7",
		"Record-Route: <sip:10.0.0.11:5060;lr;did=4f.a1b2>", "Record-Route: "+inner, "Record-Route: "+outer(d.rr),
		from, to+";tag=314159", callID, "CSeq: 102 INVITE", "Contact: <sip:bob@198.51.100.9:5060>", agent,
		"Content-Type: application/sdp", "Content-Length: "+strconv.Itoa(len(sdp))), sdp...)
	out := handle(tb, r, inside, replaceAll(invite, "Max-Forwards: 70", "Route: <sip:"+e.path+"@10.0.0.1:5070;lr;ob>\r\nMax-Forwards: 69"))
	top, _ := parsed(tb, out.Data).TopVia()
	okIn := replaceAll(ok, d.via, string(top.Raw))
	packet := func(f transport.Flow, msg []byte) transport.Packet { return transport.Packet{Data: msg, Flow: f} }
	return []struct {
		name string
		want Cause
		transport.Packet
	}{
		{"INVITE/in", RequestIn, packet(client, invite)},
		{"INVITE/in/tls", RequestIn, packet(stream, invite)},
		{"INVITE/out", RequestOut, packet(inside, replaceAll(invite, "Max-Forwards: 70", "Route: <sip:"+e.path+"@10.0.0.1:5070;lr;ob>\r\nMax-Forwards: 69"))},
		{"REGISTER/in", RequestIn, packet(client, register)},
		{"REGISTER/200", ResponseOut, packet(inside, replaceAll(ok, "102 INVITE", "102 REGISTER"))},
		{"200/out", ResponseOut, packet(inside, ok)},
		{"200/in", ResponseIn, packet(stream, okIn)},
		{"BYE/in", RequestIn, packet(client, inBye(outer(d.rr), inner, proxy, inner, outer(e.rr)))},
		{"BYE/out", RequestOut, packet(inside, inBye(inner, outer(e.rr)))},
		{"ACK/in", RequestIn, packet(client, replaceAll(inBye(outer(d.rr), inner, proxy, inner, outer(e.rr)), "BYE", "ACK"))},
		{"ACK/out", RequestOut, packet(inside, replaceAll(inBye(inner, outer(e.rr)), "BYE", "ACK"))},
	}
}

// idle is every hook with nothing to object to.
type idle struct{}

func (idle) Source(time.Time, netip.AddrPort, transport.Protocol) bool { return true }
func (idle) Request(time.Time, netip.AddrPort, transport.Protocol, *wire.Message) (bool, int, string) {
	return true, 0, ""
}
func (idle) Malformed(_ time.Time, _ netip.AddrPort, _ transport.Protocol, _ wire.Reason, status int) int {
	return status
}
func (idle) Proved(time.Time, netip.AddrPort, transport.Protocol) {}
func (idle) Result(time.Time, netip.AddrPort, []byte, bool)       {}
func (idle) Offer() string                                        { return overload.Offer }

func (idle) AdmitTransaction(time.Time, netip.AddrPort, overload.Class, []byte) bool { return true }

func (idle) SecondLook(time.Time, netip.AddrPort, transport.Protocol) bool { return false }

func (idle) Dialog(time.Time, netip.AddrPort, transport.Protocol) bool { return false }

func (idle) Stream(netip.AddrPort, int) (transport.Flow, Way) { return transport.Flow{}, OverUDP }

type idleValve struct{ idle }

func (idleValve) Response(time.Time, netip.AddrPort, wire.Params) {}

type idleMedia struct{}

func (idleMedia) Request(leg Leg, _ *wire.Message, _ *wire.Edit) Decision {
	return Decision{Node: leg.Node, Memo: leg.Memo}
}
func (idleMedia) Response(Leg, *wire.Message, *wire.Edit) int { return 0 }

// benchConfigs is the relay bare, and with all that can be had.
var benchConfigs = []struct {
	name   string
	change func(*Config)
}{
	{"bare", func(*Config) {}},
	{"hooks", func(c *Config) {
		c.Guard, c.Overload, c.Inside, c.Media = idle{}, idleValve{}, idle{}, idleMedia{}
		c.Answered = func(int, time.Duration) {}
		for i := range c.Listeners {
			c.Listeners[i].HideContact = !c.Listeners[i].Internal
		}
	}},
	{"ngcp", func(c *Config) { c.Compat = CompatNGCP }},
}

func TestHandleDoesNotAllocate(t *testing.T) {
	for _, config := range benchConfigs {
		r := testRelay(t, config.change)
		var s Scratch
		buf := make([]byte, 0, 4096)
		for _, c := range benchMessages(t, r) {
			o := r.Handle(&s, c.Packet, buf)
			if o.Cause != c.want {
				t.Fatalf("%s/%s: %v (%v)", config.name, c.name, o.Cause, o.Reason)
			}
			parsed(t, o.Data)
			if n := testing.AllocsPerRun(100, func() { r.Handle(&s, c.Packet, buf) }); n != 0 && !raceEnabled {
				t.Errorf("%s/%s allocates %v times", config.name, c.name, n)
			}
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	for _, config := range benchConfigs {
		r := testRelay(b, config.change)
		buf := make([]byte, 0, 4096)
		for _, c := range benchMessages(b, r) {
			b.Run(config.name+"/"+c.name, func(b *testing.B) {
				var s Scratch
				b.SetBytes(int64(len(c.Data)))
				b.ReportAllocs()
				for b.Loop() {
					if o := r.Handle(&s, c.Packet, buf); o.Cause != c.want {
						b.Fatal(o.Cause)
					}
				}
			})
		}
	}
}

// BenchmarkRefuse measures what floods cost.
func BenchmarkRefuse(b *testing.B) {
	r := testRelay(b)
	flow := testFlow(b, "udp", "203.0.113.7:41000", 0)
	buf := make([]byte, 0, 4096)
	for _, c := range []struct {
		name string
		want Cause
		msg  []byte
	}{
		{"garbage", Malformed, []byte("\x16\x03\x01 this is not SIP at all, whatever it may be\r\n\r\n")},
		{"foreign response", ForeignVia, response("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx;ft=AAAA", "SIP/2.0/UDP 203.0.113.7")},
		{"forged Route", BadToken, bye("x", outer("EUIAywBxBxPE2IFrnsNRV9VXDg"), inner, proxy)},
		{"no Route", NoDialogRoute, bye("x")},
	} {
		b.Run(c.name, func(b *testing.B) {
			var s Scratch
			b.ReportAllocs()
			for b.Loop() {
				if o := r.Handle(&s, transport.Packet{Data: c.msg, Flow: flow}, buf); o.Cause != c.want {
					b.Fatal(o.Cause)
				}
			}
		})
	}
}

func replaceAll(msg []byte, old, text string) []byte {
	return bytes.ReplaceAll(msg, []byte(old), []byte(text))
}
