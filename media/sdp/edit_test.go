package sdp_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/sdp"
)

var (
	relay4 = netip.MustParseAddr("203.0.113.1")
	relay6 = netip.MustParseAddr("2001:db8::1")
)

func TestEdits(t *testing.T) {
	ice := "v=0\no=- 7 8 IN IP4 10.0.0.1\ns=-\nt=0 0\na=ice-lite\na=group:LS 0 1\na=group:BUNDLE 0 1\nm=audio 9 RTP/AVP 0\n" +
		"a=candidate:1 1 UDP 1 10.0.0.1 9 typ host\na=ice-ufrag:x\na=ice-pwd:y\na=x-ice-keep:1\na=mid:0\na=altc:1 IP4 10.0.0.1 9\n" +
		"m=video 0 RTP/AVP 31\na=bundle-only\na=ICE-options:trickle\na=end-of-candidates\na=source-filter: incl IN IP4 * 10.0.0.1\n"
	for name, c := range map[string]struct {
		text string
		edit func(*sdp.Description)
		want string
	}{
		"session address": {"v=0\nc=IN IP4 10.0.0.1/3\nc=IN IP4 10.0.0.2\nm=audio 1 RTP/AVP 0\n",
			func(d *sdp.Description) { d.SetAddr(relay6) },
			"v=0\nc=IN IP6 2001:db8::1\nm=audio 1 RTP/AVP 0\n"},
		"no session address to set": {"v=0\nm=audio 1 RTP/AVP 0\n", func(d *sdp.Description) { d.SetAddr(relay6) }, "v=0\nm=audio 1 RTP/AVP 0\n"},
		"media address replaced": {"v=0\nc=IN IP4 10.0.0.1\nm=audio 1 RTP/AVP 0\nb=AS:1\nc=IN IP4 10.0.0.2\nc=IN IP4 10.0.0.3\na=x\n",
			func(d *sdp.Description) { d.Media(0).SetAddr(relay4) },
			"v=0\nc=IN IP4 10.0.0.1\nm=audio 1 RTP/AVP 0\nb=AS:1\nc=IN IP4 203.0.113.1\na=x\n"},
		"media address added in its place": {"v=0\nc=IN IP4 10.0.0.1\nm=audio 1 RTP/AVP 0\ni=title\nb=AS:1\nm=video 2 RTP/AVP 31",
			func(d *sdp.Description) { d.Media(0).SetAddr(relay4); d.Media(1).SetAddr(relay6) },
			"v=0\nc=IN IP4 10.0.0.1\nm=audio 1 RTP/AVP 0\ni=title\nc=IN IP4 203.0.113.1\nb=AS:1\nm=video 2 RTP/AVP 31\nc=IN IP6 2001:db8::1\n"},
		"media address inherited": {"v=0\nc=IN IP4 10.0.0.1\nm=audio 1 RTP/AVP 0\n",
			func(d *sdp.Description) { d.SetAddr(relay4); d.Media(0).SetAddr(relay4) },
			"v=0\nc=IN IP4 203.0.113.1\nm=audio 1 RTP/AVP 0\n"},
		"port": {"v=0\nm=audio  5/2\tRTP/AVP 0 8 \n", func(d *sdp.Description) { d.Media(0).SetPort(30000) }, "v=0\nm=audio  30000\tRTP/AVP 0 8 \n"},
		"rtcp replaced": {"v=0\nm=audio 4 RTP/AVP 0\na=rtcp:9 IN IP4 10.0.0.1\n",
			func(d *sdp.Description) { d.Media(0).SetRTCPPort(31) }, "v=0\nm=audio 4 RTP/AVP 0\na=rtcp:31\n"},
		"rtcp removed": {"v=0\nm=audio 4 RTP/AVP 0\na=RTCP:9\na=rtcp-mux\n",
			func(d *sdp.Description) { d.Media(0).SetRTCPPort(0) }, "v=0\nm=audio 4 RTP/AVP 0\na=rtcp-mux\n"},
		"rtcp not needed": {"v=0\nm=audio 4 RTP/AVP 0\n", func(d *sdp.Description) { d.Media(0).SetRTCPPort(5) }, "v=0\nm=audio 4 RTP/AVP 0\n"},
		"rtcp added before empty lines": {"v=0\nm=audio 4 RTP/AVP 0\n\n", func(d *sdp.Description) { d.Media(0).SetRTCPPort(7) },
			"v=0\nm=audio 4 RTP/AVP 0\na=rtcp:7\n\n"},
		"origin":           {"v=0\no=x 1 2 IN IP4 10.0.0.1\n", func(d *sdp.Description) { d.SetOriginAddr(relay6) }, "v=0\no=x 1 2 IN IP6 2001:db8::1\n"},
		"origin malformed": {"v=0\no=x 1 2 IN 10.0.0.1\n", func(d *sdp.Description) { d.SetOriginAddr(relay6) }, "v=0\no=x 1 2 IN 10.0.0.1\n"},
		"reject": {"v=0\nm=audio 4 RTP/AVP 0\na=rtcp:9\na=mid:0\na=candidate:1\n", func(d *sdp.Description) { d.Media(0).Reject() },
			"v=0\nm=audio 0 RTP/AVP 0\na=mid:0\n"},
		"direction in place": {"v=0\nm=audio 4 RTP/AVP 0\na=SENDRECV\na=x\n", func(d *sdp.Description) { d.Media(0).SetDirection(sdp.Inactive) },
			"v=0\nm=audio 4 RTP/AVP 0\na=inactive\na=x\n"},
		"direction of the session": {"v=0\na=sendonly\nm=audio 4 RTP/AVP 0\n", func(d *sdp.Description) { d.Media(0).SetDirection(sdp.SendOnly) },
			"v=0\na=sendonly\nm=audio 4 RTP/AVP 0\n"},
		"attribute": {"v=0\nm=audio 4 RTP/AVP 0", func(d *sdp.Description) { d.Media(0).AddAttr("label", "1\r\na=x"); d.Media(0).AddAttr("y", "") },
			"v=0\nm=audio 4 RTP/AVP 0\na=label:1  a=x\na=y\n"},
		"ICE and bundle": {ice, func(d *sdp.Description) { d.RemoveICE(); d.RemoveBundle() },
			"v=0\no=- 7 8 IN IP4 10.0.0.1\ns=-\nt=0 0\na=group:LS 0 1\nm=audio 9 RTP/AVP 0\na=x-ice-keep:1\na=mid:0\nm=video 0 RTP/AVP 31\n"},
	} {
		d := parse(t, c.text)
		c.edit(d)
		if got := strings.ReplaceAll(string(d.Bytes()), "\r\n", "\n"); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
	d, err := sdp.Parse([]byte("v=0\nm=audio 4 RTP/AVP 0\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	d.Media(0).SetAddr(relay4)
	if strings.Contains(string(d.Bytes()), "\r") {
		t.Errorf("line ends mixed: %q", d.Bytes())
	}
}

func TestOrigin(t *testing.T) {
	o, ok := parse(t, "v=0\no=alice 1234567890123456789012 3 IN IP4 host.example\n").Origin()
	if !ok || o.User != "alice" || o.SessionID != "1234567890123456789012" || o.Version != "3" || o.Addr.IsValid() || o.Host != "host.example" {
		t.Errorf("%+v %v", o, ok)
	}
	if _, ok := parse(t, "v=0\n").Origin(); ok {
		t.Error("origin out of nothing")
	}
}
