//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/class5-go/class5/cmd/internal/load/target"
	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/ng"
)

// TestDescriptions: whatever rtpengine makes of an offer and its answer, ours
// are the same but for ports and random values.
func TestDescriptions(t *testing.T) {
	rtpe, media, err := target.RTPEngine(200, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = media.Close(); rtpe.Stop() })
	c, err := ng.NewClient(ng.ClientConfig{URL: "udp://" + rtpe.Addr.String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	engine, err := bridge.New(bridge.Config{
		Can: func(c bridge.Codec) (bool, bool) {
			known := strings.Contains(" PCMU PCMA G722 GSM G729 OPUS ", " "+strings.ToUpper(c.Name)+" ")
			return known, known
		},
		Fingerprint: func(string) (string, bool) { return "AA", true },
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, said := range descriptionsSaid {
		for _, o := range descriptionOptions {
			n++
			s, id, ports := engine.Session(), fmt.Sprintf("descriptions-%d", n), &loopPorts{}
			options, _ := ng.ParseOptions(o)
			offer := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" + strings.ReplaceAll(said[0], "\n", "\r\n")
			answer := strings.Replace(offer[:strings.Index(offer, "m=")], "1 1", "2 1", 1) + strings.ReplaceAll(said[1], "\n", "\r\n")
			ours, err := s.Offer(bridge.Offer{FromTag: "a", SDP: []byte(offer), Options: options.Options}, ports)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, said[0], o, theirs(t, c, o, "command", "offer", "call-id", id, "from-tag", "a", "sdp", offer), string(ours.SDP))
			back, err := s.Answer(bridge.Answer{FromTag: "a", ToTag: "b", SDP: []byte(answer)}, ports)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, said[1], o, theirs(t, c, ng.Dict{}, "command", "answer", "call-id", id, "from-tag", "a", "to-tag", "b", "sdp", answer), string(back.SDP))
			_, _ = c.Do(t.Context(), ng.Of("command", "delete", "call-id", id, "from-tag", "a", "delete-delay", 0))
		}
	}
	t.Logf("%d offers and answers compared", 2*n)
}

var descriptionsSaid = [][2]string{
	{"m=audio 4000 RTP/AVP 8 0 101\na=rtpmap:101 telephone-event/8000\na=ptime:20\na=x:y\n", "m=audio 5000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\na=sendonly\n"},
	{"m=audio 4000 RTP/AVP 96 9\na=rtpmap:96 opus/48000/2\na=fmtp:96 useinbandfec=1\na=rtcp-mux\nm=video 4002 RTP/AVP 97\na=rtpmap:97 VP8/90000\na=rtcp-fb:97 nack\n", "m=audio 5000 RTP/AVP 9\nm=video 0 RTP/AVP 97\n"},
	{"m=audio 4000 RTP/AVP 8\na=inactive\nm=image 4004 udptl t38\na=T38FaxVersion:0\n", "m=audio 5000 RTP/AVP 8\na=inactive\nm=image 5004 udptl t38\n"},
	{"m=audio 4000 RTP/AVP 18 0\na=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuv\na=candidate:1 1 UDP 2130706431 127.0.0.1 4000 typ host\n", "m=audio 5000 RTP/AVP 0\n"},
}

var descriptionOptions = []ng.Dict{
	ng.Of(),
	ng.Of("replace", ng.List{"origin", "session-connection"}, "flags", ng.List{"loop-protect", "generate-mid"}),
	ng.Of("ICE", "remove", "codec", ng.Of("transcode", ng.List{"PCMA", "opus"}, "mask", ng.List{"all"})),
	ng.Of("ICE", "force", "rtcp-mux", ng.List{"offer"}, "codec", ng.Of("strip", ng.List{"GSM"})),
	ng.Of("ICE", "remove", "rtcp-mux", ng.List{"demux"}, "flags", ng.List{"no rtcp attribute", "original-sendrecv"}, "ptime", 30),
}

func theirs(t *testing.T, c *ng.Client, o ng.Dict, pairs ...any) string {
	t.Helper()
	d := ng.Of(pairs...)
	for k, v := range o.All() {
		d.Set(k, v)
	}
	reply, err := c.Do(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return reply.Str("sdp")
}

var varying = regexp.MustCompile(`(?m)^(m=\S+) [1-9]\d*|^(a=rtcp:)\d+|^(a=ice-(?:ufrag|pwd):)[0-9A-Za-z]{8,26}$|^(a=candidate:)\S+( \d UDP \d+ \S+) \d+|^(a=rtpengine:)\S+`)

func compare(t *testing.T, said string, o ng.Dict, theirs, ours string) {
	t.Helper()
	mask := func(s string) string {
		return varying.ReplaceAllString(strings.ReplaceAll(s, "\r\n", "\n"), "$1$2$3$4$5$6 X")
	}
	if a, b := mask(theirs), mask(ours); a != b {
		t.Errorf("%v\n%s\ntheirs\n%s\nours\n%s", o, said, a, b)
	}
}

// loopPorts gives ports on the loopback address.
type loopPorts struct{}

func (loopPorts) Local(r bridge.PortRequest) (bridge.Local, error) {
	n := uint16(30000 + 1000*int(r.Leg) + 10*r.Media + 100*r.Generation)
	return bridge.Local{Addrs: []bridge.LocalAddr{{Addr: netip.MustParseAddr("127.0.0.1"), RTP: n, RTCP: n + 1, Foundation: "abcdefghijklmnop"}}}, nil
}
