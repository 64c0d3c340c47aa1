//go:build interop

package interop

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/srtp"
)

// secured makes b a party that speaks SRTP, with keys of its own.
func (call *rtpCall) secured(t *testing.T) (said string) {
	t.Helper()
	var mine [30]byte
	_, _ = rand.Read(mine[:])
	_, line, ok := strings.Cut(call.offered, "a=crypto:")
	line, _, _ = strings.Cut(line, "\r\n")
	word := strings.Fields(line)
	if !ok || len(word) < 3 {
		t.Fatalf("no key in\n%s", call.offered)
	}
	key, _, _ := strings.Cut(strings.TrimPrefix(word[2], "inline:"), "|")
	theirs, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(theirs) != len(mine) || word[1] != "AES_CM_128_HMAC_SHA1_80" {
		t.Fatalf("%q: %v", line, err)
	}
	out, err := srtp.NewContext(srtp.AES128SHA180, mine[:16], mine[16:])
	in, err2 := srtp.NewContext(srtp.AES128SHA180, theirs[:16], theirs[16:])
	if err = errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	call.b.mu.Lock()
	defer call.b.mu.Unlock()
	call.b.seal = func(b []byte) []byte {
		buf := append(b, make([]byte, srtp.MaxOverhead)...)
		n, err := out.Protect(buf, len(b))
		if err != nil {
			t.Errorf("%v", err)
		}
		return buf[:n]
	}
	call.b.open = func(b []byte) []byte {
		n, err := in.Unprotect(b)
		if err != nil {
			return nil
		}
		return b[:n]
	}
	return strings.Replace(call.b.sdp(), "RTP/AVP", "RTP/SAVP", 1) +
		"a=crypto:" + word[0] + " AES_CM_128_HMAC_SHA1_80 inline:" + base64.StdEncoding.EncodeToString(mine[:]) + "\r\n"
}

// asked is a client that asks all the time.
type asked struct {
	kind           string
	c              *ng.Client
	asked, refused atomic.Int64
	first          atomic.Value // error
}

// ask sets up, asks about and ends calls until stop is closed.
func (a *asked) ask(stop <-chan struct{}, sdp string) {
	do := func(command, id string, pairs ...any) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err := a.c.Do(ctx, ng.Of(append([]any{"command", command, "call-id", id, "from-tag", "a"}, pairs...)...))
		if a.asked.Add(1); err != nil {
			a.refused.Add(1)
			a.first.CompareAndSwap(nil, fmt.Errorf("%s: %w", command, err)) // others follow from it
		}
	}
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		id := fmt.Sprintf("%s-%d", a.kind, i)
		do("offer", id, "sdp", sdp)
		do("query", id)
		do("delete", id, "delete-delay", 0)
	}
}

// TestRelayUpgraded: the process of cmd/media is replaced, and once more by
// class5ctl's request, while calls in the kernel, with SRTP, transcoded and
// recorded go on and clients ask by every transport: nothing is lost, nothing
// refused.
func TestRelayUpgraded(t *testing.T) {
	const ns, near, far = "c5upgrade", "10.77.22.0", "10.77.22.1"
	inside := link(t, ns, netip.MustParsePrefix(near+"/31"), netip.MustParsePrefix(far+"/31"))
	recordings, socket := t.TempDir(), filepath.Join(t.TempDir(), "upgrade")
	n := &relayNode{ip: far, host: far, inside: inside, near: near}
	n.configure(t, "port_min: 20000", "port_max: 60000", "upgrade: "+socket, "state: "+t.TempDir(), fmt.Sprintf("recordings: {dir: %s, pcap: true}", recordings),
		pinnedOffload(t, ns+"1", "upgrade"))
	n.run(t)
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	c := n.client(t)
	party := func() *rtpParty { return newRTPParty(t, near) }
	var plain []*rtpCall
	for i := range 10 {
		plain = append(plain, newRTPCall(t, c, fmt.Sprintf("plain-%d", i), party(), party()))
	}
	secure := &rtpCall{id: "secure", c: c, a: party(), b: party()}
	secure.offer(t, secure.a.sdp(), "transport-protocol", "RTP/SAVP", "SDES", ng.List{"only-AES_CM_128_HMAC_SHA1_80", "pad"})
	secure.answerWith(t, secure.secured(t))
	mu := party()
	mu.pt = 0
	coded := newRTPCall(t, c, "coded", party(), mu, "codec", ng.Of("mask", ng.List{"all"}, "transcode", ng.List{"PCMU"}))
	taped := newRTPCall(t, c, "taped", party(), party(), "record-call", "on")
	all := append([]*rtpCall{secure, coded, taped}, plain...)
	stop := talkOn(all)
	defer stop()
	kernel := func() error {
		for _, call := range plain {
			if !kernelized(ordered(t, c, "command", "query", "call-id", call.id)) {
				return fmt.Errorf("%s is not forwarded in the kernel", call.id)
			}
		}
		return nil
	}
	eventually(t, time.Minute, kernel)
	flowing(t, all)

	var clients []*asked
	quiet := make(chan struct{})
	var asking sync.WaitGroup
	for kind, url := range map[string]string{"udp": fmt.Sprintf("udp://%s:%d", far, n.udp), "tcp": fmt.Sprintf("tcp://%s:%d", far, n.tcp),
		"http": fmt.Sprintf("http://%s:%d/ng", far, n.http), "ws": fmt.Sprintf("ws://%s:%d/", far, n.http)} {
		a := &asked{kind: kind, c: ngClient(t, url)}
		clients = append(clients, a)
		asking.Go(func() { a.ask(quiet, all[0].a.sdp()) })
	}
	hush := sync.OnceFunc(func() { close(quiet); asking.Wait() })
	defer hush()

	old := n.process
	inside(func() {
		n.process = start(t, filepath.Dir(n.file), built.path(t, "cmd/media"), "upgrade", "-config", n.file)
	})
	gone(t, old)
	flowing(t, all)
	if t.Failed() {
		return
	}
	pid := n.upgrade(t)
	defer func() { _ = syscall.Kill(pid, syscall.SIGTERM) }()
	flowing(t, all)
	hush()
	eventually(t, time.Minute, kernel) // also those that were not when it began
	stop()
	for _, a := range clients {
		if a.refused.Load() > 0 || a.asked.Load() < 30 {
			t.Errorf("%s: %d of %d requests refused: %v", a.kind, a.refused.Load(), a.asked.Load(), a.first.Load())
		}
	}
	received, sent := 0, 0
	for _, call := range all {
		eventually(t, 10*time.Second, func() error { return call.whole(strings.HasPrefix(call.id, "plain")) })
		sent += call.a.sent + call.b.sent
		received += call.end(t)
	}
	if received != sent {
		t.Errorf("%d packets sent, %d counted", sent, received)
	}
	taped.recordedWhole(t, recordings, 3)
	t.Logf("%d calls, %d packets sent, none lost, %d counted", len(all), sent, received)
	for _, a := range clients {
		t.Logf("%s: %d requests", a.kind, a.asked.Load())
	}
	_ = syscall.Kill(pid, syscall.SIGTERM)
	gone(t, n.process) // its output ends with its successor's
}

