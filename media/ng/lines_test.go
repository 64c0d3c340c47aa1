package ng

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/bridge"
)

// twoPorts are the ports of an engine that asks for any: 2,000 for the first
// m= line of the second leg, and so on.
type twoPorts struct{}

func (twoPorts) Local(r bridge.PortRequest) (bridge.Local, error) {
	n := uint16(1000*int(r.Leg) + 10*r.Media + 100*r.Generation)
	return bridge.Local{Addrs: []bridge.LocalAddr{{Addr: netip.MustParseAddr("192.0.2.99"), RTP: n, RTCP: n + 1, Foundation: "x"}}}, nil
}

// written is a description as the tables write it.
func written(s string) []byte { return []byte(strings.ReplaceAll(s, "|", "\r\n") + "\r\n") }

func linesOf(b []byte) []string { return strings.Split(strings.TrimSuffix(string(b), "\r\n"), "\r\n") }

// difference lists the lines of a that b has not.
func difference(a, b []string) string {
	var out []string
	b = slices.Clone(b)
	for _, l := range a {
		if i := slices.Index(b, l); i >= 0 {
			b = slices.Delete(b, i, i+1)
		} else {
			out = append(out, l)
		}
	}
	return strings.Join(out, "|")
}

func session(t *testing.T) *bridge.Session {
	t.Helper()
	e, err := bridge.New(bridge.Config{Rand: rand.NewChaCha8([32]byte{}), Instance: "0123456789ab", Fingerprint: func(string) (string, bool) { return "AA", true }})
	if err != nil {
		t.Fatal(err)
	}
	return e.Session()
}

func told(t *testing.T, s *bridge.Session, d Dict, say string) []string {
	t.Helper()
	o, warnings := ParseOptions(d)
	if len(warnings) > 0 {
		t.Errorf("%v: %v", d, warnings)
	}
	r, err := s.Offer(bridge.Offer{FromTag: "a", SDP: written(say), Options: o.Options}, twoPorts{})
	if err != nil {
		t.Fatal(err)
	}
	return linesOf(r.SDP)
}

