//go:build interop

package interop

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/media/srtp"
	"github.com/class5-go/class5/media/srtp/sdes"
)

// srtpBridge is an rtpengine that turns our SRTP into RTP and back.
type srtpBridge struct {
	control net.Conn
	cookie  int
}

func startSRTPBridge(t *testing.T) *srtpBridge {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1))
	cmd := exec.Command("rtpengine", "--config-file=none", "--foreground", "--table=-1", "--log-stderr", "--log-level=3",
		"--interface=127.0.0.1", "--listen-ng="+address, "--port-min=46000", "--port-max=46400", "--num-threads=1")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	control, err := (&net.Dialer{}).DialContext(context.Background(), "udp4", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		control.Close()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("rtpengine: %s", log.String())
		}
	})
	b := &srtpBridge{control: control}
	for range 50 {
		if reply, err := b.do(map[string]any{"command": "ping"}); err == nil && reply["result"] == "pong" {
			return b
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("rtpengine does not answer")
	return nil
}

func (b *srtpBridge) do(request map[string]any) (map[string]any, error) {
	b.cookie++
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	prefix := strconv.Itoa(b.cookie) + " "
	if _, err := b.control.Write(append([]byte(prefix), body...)); err != nil {
		return nil, err
	}
	if err := b.control.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return nil, err
	}
	buf := make([]byte, 65536)
	n, err := b.control.Read(buf)
	if err != nil {
		return nil, err
	}
	reply, ok := bytes.CutPrefix(buf[:n], []byte(prefix))
	if !ok {
		return nil, errors.New("other cookie")
	}
	var m map[string]any
	return m, json.Unmarshal(reply, &m)
}

// srtpParty has an RTP and an RTCP socket on neighbouring ports.
type srtpParty struct {
	rtp, rtcp *net.UDPConn
	port      int
	peer      int // port at the bridge
}

func newSRTPParty(t *testing.T) *srtpParty {
	t.Helper()
	for range 100 {
		a, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		port := a.LocalAddr().(*net.UDPAddr).Port
		b, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port + 1})
		if err != nil || port%2 != 0 {
			a.Close()
			if b != nil {
				b.Close()
			}
			continue
		}
		t.Cleanup(func() { a.Close(); b.Close() })
		return &srtpParty{rtp: a, rtcp: b, port: port}
	}
	t.Fatal("no pair of ports")
	return nil
}

func (p *srtpParty) sdp(profile, crypto string) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d %s 8\r\n%s", p.port, profile, crypto)
}

// answered reads what the bridge wrote: its port, and its crypto attribute.
func (p *srtpParty) answered(t *testing.T, reply map[string]any) string {
	t.Helper()
	body, _ := reply["sdp"].(string)
	crypto := ""
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "m=audio "); ok {
			port, _, _ := strings.Cut(rest, " ")
			p.peer, _ = strconv.Atoi(port)
		}
		if rest, ok := strings.CutPrefix(line, "a=crypto:"); ok && crypto == "" {
			crypto = rest
		}
	}
	if p.peer == 0 {
		t.Fatalf("bridge: %v", reply)
	}
	return crypto
}

// srtpPass sends a packet from one socket and reads what comes out of another.
func srtpPass(t *testing.T, from *net.UDPConn, port int, pkt []byte, to *net.UDPConn) []byte {
	t.Helper()
	if _, err := from.WriteToUDP(pkt, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}); err != nil {
		t.Fatal(err)
	}
	if err := to.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2048)
	n, err := to.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// The suites that encrypt against rtpengine, over a wrap, RTP and RTCP, both ways.
func TestSRTPAgainstRTPEngine(t *testing.T) {
	b := startSRTPBridge(t)
	for _, s := range srtp.Suites() {
		if s == srtp.NullSHA180 || s == srtp.NullSHA132 {
			continue // rtpengine 10.5.3.5 crashes on the first packet of a NULL suite
		}
		t.Run(s.String(), func(t *testing.T) { srtpBridged(t, b, s) })
	}
}

func srtpBridged(t *testing.T, b *srtpBridge, s srtp.Suite) {
	key, salt := srtpKey(s)
	ours := sdes.Attribute{Tag: 1, Suite: s, Keys: []sdes.Key{{Key: key, Salt: salt}}}
	caller, callee := newSRTPParty(t), newSRTPParty(t)
	call := func(command, sdp string, more map[string]any) map[string]any {
		request := map[string]any{"command": command, "call-id": s.String(), "from-tag": "a", "ICE": "remove", "DTLS": "off", "sdp": sdp}
		for k, v := range more {
			request[k] = v
		}
		reply, err := b.do(request)
		if err != nil || reply["result"] != "ok" {
			t.Fatalf("%s: %v, %v", command, reply, err)
		}
		return reply
	}
	callee.answered(t, call("offer", caller.sdp("RTP/SAVP", "a=crypto:"+ours.Format(false)+"\r\n"), map[string]any{"transport-protocol": "RTP/AVP"}))
	crypto := caller.answered(t, call("answer", callee.sdp("RTP/AVP", ""), map[string]any{"to-tag": "b"}))
	theirs, err := sdes.Parse(crypto)
	if err != nil || theirs.Suite != s {
		t.Fatalf("%q: %v", strings.Split(crypto, "inline")[0], err)
	}
	if bytes.Contains([]byte(crypto), []byte(base64.RawStdEncoding.EncodeToString(key))) {
		t.Fatal("our own key came back")
	}
	out, err := ours.Context()
	if err != nil {
		t.Fatal(err)
	}
	in, err := theirs.Context()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		plain := srtpPlain(uint16(65400+i), 160)
		if got := srtpPass(t, caller.rtp, caller.peer, srtpSealed(t, out.Protect, plain), callee.rtp); !bytes.Equal(got, plain) {
			t.Fatalf("packet %d: other content", i)
		}
		got := srtpPass(t, callee.rtp, callee.peer, plain, caller.rtp)
		if n, err := in.Unprotect(got); err != nil || !bytes.Equal(got[:n], plain) {
			t.Fatalf("packet %d back: %v", i, err)
		}
		if i%100 != 50 {
			continue
		}
		report := srtpReport()
		if got := srtpPass(t, caller.rtcp, caller.peer+1, srtpSealed(t, out.ProtectRTCP, report), callee.rtcp); !bytes.Equal(got[:8], report[:8]) {
			t.Fatalf("report: %x", got)
		}
		got = srtpPass(t, callee.rtcp, callee.peer+1, report, caller.rtcp)
		if n, err := in.UnprotectRTCP(got); err != nil || !bytes.Equal(got[:8], report[:8]) {
			t.Fatalf("report back: %d octets, %v", n, err)
		}
	}
	call("delete", "", map[string]any{})
}
