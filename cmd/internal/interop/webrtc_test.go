//go:build interop

package interop

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/ng"
)

// browserStats is what a browser says of a call.
type browserStats struct {
	State, ICE, Codec            string
	Sent, Received, Lost, Frames int
	Peak                         float64 // Hz, of what is heard
}

func (p *person) ask(word, format string, args ...any) string {
	p.t.Helper()
	p.say(fmt.Sprintf(format, args...))
	p.until(word)
	return p.seen[word]
}

func (p *person) sdp(word, format string, args ...any) string {
	p.t.Helper()
	b, err := base64.StdEncoding.DecodeString(p.ask(word, format, args...))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

func (p *person) stats(name string) (s browserStats) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(p.ask("stats", "stats %s", name)), &s); err != nil {
		p.t.Fatal(err)
	}
	return s
}

func packed(sdp string) string { return base64.StdEncoding.EncodeToString([]byte(sdp)) }

// newWebRTC starts a relay at an address that browsers talk to: they use no
// loopback.
func newWebRTC(t *testing.T, ns string, near, far string) (*relayNode, *person) {
	t.Helper()
	link(t, ns, netip.MustParsePrefix(near+"/31"), netip.MustParsePrefix(far+"/31"))
	n := &relayNode{ip: near}
	n.configure(t)
	n.run(t)
	p := browse(t, "webrtc.mjs")
	p.until("ready")
	return n, p
}

// TestBrowserToPhone: Chromium, which speaks Opus over DTLS-SRTP with ICE, mux
// and BUNDLE, calls a party that knows plain RTP and G.711 only. Both hear the
// other's tone.
func TestBrowserToPhone(t *testing.T) {
	n, browser := newWebRTC(t, "c5webrtc", "10.77.31.0", "10.77.31.1")
	c := n.client(t)
	w := newCapture(t, "udp and host "+n.ip)
	plain := newRTPParty(t, "127.0.0.1")
	said := browser.sdp("offered", "offer chrome 1000")
	if !strings.Contains(said, "opus/48000/2") || !strings.Contains(said, "a=candidate:") {
		t.Fatalf("the browser offers\n%s", said)
	}
	reply := ordered(t, c, "command", "offer", "call-id", "web", "from-tag", "a", "sdp", said, "transport-protocol", "RTP/AVP", "ICE", "remove",
		"rtcp-mux", ng.List{"demux"}, "codec", ng.Of("mask", ng.List{"all"}, "transcode", ng.List{"PCMA"}), "replace", ng.List{"origin"}, "bundle", ng.List{"accept"})
	if out := reply.Str("sdp"); strings.Contains(out, "opus") || strings.Contains(out, "candidate") || strings.Contains(out, "fingerprint") {
		t.Errorf("the plain party is offered\n%s", out)
	}
	plain.to = mediaAddr(t, reply.Str("sdp"))
	reply = ordered(t, c, "command", "answer", "call-id", "web", "from-tag", "a", "to-tag", "b", "sdp", plain.sdp(), "bundle", ng.List{"accept"})
	browser.ask("accepted", "accept chrome %s", packed(reply.Str("sdp")))
	go plain.tone(440, 9*time.Second)
	time.Sleep(4 * time.Second)
	first := browser.stats("chrome")
	time.Sleep(3 * time.Second)
	second := browser.stats("chrome")
	if second.State != "connected" || second.Sent-first.Sent < 30 || second.Received-first.Received < 30 || second.Lost > 5 || second.Codec != "audio/opus" {
		t.Errorf("the browser says %+v, then %+v\n%s", first, second, reply.Str("sdp"))
	}
	if math.Abs(second.Peak-440) > 10 {
		t.Errorf("the browser hears %.0f Hz", second.Peak)
	}
	pcm := plain.decoded(t)
	if len(pcm) < 16000 || share(pcm[len(pcm)-16000:], 1000) < 0.95 {
		t.Errorf("of the browser %d samples are heard, %.3f of them at 1,000 Hz", len(pcm), share(pcm[max(0, len(pcm)-16000):], 1000))
	}
	w.end(t)
	securelyFormed(t, w, n.ip)
	t.Logf("the browser says %+v; %d samples of it heard, %.4f of the last two seconds at 1,000 Hz", second, len(pcm), share(pcm[max(0, len(pcm)-16000):], 1000))
}