// upgrade has the process start its successor and returns that one's id.
func (n *relayNode) upgrade(t *testing.T) int {
	t.Helper()
	reply, err := http.Post(fmt.Sprintf("http://%s:%d/media/upgrade", n.host, n.adm), "", nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, n.output())
	}
	defer reply.Body.Close()
	b, _ := io.ReadAll(reply.Body)
	var pid int
	if _, err := fmt.Sscanf(string(b), `{"pid":%d}`, &pid); err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s\n%s", reply.Status, b, n.output())
	}
	return pid
}

// gone waits for the end of a process.
func gone(t *testing.T, p *process) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(40 * time.Second):
		t.Fatalf("it goes on\n%s", p.output())
	}
	if p.err != nil {
		t.Errorf("%v\n%s", p.err, tail(p.output()))
	}
}

// flowing waits until every party hears more, under whatever SSRC.
func flowing(t *testing.T, calls []*rtpCall) {
	t.Helper()
	since := time.Now()
	eventually(t, 30*time.Second, func() error {
		for _, call := range calls {
			for _, p := range []*rtpParty{call.a, call.b} {
				p.mu.Lock()
				n := len(p.heard)
				on := n >= 10 && !p.heard[n-10].at.Before(since)
				p.mu.Unlock()
				if !on {
					return fmt.Errorf("%s does not go on", call.id)
				}
			}
		}
		return nil
	})
}

// whole: each party hears all that the other sent, each packet the next of the
// one before, from one source. In the kernel a packet may overtake one that
// waits in a socket.
func (call *rtpCall) whole(overtaken bool) error {
	for _, d := range [][2]*rtpParty{{call.a, call.b}, {call.b, call.a}} {
		d[0].mu.Lock()
		heard, shut := slices.Clone(d[0].heard), d[0].shut
		d[0].mu.Unlock()
		if overtaken && len(heard) > 0 {
			first := heard[0].seq
			slices.SortFunc(heard, func(a, b heardPacket) int { return int(int16(a.seq-first)) - int(int16(b.seq-first)) })
		}
		if len(heard) != d[1].sent || shut > 0 {
			return fmt.Errorf("%s: %d packets sent, %d heard, %d could not be opened", call.id, d[1].sent, len(heard), shut)
		}
		for i := 1; i < len(heard); i++ {
			if a, b := heard[i-1], heard[i]; a.ssrc != b.ssrc || b.seq != a.seq+1 {
				return fmt.Errorf("%s: %x/%d behind %x/%d", call.id, b.ssrc, b.seq, a.ssrc, a.seq)
			}
		}
	}
	return nil
}

// recordedWhole counts the packets of a call in its recordings, of which each
// process made one.
func (call *rtpCall) recordedWhole(t *testing.T, dir string, files int) {
	t.Helper()
	eventually(t, 10*time.Second, func() error {
		names, err := filepath.Glob(filepath.Join(dir, "*.pcap"))
		if err != nil || len(names) != files {
			return fmt.Errorf("%q, %w", names, err)
		}
		packets := 0
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			for _, p := range []*rtpParty{call.a, call.b} {
				packets += bytes.Count(b, p.ssrcOctets())
			}
		}
		if want := call.a.sent + call.b.sent; packets != want {
			return fmt.Errorf("%d packets in %q, %d sent", packets, names, want)
		}
		return nil
	})
}

// ssrcOctets are the party's SSRC as in its packets.
func (p *rtpParty) ssrcOctets() []byte {
	return []byte{byte(p.ssrc >> 24), byte(p.ssrc >> 16), byte(p.ssrc >> 8), byte(p.ssrc)}
}
