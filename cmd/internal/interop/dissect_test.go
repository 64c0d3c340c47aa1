//go:build interop

package interop

import (
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// capture records what passes on the loopback interface.
type capture struct {
	*process
	file string
}

func newCapture(t *testing.T, filter string) *capture {
	t.Helper()
	w := &capture{file: filepath.Join(t.TempDir(), "lo.pcapng")}
	w.process = start(t, filepath.Dir(w.file), "dumpcap", "-q", "-i", "lo", "-B", "32", "-f", filter, "-w", w.file)
	eventually(t, 10*time.Second, func() error {
		if info, err := os.Stat(w.file); err != nil || info.Size() == 0 || !strings.Contains(w.output(), "File:") {
			return fmt.Errorf("no capture: %v\n%s", err, w.output())
		}
		return nil
	})
	return w
}

// end stops the capture; a packet that was lost would be one not judged.
func (w *capture) end(t *testing.T) {
	t.Helper()
	time.Sleep(time.Second) // dumpcap reads in blocks
	_ = w.cmd.Process.Signal(syscall.SIGINT)
	if err := w.wait(10 * time.Second); err != nil {
		t.Fatalf("dumpcap: %v\n%s", err, w.output())
	}
	if !strings.Contains(w.output(), "dropped on interface 'Loopback: lo': ") || !strings.Contains(w.output(), "/0 ") {
		t.Errorf("dumpcap: %s", w.output())
	}
}

// dissect has every packet read as what its port says. Fields come separated
// by tabs.
func (w *capture) dissect(t *testing.T, c *carrier, filter string, fields ...string) []string {
	t.Helper()
	args := []string{"-r", w.file, "-2", "-Y", filter, "-o", "rtp.heuristic_rtp:TRUE", "-o", "udp.try_heuristic_first:TRUE", "-o", "udp.check_checksum:FALSE", "-o", "tcp.check_checksum:FALSE"}
	for _, port := range []int{c.sip, c.internal, c.internal + 2, c.internal + 4} {
		if c.sip == 0 {
			break // nothing but media
		}
		args = append(args, "-d", fmt.Sprintf("udp.port==%d,sip", port), "-d", fmt.Sprintf("tcp.port==%d,sip", port))
	}
	if len(fields) > 0 {
		args = append(args, "-T", "fields")
		for _, f := range fields {
			args = append(args, "-e", f)
		}
	}
	cmd := exec.Command("tshark", args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v\n%s", err, errs.String())
	}
	var lines []string
	for line := range strings.SplitSeq(string(out), "\n") {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestDissected: an independent dissector finds nothing to mark in what we
// send while sipp and baresip call.
func TestDissected(t *testing.T) {
	c := newCarrier(t)
	rtpMin, rtpMax := aboveRows, aboveRows+1000
	w := newCapture(t, fmt.Sprintf("host 127.0.0.1 and (portrange %d-%d or udp portrange %d-%d)", c.sip, c.sip+11, rtpMin, rtpMax))
	c.run(t, "--demo", "--rtp-min", fmt.Sprint(rtpMin), "--rtp-max", fmt.Sprint(rtpMax))

	p := c.registerPairs(t, 10)
	c.sipp(t, p.dir, time.Minute, p.dial(t, 50, 25, 2*time.Second)...)
	alice := newBaresip(t, c, c.alice, "udp", 440)
	bob := newBaresip(t, c, c.bob, "tcp", 1000)
	talk(t, c, alice, bob, c.bob.number)
	resumed, ended := hold(t, c, bob, alice, c.alice.number, "TCP", "UDP")
	alice.call("9999", nil)
	time.Sleep(2 * time.Second)
	alice.hangUp(nil)
	c.misspeak(t)
	w.end(t)

	w.reached(t, c, alice, bob, resumed, ended)
	w.reached(t, c, bob, alice, resumed, ended)

	const marks = "(_ws.malformed or _ws.expert.severity >= warning)"
	ours := fmt.Sprintf("(udp.srcport in {%d..%d} or tcp.srcport == %d or udp.srcport in {%d..%d})", c.sip, c.sip+11, c.sip, rtpMin, rtpMax)
	counts := map[string]int{}
	for _, packet := range w.dissect(t, c, ours, "frame.protocols") {
		layers := strings.Split(packet, ":")
		for _, kind := range []string{"sip", "sdp", "rtp", "rtpevent", "rtcp"} {
			if slices.Contains(layers, kind) {
				counts[kind]++
			}
		}
		if slices.Contains(layers, "sip") && slices.Contains(layers, "tcp") {
			counts["sip and tcp"]++
		}
	}
	t.Logf("sent by us: %v", counts)
	for _, want := range []struct {
		kind  string
		least int
	}{
		{"sip", 1000}, {"sip and tcp", 10}, {"sdp", 200}, {"rtp", 10000}, {"rtpevent", 30}, {"rtcp", 4},
	} {
		if counts[want.kind] < want.least {
			t.Errorf("%d packets of %s, want at least %d", counts[want.kind], want.kind, want.least)
		}
	}
	if plain := w.dissect(t, c, ours+" and udp and not (sip or rtp or rtcp or stun)", "frame.number", "udp.srcport", "udp.dstport", "udp.payload"); len(plain) > 0 {
		t.Errorf("%d datagrams are none of SIP, RTP and RTCP: %.1000s", len(plain), strings.Join(plain, "\n"))
	}
	marked := w.dissect(t, c, ours+" and "+marks,
		"frame.number", "udp.srcport", "udp.dstport", "_ws.col.Protocol", "_ws.expert.severity", "_ws.expert.message", "_ws.col.Info")
	if len(marked) > 0 {
		t.Errorf("%d packets marked, of them:\n%.4000s", len(marked), strings.Join(marked, "\n"))
	}
	if others := w.dissect(t, c, "sip and "+marks, "frame.number"); len(others) == 0 {
		t.Error("the dissector marks nothing at all, not even what is broken on purpose")
	}
}

// reached judges the audio on its way to a phone between two moments.
func (w *capture) reached(t *testing.T, c *carrier, to, from *baresip, begin, end time.Time) {
	t.Helper()
	filter := fmt.Sprintf("rtp.p_type == 8 and udp.dstport in {%d..%d} and frame.time_epoch >= %d.%09d and frame.time_epoch <= %d.%09d",
		to.rtp, to.rtp+phonePorts-1, begin.Unix(), begin.Nanosecond(), end.Unix(), end.Nanosecond())
	var pcm []float64
	for _, line := range w.dissect(t, c, filter, "rtp.payload") {
		b, err := hex.DecodeString(strings.ReplaceAll(line, ":", ""))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for _, v := range b {
			pcm = append(pcm, float64(alaw(v)))
		}
	}
	if len(pcm) < 4000 || share(pcm, from.tone) < 0.97 {
		t.Errorf("after hold, %d samples reach %s, %.3f of them at %v Hz", len(pcm), to.name, share(pcm, from.tone), from.tone)
	}
	t.Logf("after hold %.1f s of %s reach %s, %.4f of the power at %v Hz", float64(len(pcm))/8000, from.name, to.name, share(pcm, from.tone), from.tone)
}

// alaw is the value of an octet by ITU-T G.711 table 1a.
func alaw(v byte) int {
	v ^= 0x55
	n := int(v&0x0f)<<4 + 8
	if s := v >> 4 & 7; s > 0 {
		n = (n + 0x100) << (s - 1)
	}
	if v&0x80 == 0 {
		return -n
	}
	return n
}

// misspeak sends what a dissector must mark.
func (c *carrier) misspeak(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", c.sip))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprint(conn, "OPTIONS sip:127.0.0.1 SIP/2.0\r\nCSeq: many OPTIONS\r\nContact: <sip:\r\nContent-Length: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}
