package sipgen

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"github.com/class5-go/class5/sip/wire"
)

// client is a phone behind an edge: two registrations, an INVITE and the BYE of
// its dialog, in turn. The BYE shows the route set that the INVITE's answer gave,
// so that the edge sees its own Record-Routes again, whatever it has put there.
type client struct {
	lane     *Lane
	slot     int
	register *template
	invite   *template
	byeHead  string
	byeTail  string
	bye      []byte
	n        uint64
	dialog   uint64   // operation of the INVITE that was answered; 0: none
	routes   [][]byte // of that dialog, in order of the Routes
	method   string   // of the request under way
	id       ID
}

// Sizes of the requests, those of phones that have seen the world.
const (
	registerSize = 703
	inviteSize   = 1428
)

// NewRelay makes the clients of an edge for Config.Op.
func NewRelay(l *Lane, slot int) Op {
	user := fmt.Sprintf("u%d%05d", l.Index(), slot)
	private := netip.AddrFrom4([4]byte{10, byte(l.Index()), byte(slot >> 8), byte(slot)})
	head := func(method, uri string) string {
		return fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/%s %v:5060;rport;branch=z9hG4bK%s%s\r\nMax-Forwards: 70\r\n",
			method, uri, l.Protocol().ViaToken(), private, method, here)
	}
	from := fmt.Sprintf("From: <sip:%s@example.com>;tag=f%s\r\n", user, here)
	contact := fmt.Sprintf("Contact: <sip:%s@%v:5060;transport=%s>\r\n", user, private, l.Protocol().URIParam())
	reg := head("REGISTER", "sip:example.com") + from + fmt.Sprintf("To: <sip:%s@example.com>\r\nCall-ID: %s@load\r\nCSeq: 2 REGISTER\r\n", user, here) +
		contact + "Expires: 600\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE\r\n" +
		fmt.Sprintf(`Authorization: Digest username="%s", realm="example.com", nonce="%s", uri="sip:example.com", response="%s", algorithm=MD5, cnonce="%s", qop=auth, nc=00000001`,
			user, strings.Repeat("a1", 16), strings.Repeat("b2", 16), strings.Repeat("c3", 8)) + "\r\n"
	inv := head("INVITE", "sip:4319001@example.com;user=phone") + from + fmt.Sprintf("To: <sip:4319001@example.com>\r\nCall-ID: %s@load\r\nCSeq: 1 INVITE\r\n", here) +
		contact + "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK\r\nSupported: replaces, timer, 100rel\r\nSession-Expires: 1800\r\n" +
		fmt.Sprintf(`Proxy-Authorization: Digest username="%s", realm="example.com", nonce="%s", uri="sip:4319001@example.com", response="%s", algorithm=MD5, cnonce="%s", qop=auth, nc=00000001`,
			user, strings.Repeat("a1", 16), strings.Repeat("b2", 16), strings.Repeat("c3", 8)) + "\r\n"
	return &client{
		lane: l, slot: slot,
		register: newTemplate(pad(reg, "", "", registerSize)),
		invite:   newTemplate(pad(inv, "application/sdp", offer(private), inviteSize)),
		byeHead:  head("BYE", "sip:4319001@192.0.2.200:5060"),
		byeTail: from + fmt.Sprintf("To: <sip:4319001@example.com>;tag=%s\r\nCall-ID: %s@load\r\nCSeq: 2 BYE\r\nUser-Agent: load\r\nContent-Length: 0\r\n\r\n",
			proxyTag, here),
	}
}

func offer(addr netip.Addr) string {
	return fmt.Sprintf("v=0\r\no=- 8000 8000 IN IP4 %[1]v\r\ns=call\r\nc=IN IP4 %[1]v\r\nt=0 0\r\nm=audio 16384 RTP/AVP 9 8 0 18 101\r\n"+
		"a=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n"+
		"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\na=rtcp:16385\r\n", addr)
}

// pad ends a message and brings it to a size by its User-Agent.
func pad(head, contentType, body string, size int) string {
	rest := fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	if contentType != "" {
		rest = "Content-Type: " + contentType + "\r\n" + rest
	}
	const agent = "User-Agent: load"
	return head + agent + strings.Repeat(".", max(size-len(head)-len(agent)-2-len(rest), 0)) + "\r\n" + rest
}

// Begin implements Op.
func (r *client) Begin(n uint64, send Sender) {
	r.n = n
	r.id = ID{Lane: uint8(r.lane.index), Slot: uint16(r.slot), N: uint32(n)}
	switch {
	case n%4 == 2:
		r.method = "INVITE"
		send.Send(r.invite.fill(r.id))
	case n%4 == 0 && r.dialog == n-2:
		r.id.N = uint32(r.dialog)
		r.method = "BYE"
		send.Send(r.composeBye())
	default:
		r.method = "REGISTER"
		send.Send(r.register.fill(r.id))
	}
}

func (r *client) composeBye() []byte {
	b := append(r.bye[:0], r.byeHead...)
	for _, route := range r.routes {
		b = append(append(append(b, "Route: "...), route...), "\r\n"...)
	}
	b = append(b, r.byeTail...)
	for i := 0; ; {
		at := bytes.Index(b[i:], []byte(here))
		if at < 0 {
			break
		}
		i += at
		r.id.Append(b[:i])
		i += len(here)
	}
	r.bye = b
	return b
}

// Response implements Op.
func (r *client) Response(m *wire.Message, _ Sender) Verdict {
	id, _ := ParseID(m.CallID())
	_, method := m.CSeq()
	if id != r.id || string(method) != r.method {
		return Stray
	}
	if m.Status() != 200 {
		return answered(r.method, m)
	}
	if v, ok := m.TopVia(); !ok || m.Count(wire.HdrVia) != 1 || !bytes.HasPrefix(v.Host, []byte("10.")) {
		return "answer with another Via than ours"
	}
	if r.method == "INVITE" {
		return r.keepRoutes(m)
	}
	return Done
}

// keepRoutes stores the Record-Routes of an answer in reverse order: the route
// set of a caller (RFC 3261 section 12.1.2).
func (r *client) keepRoutes(m *wire.Message) Verdict {
	n := 0
	for v := m.Values(wire.HdrRecordRoute); v.Next(); n++ {
		if n == len(r.routes) {
			r.routes = append(r.routes, nil)
		}
		r.routes[n] = append(r.routes[n][:0], v.Value()...)
	}
	if n < 2 {
		return "no Record-Route by the edge"
	}
	r.routes = r.routes[:n]
	for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
		r.routes[i], r.routes[j] = r.routes[j], r.routes[i]
	}
	r.dialog = r.n
	return Done
}

// answered is the failure by a final response that was not wanted.
func answered(method string, m *wire.Message) Verdict {
	return Verdict(fmt.Sprintf("%s answered %d", method, m.Status()))
}