// TestBrowserToBrowser: two Chromium parties send VP8 through the relay, each
// with ICE and DTLS towards the relay.
func TestBrowserToBrowser(t *testing.T) {
	n, browser := newWebRTC(t, "c5video", "10.77.32.0", "10.77.32.1")
	c := n.client(t)
	w := newCapture(t, "udp and host "+n.ip)
	said := browser.sdp("offered", "offer left video")
	reply := ordered(t, c, "command", "offer", "call-id", "video", "from-tag", "a", "sdp", said, "ICE", "force", "codec", ng.Of("strip", ng.List{"all"}, "offer", ng.List{"VP8"}), "replace", ng.List{"origin"}, "bundle", ng.List{"accept", "offer"})
	said = browser.sdp("answered", "answer right video %s", packed(reply.Str("sdp")))
	reply = ordered(t, c, "command", "answer", "call-id", "video", "from-tag", "a", "to-tag", "b", "sdp", said, "ICE", "force", "bundle", ng.List{"accept"})
	browser.ask("accepted", "accept left %s", packed(reply.Str("sdp")))
	time.Sleep(5 * time.Second)
	for _, name := range []string{"left", "right"} {
		first := browser.stats(name)
		time.Sleep(2 * time.Second)
		second := browser.stats(name)
		if second.State != "connected" || second.Sent <= first.Sent || second.Received <= first.Received || second.Frames-first.Frames < 10 || second.Codec != "video/VP8" {
			t.Errorf("%s says %+v, then %+v", name, first, second)
		}
		t.Logf("%s: %+v", name, second)
	}
	w.end(t)
	securelyFormed(t, w, n.ip)
}

// TestBrowserBundleMeetsNone: of two Chromium parties with sound and picture one
// bundles them and the other does not, nor knows the MID extension. The relay
// speaks it with the first alone.
func TestBrowserBundleMeetsNone(t *testing.T) {
	n, browser := newWebRTC(t, "c5bundle", "10.77.37.0", "10.77.37.1")
	c := n.client(t)
	const mid = "urn:ietf:params:rtp-hdrext:sdes:mid"
	said := browser.sdp("offered", "offer left 1000+video")
	reply := ordered(t, c, "command", "offer", "call-id", "bundle", "from-tag", "a", "sdp", said, "ICE", "force",
		"codec", ng.Of("strip", ng.List{"all"}, "offer", ng.List{"opus", "VP8"}), "replace", ng.List{"origin"},
		"bundle", ng.List{"accept"}, "extmap", ng.Of("mask", ng.List{mid}))
	if out := reply.Str("sdp"); !strings.Contains(said, mid) || strings.Contains(out, mid) || strings.Contains(out, "BUNDLE") {
		t.Fatalf("%s\nbecame\n%s", said, out)
	}
	said = browser.sdp("answered", "answer right 440+video+apart %s", packed(reply.Str("sdp")))
	reply = ordered(t, c, "command", "answer", "call-id", "bundle", "from-tag", "a", "to-tag", "b", "sdp", said, "ICE", "force", "bundle", ng.List{"accept"})
	if out := reply.Str("sdp"); strings.Contains(said, mid) || strings.Count(out, mid) != 2 || !strings.Contains(out, "a=group:BUNDLE ") {
		t.Fatalf("%s\nbecame\n%s", said, out)
	}
	browser.ask("accepted", "accept left %s", packed(reply.Str("sdp")))
	time.Sleep(4 * time.Second)
	for name, hz := range map[string]float64{"left": 440, "right": 1000} {
		first := browser.stats(name)
		time.Sleep(2 * time.Second)
		second := browser.stats(name)
		if second.State != "connected" || second.Frames-first.Frames < 10 || math.Abs(second.Peak-hz) > 10 {
			t.Errorf("%s says %+v, then %+v", name, first, second)
		}
		t.Logf("%s: %+v", name, second)
	}
}

// tone sends a tone as G.711 A-law.
func (p *rtpParty) tone(hertz float64, length time.Duration) {
	law := codec.ALaw{}
	pcm, at := make([]int16, 160), 0
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(length); time.Now().Before(end); <-tick.C {
		for i := range pcm {
			pcm[i] = int16(8192 * math.Sin(2*math.Pi*hertz*float64(at)/8000))
			at++
		}
		b, _ := law.Encode(nil, pcm)
		p.packet(b)
	}
}

// decoded is all A-law that was heard, in the order of arrival.
func (p *rtpParty) decoded(t *testing.T) (pcm []float64) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.heard {
		for _, v := range h.pcm {
			pcm = append(pcm, float64(alaw(v)))
		}
	}
	return pcm
}
