package bridge_test

import (
	"strings"
	"testing"

	"github.com/class5-go/class5/media/bridge"
)

// TestForceTranscoding: even what could pass is coded anew, but only what the
// transcoder knows.
func TestForceTranscoding(t *testing.T) {
	for codec, want := range map[string]bridge.Action{"8": bridge.Transcode, "18": bridge.Pass} {
		c := newCall(t)
		c.do(step{who: "a offers", options: bridge.Options{ForceTranscoding: true}, say: "m=audio 6000 RTP/AVP " + codec})
		c.do(step{who: "b answers", say: "m=audio 6002 RTP/AVP " + codec})
		for _, f := range c.s.Plan().Flows {
			if p := f.Payloads[0]; p.Action != want || f.Verbatim != (want == bridge.Pass) {
				t.Errorf("%s: %+v", codec, f)
			}
		}
	}
}

// TestBundleStrictAndReject: with strict only the first m= line has a port; a
// rejected bundle is not spoken of.
func TestBundleStrictAndReject(t *testing.T) {
	two := "a=group:BUNDLE 1 2|m=audio 6000 RTP/AVP 8|a=mid:1|m=audio 6002 RTP/AVP 8|a=mid:2"
	c := newCall(t)
	r := c.do(step{who: "a offers", options: bridge.Options{Bundle: bridge.Bundle{Accept: true, Strict: true}}, say: two})
	if got := string(r.SDP); !strings.Contains(got, "a=group:BUNDLE 1 2") || !strings.Contains(got, "m=audio 0 RTP/AVP 8") || strings.Count(got, "a=bundle-only") != 1 {
		t.Errorf("%s", got)
	}
	c = newCall(t)
	r = c.do(step{who: "a offers", options: bridge.Options{Bundle: bridge.Bundle{Accept: true, Offer: true, Reject: true}}, say: two})
	if got := string(r.SDP); strings.Contains(got, "BUNDLE") || strings.Contains(got, "m=audio 0") {
		t.Errorf("%s", got)
	}
}
