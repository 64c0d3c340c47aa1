package relay_test

import (
	"fmt"
	"testing"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
)

// extended is the next packet of the party, with a header extension.
func (p *party) extended(pt uint8, block ...byte) []byte {
	p.seq++
	h := rtpwire.Header{PayloadType: pt, Sequence: p.seq, Timestamp: 160 * uint32(p.seq), SSRC: p.ssrc + uint32(pt)}
	b := h.Append(nil)
	if len(block) > 0 {
		b[0] |= 0x10
	}
	return append(append(b, block...), p.tag...)
}

// TestBundleMeetsNone: the streams of a bundle go to ports of their own, where
// nobody knows its extensions, and come back marked with their MIDs.
func TestBundleMeetsNone(t *testing.T) {
	g := newRig(t)
	a, b, v := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("v", "127.0.0.3")
	const mid = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:1 urn:level\r\n"
	offer := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\na=group:BUNDLE x y\r\n"+
		"m=audio %[2]d RTP/AVP 8\r\na=mid:x\r\na=rtcp-mux\r\n%[3]sm=video %[2]d RTP/AVP 31\r\na=mid:y\r\na=rtcp-mux\r\n%[3]s", a.ip(), a.addr.Port(), mid)
	out, err := g.Offer(t.Context(), relay.OfferRequest{CallID: "call", FromTag: "a", SDP: []byte(offer),
		Options: bridge.Options{Bundle: bridge.Bundle{Accept: true}, MaskExtensions: []string{"urn:level"}}})
	if err != nil {
		t.Fatal(err)
	}
	d := b.heard(out)
	v.to = d.Media(1).Addr()
	answer := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 8\r\nm=video %[3]d RTP/AVP 31\r\n",
		b.ip(), b.addr.Port(), v.addr.Port())
	if out, err = g.Answer(t.Context(), relay.AnswerRequest{CallID: "call", FromTag: "a", ToTag: "b", SDP: []byte(answer)}); err != nil {
		t.Fatal(err)
	}
	a.heard(out)
	for _, p := range []*party{b, v} {
		pt, name := uint8(8), byte('x')
		if p == v {
			pt, name = 31, 'y'
		}
		// from the bundle: what was agreed with it alone is taken out
		p.seq, a.ssrc = a.seq, 10
		block := []byte{0xbe, 0xde, 0, 1, 0x40, name, 0x10, 99}
		in := a.extended(pt, block...)
		a.raw(a.rtp, a.to, in)
		p.gets(append(append([]byte{in[0] &^ 0x10}, in[1:12]...), "a"...))
		// to the bundle: marked
		in = p.extended(pt)
		p.raw(p.rtp, p.to, in)
		a.gets(append(append([]byte{in[0] | 0x10}, in[1:12]...), 0xbe, 0xde, 0, 1, 0x40, name, 0, 0, p.tag[0]))
		// and so are reports: those to the bundle name it, those from it do not
		report := rtpwire.Report{SSRC: p.ssrc + uint32(pt), Sender: &rtpwire.SenderInfo{NTP: 1 << 40}, CNAME: "p"}
		p.raw(p.rtcp, next(p.to), report.Append(nil))
		report.MID = string(name)
		a.getsAt(a.rtp, report.Append(nil), next(a.to))
		report = rtpwire.Report{SSRC: a.ssrc + uint32(pt), Sender: &rtpwire.SenderInfo{NTP: 1 << 40}, CNAME: "a", MID: string(name)}
		a.raw(a.rtp, next(a.to), report.Append(nil))
		report.MID = ""
		p.getsAt(p.rtcp, report.Append(nil), next(p.to))
	}
	// of an m= line that there is not, although the payload type is known
	a.ssrc = 500
	a.raw(a.rtp, a.to, a.extended(8, 0xbe, 0xde, 0, 1, 0x40, 'q', 0, 0))
	b.silent()
	v.silent()
}

// TestExtensionsRenumbered: each party sees its own numbers.
func TestExtensionsRenumbered(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	a.lines += "a=extmap:1 urn:x\r\na=extmap:2 urn:y\r\n"
	b.lines += "a=extmap:2 urn:x\r\na=extmap:1 urn:y\r\n"
	g.connect(a, b)
	in := a.extended(8, 0xbe, 0xde, 0, 1, 0x10, 'x', 0x20, 'y')
	a.raw(a.rtp, a.to, in)
	b.gets(append(append([]byte(nil), in[:12]...), 0xbe, 0xde, 0, 1, 0x20, 'x', 0x10, 'y', 'a'))
	in = b.extended(8, 0xbe, 0xde, 0, 1, 0x20, 'x', 0x10, 'y')
	b.raw(b.rtp, b.to, in)
	a.gets(append(append([]byte(nil), in[:12]...), 0xbe, 0xde, 0, 1, 0x10, 'x', 0x20, 'y', 'b'))
}