// TestSDPOptions: what each option of a message that edits descriptions does to
// one, as the lines that go and the lines that come.
func TestSDPOptions(t *testing.T) {
	const say = "v=0|o=user 7 4 IN IP4 198.51.100.1|s=talk|c=IN IP4 198.51.100.1|t=0 0|a=tool:x|a=group:BUNDLE 1 2|" +
		"m=audio 4000 RTP/AVP 8|a=foo:bar baz quuz|a=sendonly|a=extmap:1 urn:x|a=extmap:2 urn:y|a=mid:1|" +
		"m=video 4002 RTP/AVP 31|a=foo:bar baz quuz|a=mid:2|" +
		"m=audio 4004 RTP/AVP 8|c=IN IP4 0.0.0.0|" +
		"m=image 4006 udptl t38|a=T38FaxVersion:0|" +
		"m=application 4008 UDP/BFCP *|a=floorctrl:c-s"
	attr := func(place, command string, value any) Dict {
		return Of("sdp-attr", Of(place, Of(command, value)))
	}
	flags := func(list ...any) Dict { return Of("flags", List(list)) }
	for name, test := range map[string]struct {
		d          Dict
		gone, came string
	}{
		"replace origin":             {Of("replace", List{"origin"}), "o=user 7 4 IN IP4 198.51.100.1", "o=user 7 4 IN IP4 192.0.2.99"},
		"replace origin, as a flag":  {flags("replace-origin"), "o=user 7 4 IN IP4 198.51.100.1", "o=user 7 4 IN IP4 192.0.2.99"},
		"replace origin-full":        {Of("replace", List{"origin-full"}), "o=user 7 4 IN IP4 198.51.100.1", "o=user 7 4 IN IP4 192.0.2.99"},
		"replace zero address":       {Of("replace", List{"zero address"}), "c=IN IP4 0.0.0.0", "c=IN IP4 192.0.2.99"},
		"replace session-connection": {Of("replace", List{"session-connection"}), "", ""}, // needed by the first m= line anyhow

		"add at session level":         {attr("none", "add", List{"sendrecv", "tool:x"}), "", "a=sendrecv"},
		"add, another name":            {attr("global", "add", List{"y"}), "", "a=y"},
		"add with a=":                  {attr("global", "add", List{"a=y"}), "", "a=y"},
		"add to audio":                 {attr("audio", "add", List{"ptime:20", "x"}), "", "a=ptime:20|a=x|a=ptime:20|a=x"},
		"add to video":                 {attr("video", "add", List{"x"}), "", "a=x"},
		"add to image":                 {attr("image", "add", List{"x"}), "", "a=x"},
		"add to application":           {attr("application", "add", List{"x"}), "", "a=x"},
		"add as a flag":                {flags("sdp-attr-add-audio-x:1..2--3"), "", "a=x:1 2=3|a=x:1 2=3"},
		"remove at session level":      {attr("none", "remove", List{"tool"}), "a=tool:x", ""},
		"remove by name":               {attr("audio", "remove", List{"foo"}), "a=foo:bar baz quuz", ""},
		"remove by name and word":      {attr("video", "remove", List{"foo:bar"}), "a=foo:bar baz quuz", ""},
		"remove the whole line":        {attr("video", "remove", List{"foo:bar baz quuz"}), "a=foo:bar baz quuz", ""},
		"remove what is not there":     {attr("video", "remove", List{"foo:ba", "fo", "bar"}), "", ""},
		"remove what the relay writes": {attr("audio", "remove", List{"rtcp"}), "a=rtcp:2001|a=rtcp:2021", ""},
		"remove as a flag":             {flags("sdp-attr-remove-image-T38FaxVersion:0"), "a=T38FaxVersion:0", ""},
		"substitute at session level":  {attr("none", "substitute", List{"tool", "tool:y"}), "a=tool:x", "a=tool:y"},
		"substitute several":           {attr("audio", "substitute", List{List{"foo:bar", "foo:1"}, List{"sendonly", "inactive"}}), "a=sendonly|a=foo:bar baz quuz|a=sendonly", "a=foo:1|a=inactive|a=inactive"},
		"substitute in video":          {attr("video", "substitute", List{"sendrecv", "sendonly"}), "a=sendrecv", "a=sendonly"},
		"substitute as a flag":         {flags("sdp-attr-substitute-none-tool:x>tool:y..z"), "a=tool:x", "a=tool:y z"},

		"sdp-media-remove": {Of("sdp-media-remove", List{"image", "application"}),
			"m=image 2030 udptl t38|a=T38FaxVersion:0|a=sendrecv|m=application 2040 UDP/BFCP *|a=floorctrl:c-s|a=sendrecv", ""},
		"sdp-media-remove as a flag": {flags("sdp-media-remove-image"), "m=image 2030 udptl t38|a=T38FaxVersion:0|m=application 2040 UDP/BFCP *|a=sendrecv", "m=application 2030 UDP/BFCP *"},
		"original sendrecv":          {flags("original sendrecv"), "a=sendrecv|a=sendonly|a=sendrecv|a=sendrecv", ""}, // none was said
		"loop protect":               {flags("loop protect"), "", "a=rtpengine:0123456789ab"},
		"generate mid":               {flags("generate mid"), "", "a=mid:3|a=mid:4|a=mid:5"},
		"no rtcp attribute":          {flags("no rtcp attribute"), "a=rtcp:2001|a=rtcp:2011|a=rtcp:2021", ""},
		"full rtcp attribute":        {flags("full rtcp attribute"), "a=rtcp:2001|a=rtcp:2011|a=rtcp:2021", "a=rtcp:2001 IN IP4 192.0.2.99|a=rtcp:2011 IN IP4 192.0.2.99|a=rtcp:2021 IN IP4 192.0.2.99"},
		"bundle accept":              {Of("bundle", List{"accept"}), "", ""}, // towards the offerer
		"bundle offer": {Of("bundle", List{"offer"}), "",
			"a=group:BUNDLE 1 2 3 4 5|a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid|a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid|a=mid:3|a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid|a=mid:4|a=mid:5"},
		"bundle reject":           {Of("bundle", List{"reject", "offer"}), "", "a=mid:3|a=mid:4|a=mid:5"},
		"extmap strip":            {Of("extmap", Of("strip", List{"urn:x"})), "a=extmap:1 urn:x", ""},
		"extmap mask":             {Of("extmap", Of("mask", List{"urn:x", "urn:y"})), "a=extmap:1 urn:x|a=extmap:2 urn:y", ""},
		"strip extmap, as a flag": {flags("strip extmap"), "a=extmap:1 urn:x|a=extmap:2 urn:y", ""},
		"media address":           {Of("media address", "192.0.2.7"), "c=IN IP4 192.0.2.99", "c=IN IP4 192.0.2.7"},
		"two at once":             {Of("replace", List{"origin"}, "sdp-attr", Of("audio", Of("remove", List{"rtcp", "foo"}))), "o=user 7 4 IN IP4 198.51.100.1|a=rtcp:2001|a=foo:bar baz quuz|a=rtcp:2021", "o=user 7 4 IN IP4 192.0.2.99"},
	} {
		t.Run(name, func(t *testing.T) {
			plain := told(t, session(t), Dict{}, say)
			got := told(t, session(t), test.d, say)
			if gone := difference(plain, got); gone != test.gone {
				t.Errorf("gone %s\nwant %s", gone, test.gone)
			}
			if came := difference(got, plain); came != test.came {
				t.Errorf("came %s\nwant %s", came, test.came)
			}
		})
	}
}

