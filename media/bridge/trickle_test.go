package bridge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/sdp"
)

// TestTrickle: what a party sends after its description joins its candidates,
// where it fits; nothing else changes.
func TestTrickle(t *testing.T) {
	const (
		offer = "c=IN IP4 0.0.0.0|a=group:BUNDLE x y|m=audio 9 RTP/AVP 8|a=mid:x|a=rtcp-mux|a=ice-ufrag:aaaa|a=ice-pwd:abcdefghijklmnopqrstuv|a=ice-options:trickle" +
			"|m=video 9 RTP/AVP 96|a=rtpmap:96 VP8/90000|a=mid:y|a=rtcp-mux|a=ice-ufrag:aaaa|a=ice-pwd:abcdefghijklmnopqrstuv|a=ice-options:trickle"
		creds = "a=ice-ufrag:aaaa|a=ice-pwd:abcdefghijklmnopqrstuv|"
		cand  = "|a=candidate:%d 1 udp 2130706431 198.51.100.1 %d typ host"
	)
	one, two := fmt.Sprintf(cand, 1, 4000), fmt.Sprintf(cand, 2, 4002)
	few, most, many := "", "", ""
	for i := range 65 {
		c := fmt.Sprintf(cand, i, 5000+i)
		if many += c; i < 24 {
			few += c
		} else if i < 64 {
			most += c
		}
	}
	for name, c := range map[string]struct {
		who, said string
		first     int // candidates of the head
		end       bool
		warnings  int
		err       error
	}{
		"one":                      {"a", creds + "m=audio 9 RTP/AVP 0|a=mid:x" + one, 1, false, 0, nil},
		"of the bundle":            {"a", creds + "m=video 9 RTP/AVP 0|a=mid:y" + one + two, 2, false, 0, nil},
		"by its place":             {"a", creds + "m=audio 9 RTP/AVP 0" + one, 1, false, 0, nil},
		"twice":                    {"a", creds + "m=audio 9 RTP/AVP 0|a=mid:x" + one + one, 1, false, 0, nil},
		"the last":                 {"a", creds + "m=audio 9 RTP/AVP 0|a=mid:x" + one + "|a=end-of-candidates", 1, true, 0, nil},
		"no more":                  {"a", creds + "a=end-of-candidates", 0, true, 0, nil},
		"no more, of another time": {"a", "a=ice-ufrag:zzzz|a=ice-pwd:abcdefghijklmnopqrstuv|a=end-of-candidates", 0, false, 0, nil},
		"of no time":               {"a", "m=audio 9 RTP/AVP 0|a=mid:x" + one, 1, false, 0, nil},
		"of another time":          {"a", "a=ice-ufrag:zzzz|a=ice-pwd:abcdefghijklmnopqrstuv|m=audio 9 RTP/AVP 0|a=mid:x" + one, 0, false, 1, nil},
		"a whole description":      {"a", "v=0|o=- 1 1 IN IP4 0.0.0.0|s=-|t=0 0|" + creds + "m=audio 9 RTP/AVP 0|a=mid:x" + one, 1, false, 0, nil},
		"unknown media":            {"a", creds + "m=audio 9 RTP/AVP 0|a=mid:q" + one, 0, false, 1, nil},
		"as many as may be":        {"a", creds + "m=audio 9 RTP/AVP 0|a=mid:x" + few + "|m=video 9 RTP/AVP 0|a=mid:y" + most, 64, false, 0, nil},
		"too many":                 {"a", creds + "m=audio 9 RTP/AVP 0|a=mid:x" + many, 0, false, 0, sdp.ErrLimit},
		"too many of the bundle":   {"a", creds + "m=audio 9 RTP/AVP 0|a=mid:x" + few + one + "|m=video 9 RTP/AVP 0|a=mid:y" + most, 0, false, 0, sdp.ErrLimit},
		"a party without ICE":      {"b", creds + "m=audio 9 RTP/AVP 0|a=mid:x" + one, 0, false, 0, bridge.ErrMismatch},
		"a stranger":               {"q", creds + "m=audio 9 RTP/AVP 0|a=mid:x" + one, 0, false, 0, bridge.ErrUnknown},
		"broken":                   {"a", "candidates", 0, false, 0, sdp.ErrSyntax},
		"empty":                    {"a", "", 0, false, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			call := newCall(t)
			call.do(step{"a offers", bridge.Options{ICE: bridge.ICERemove, Bundle: bridge.Bundle{Accept: true}}, offer, ""})
			call.do(step{"b answers", bridge.Options{Bundle: bridge.Bundle{Accept: true}}, "m=audio 5000 RTP/AVP 8|m=video 5002 RTP/AVP 96|a=rtpmap:96 VP8/90000", ""})
			before := call.s.Plan()
			res, err := call.s.Trickle(c.who, []byte(strings.ReplaceAll(c.said, "|", "\r\n")))
			if !errors.Is(err, c.err) || len(res.Warnings) != c.warnings {
				t.Fatalf("%v, %q", err, res.Warnings)
			}
			p := call.s.Plan()
			for i := range p.Legs[0].Media {
				if a := p.Legs[0].Media[i].ICE; len(a.RemoteCandidates) != c.first || a.EndOfCandidates != c.end {
					t.Errorf("m= line %d: %d candidates, end %v", i, len(a.RemoteCandidates), a.EndOfCandidates)
				}
			}
			if n := len(before.Legs[0].Media[0].ICE.RemoteCandidates); n != 0 {
				t.Errorf("%d candidates in the plan of before", n)
			}
			if err == nil && (res.SDP != nil || res.From != p.Legs[0].ID) {
				t.Errorf("%+v", res)
			}
		})
	}
}
