//go:build interop

package interop

import (
	"fmt"
	"math"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/sdp"
)

// ffmpegSings sends a tone over RTP until the test ends.
func ffmpegSings(t *testing.T, hz int, description string, from int, args ...string) {
	t.Helper()
	d, err := sdp.Parse([]byte(description), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, description)
	}
	to := d.Media(0).Addr()
	argv := append([]string{"-loglevel", "error", "-nostdin", "-re", "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%d:sample_rate=48000", hz)}, args...)
	cmd := exec.Command("ffmpeg", append(argv, "-f", "rtp", fmt.Sprintf("rtp://%v?localrtpport=%d&pkt_size=172", to, from))...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// levelOf is that of a tone at 8,000 Hz.
func levelOf(pcm []int16, hz float64) float64 {
	var re, im float64
	for i, v := range pcm {
		a := 2 * math.Pi * hz * float64(i) / 8000
		re, im = re+float64(v)*math.Cos(a), im+float64(v)*math.Sin(a)
	}
	return 2 * math.Hypot(re, im) / float64(max(len(pcm), 1))
}

// listenFor is what the party hears in a time, decoded.
func (p *rtpParty) listenFor(d time.Duration) (pcm []int16) {
	p.mu.Lock()
	from := len(p.heard)
	p.mu.Unlock()
	time.Sleep(d)
	dec, _ := codec.PCMA().Decoder(codec.Params{})
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.heard[from:] {
		pcm, _ = dec.Decode(pcm, h.pcm)
	}
	return pcm
}

// shortLevels is the level of a tone in windows of 100 ms: that which nine of ten
// do not exceed, for on a busy machine not even ffmpeg speaks all the time.
func shortLevels(pcm []int16, hz float64) float64 {
	var list []float64
	for ; len(pcm) >= 800; pcm = pcm[800:] {
		list = append(list, levelOf(pcm[:800], hz))
	}
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)*9/10]
}

// TestInject: a call between ffmpeg's G.711 and a party that listens; ffmpeg's
// Opus is mixed in, is heard at its level beside the caller's, and ends.
func TestInject(t *testing.T) {
	n := newRelayNode(t)
	c := n.client(t)
	b := newRTPParty(t, loopbackOfItsOwn())
	first := freePorts(t, 8)
	describe := func(port int, pt, lines string) string {
		return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n%s", port, pt, lines)
	}
	ordered(t, c, "command", "offer", "call-id", "x", "from-tag", "a", "sdp", describe(first, "8", ""))
	toA := ordered(t, c, "command", "answer", "call-id", "x", "from-tag", "a", "to-tag", "b", "sdp", b.sdp()).Str("sdp")
	toP := ordered(t, c, "command", "publish", "call-id", "x", "from-tag", "p", "sdp", describe(first+4, "96", "a=rtpmap:96 opus/48000/2\r\na=sendonly\r\n")).Str("sdp")
	ffmpegSings(t, 440, toA, first, "-ar", "8000", "-c:a", "pcm_alaw")
	ffmpegSings(t, 1000, toP, first+4, "-c:a", "libopus", "-b:a", "24k", "-payload_type", "96")
	eventually(t, 10*time.Second, func() error {
		if v := shortLevels(b.listenFor(200*time.Millisecond), 440); v < 3500 {
			return fmt.Errorf("level %.0f", v)
		}
		return nil
	})
	inject := func(command string) error {
		_, err := c.Do(t.Context(), ng.Of("command", command, "call-id", "x", "to-tag", "b", "source-tag", "p"))
		return err
	}
	if err := inject("inject stop"); err == nil {
		t.Error("ended before it began")
	}
	if err := inject("inject start"); err != nil {
		t.Fatal(err)
	}
	if err := inject("inject start"); err == nil {
		t.Error("begun twice")
	}
	eventually(t, 10*time.Second, func() error {
		if v := shortLevels(b.listenFor(200*time.Millisecond), 1000); v < 3500 {
			return fmt.Errorf("level %.0f", v)
		}
		return nil
	})
	pcm := b.listenFor(3 * time.Second)
	own, other := shortLevels(pcm, 440), shortLevels(pcm, 1000)
	t.Logf("440 Hz at %.0f, 1,000 Hz at %.0f of 4,096 in %d samples", own, other, len(pcm))
	if math.Abs(own-4096) > 250 || math.Abs(other-4096) > 350 {
		t.Error("levels are not those of the sources")
	}
	// The two tones together rise by at most 4,630 from one sample to the next. A
	// packet of ffmpeg that the machine held up is a seam.
	steps := 0
	for i := 1; i < len(pcm); i++ {
		if d := int(pcm[i]) - int(pcm[i-1]); max(d, -d) > 5600 {
			steps++
		}
	}
	if t.Logf("%d steps", steps); steps > 5 {
		t.Error("it clicks")
	}
	if err := inject("inject stop"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() error {
		pcm := b.listenFor(300 * time.Millisecond)
		if a, b := shortLevels(pcm, 440), shortLevels(pcm, 1000); a < 3800 || b > 60 {
			return fmt.Errorf("levels %.0f and %.0f", a, b)
		}
		return nil
	})
	ordered(t, c, "command", "delete", "call-id", "x", "delete-delay", 0)
	if calls, _ := ordered(t, c, "command", "list").Value("calls"); len(calls.(ng.List)) != 0 {
		t.Errorf("%v", calls)
	}
}