// TestSDPIdentity: what a party is told of the session stays the same when who
// tells it writes something else.
func TestSDPIdentity(t *testing.T) {
	const (
		first  = "v=0|o=user 7 4 IN IP4 198.51.100.1|s=talk|c=IN IP4 198.51.100.1|t=0 0|m=audio 4000 RTP/AVP 8"
		second = "v=0|o=other 8 2 IN IP4 198.51.100.9|s=more|c=IN IP4 198.51.100.1|t=0 0|m=audio 4000 RTP/AVP 8"
		third  = second + "|a=changed"
	)
	for name, test := range map[string]struct {
		list List
		want [3]string // o= and s=
	}{
		"nothing":      {List{}, [3]string{"o=user 7 4 IN IP4 198.51.100.1|s=talk", "o=other 8 2 IN IP4 198.51.100.9|s=more", "o=other 8 2 IN IP4 198.51.100.9|s=more"}},
		"username":     {List{"username"}, [3]string{"o=user 7 4 IN IP4 198.51.100.1|s=talk", "o=user 8 2 IN IP4 198.51.100.9|s=more", "o=user 8 2 IN IP4 198.51.100.9|s=more"}},
		"session-name": {List{"session-name"}, [3]string{"o=user 7 4 IN IP4 198.51.100.1|s=talk", "o=other 8 2 IN IP4 198.51.100.9|s=talk", "o=other 8 2 IN IP4 198.51.100.9|s=talk"}},
		"session name": {List{"session name"}, [3]string{"o=user 7 4 IN IP4 198.51.100.1|s=talk", "o=other 8 2 IN IP4 198.51.100.9|s=talk", "o=other 8 2 IN IP4 198.51.100.9|s=talk"}},
		"origin-full":  {List{"origin-full"}, [3]string{"o=user 7 4 IN IP4 192.0.2.99|s=talk", "o=user 7 2 IN IP4 192.0.2.99|s=more", "o=user 7 2 IN IP4 192.0.2.99|s=more"}},
		"SDP-version, more when it changed": {List{"SDP-version", "username", "origin-full", "session-name"}, [3]string{
			"o=user 7 4 IN IP4 192.0.2.99|s=talk", "o=user 7 4 IN IP4 192.0.2.99|s=talk", "o=user 7 5 IN IP4 192.0.2.99|s=talk"}},
		"force-increment-sdp-ver": {List{"force-increment-sdp-ver", "origin-full", "session-name"}, [3]string{
			"o=user 7 4 IN IP4 192.0.2.99|s=talk", "o=user 7 5 IN IP4 192.0.2.99|s=talk", "o=user 7 6 IN IP4 192.0.2.99|s=talk"}},
		"force increment SDP ver": {List{"force increment SDP ver"}, [3]string{
			"o=user 7 4 IN IP4 198.51.100.1|s=talk", "o=other 8 5 IN IP4 198.51.100.9|s=more", "o=other 8 6 IN IP4 198.51.100.9|s=more"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := session(t)
			for i, say := range []string{first, second, third} {
				l := told(t, s, Of("replace", test.list), say)
				if got := l[1] + "|" + l[2]; got != test.want[i] {
					t.Errorf("%d: %s\n want %s", i, got, test.want[i])
				}
			}
		})
	}
}
