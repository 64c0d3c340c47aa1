package relay_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/sdp"
)

// ports replaces the ports of a description, which are random, by names in
// order of their appearance; a port + 1 becomes name + 1.
func ports(t *testing.T, b []byte) string {
	t.Helper()
	d, err := sdp.Parse(b, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	s := strings.ReplaceAll(string(b), "\r\n", "\n")
	for i, m := range d.All() {
		if m.Port() > 19999 {
			s = strings.ReplaceAll(s, fmt.Sprint(m.Port()), fmt.Sprintf("P%d", i))
			s = strings.ReplaceAll(s, fmt.Sprint(m.Port()+1), fmt.Sprintf("P%d+1", i))
		}
	}
	return s
}

func TestRewrite(t *testing.T) {
	for name, c := range map[string]struct {
		offer, wantOffer, answer, wantAnswer string
		config                               func(*relay.Config)
	}{
		"ICE and BUNDLE without the other side": {
			offer: "v=0\no=- 4 2 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.1\nt=0 0\n" +
				"m=audio 9000 RTP/AVPF 8\na=mid:0\na=rtcp:9001 IN IP4 10.0.0.1\na=rtcp-mux\na=ssrc:1 cname:x\n",
			wantOffer: "v=0\no=- 4 2 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n" +
				"m=audio P0 RTP/AVPF 8\na=ssrc:1 cname:x\na=mid:0\na=rtpmap:8 PCMA/8000\na=sendrecv\na=rtcp:P0+1\na=rtcp-mux\n",
			answer: "v=0\no=- 1 1 IN IP4 10.9.9.9\ns=-\nt=0 0\n" +
				"m=audio 4000 RTP/AVPF 8\nc=IN IP4 10.9.9.9\na=rtcp:4000\na=rtcp-mux\na=x-odd:1\n",
			wantAnswer: "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\n" +
				"m=audio P0 RTP/AVPF 8\nc=IN IP4 127.0.0.1\na=x-odd:1\na=mid:0\na=rtpmap:8 PCMA/8000\na=sendrecv\na=rtcp:P0\na=rtcp-mux\n",
		},
		"what is not UDP is refused in its place": {
			offer: "v=0\no=- 4 2 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.1\nt=0 0\nm=message 5000 TCP/MSRP *\na=path:x\n" +
				"m=audio 9000 RTP/AVP 8\nm=application 0 UDP/BFCP *\n",
			wantOffer: "v=0\no=- 4 2 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=message 0 TCP/MSRP *\nc=IN IP4 127.0.0.1\na=path:x\n" +
				"m=audio P1 RTP/AVP 8\na=rtpmap:8 PCMA/8000\na=sendrecv\na=rtcp:P1+1\nm=application 0 UDP/BFCP *\n",
			answer:     "v=0\nc=IN IP4 10.9.9.9\nm=message 77 TCP/MSRP *\nm=audio 4000 RTP/AVP 8\n",
			wantAnswer: "v=0\nc=IN IP4 127.0.0.1\nm=message 0 TCP/MSRP *\nc=IN IP4 127.0.0.1\nm=audio P1 RTP/AVP 8\na=rtpmap:8 PCMA/8000\na=sendrecv\na=rtcp:P1+1\nm=application 0 UDP/BFCP *\n",
		},
		"origin kept on request": {
			config:    func(c *relay.Config) { c.KeepOrigin = true },
			offer:     "v=0\no=- 4 2 IN IP4 10.0.0.1\nm=audio 9000 RTP/AVP 8\nc=IN IP4 host.invalid\n",
			wantOffer: "v=0\no=- 4 2 IN IP4 10.0.0.1\nm=audio P0 RTP/AVP 8\nc=IN IP4 127.0.0.1\na=rtpmap:8 PCMA/8000\na=sendrecv\na=rtcp:P0+1\n",
			answer:    "v=0\no=- 5 2 IN IP4 10.0.0.9\nm=audio 0 RTP/AVP 8\n", wantAnswer: "v=0\no=- 5 2 IN IP4 10.0.0.9\nm=audio 0 RTP/AVP 8\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			change := c.config
			if change == nil {
				change = func(*relay.Config) {}
			}
			g := newRig(t, change)
			offer, err := g.Offer(t.Context(), relay.OfferRequest{CallID: "call", FromTag: "a", SDP: []byte(strings.ReplaceAll(c.offer, "\n", "\r\n"))})
			if err != nil {
				t.Fatal(err)
			}
			if got := ports(t, offer); got != c.wantOffer {
				t.Errorf("offer\n%s\nwant\n%s", got, c.wantOffer)
			}
			answer, err := g.Answer(t.Context(), relay.AnswerRequest{CallID: "call", FromTag: "a", ToTag: "b", SDP: []byte(strings.ReplaceAll(c.answer, "\n", "\r\n"))})
			if err != nil {
				t.Fatal(err)
			}
			if got := ports(t, answer); got != c.wantAnswer {
				t.Errorf("answer\n%s\nwant\n%s", got, c.wantAnswer)
			}
		})
	}
}

// TestAdvertised: the address in descriptions is not the bound one.
func TestAdvertised(t *testing.T) {
	g := newRig(t, func(c *relay.Config) {
		c.Interfaces = []relay.Interface{{Name: "in", Addr: relayAddr}, {Name: "out", Addr: relayAddr, Advertised: addrPort("203.0.113.5:0").Addr()}}
	})
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{FromInterface: "in", ToInterface: "out"})
	g.answer(a, b, relay.AnswerRequest{})
	if b.to.Addr().String() != "203.0.113.5" || a.to.Addr() != relayAddr {
		t.Fatalf("%v %v", a.to, b.to)
	}
	b.to = addrPort(fmt.Sprintf("127.0.0.1:%d", b.to.Port()))
	g.talk(a, b)
}
