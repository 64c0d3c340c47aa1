//go:build interop

package interop

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
)

// chained is a call of two parties through our relay and then rtpengine, which
// speak ICE and DTLS-SRTP with each other.
func chained(t *testing.T, ours, theirs *ng.Client, id string) *rtpCall {
	t.Helper()
	a, b := newRTPParty(t, "127.0.0.1"), newRTPParty(t, "127.0.0.1")
	call := &rtpCall{id: id, c: ours, a: a, b: b}
	offer := ordered(t, ours, "command", "offer", "call-id", id, "from-tag", "a", "sdp", a.sdp(), "replace", ng.List{"origin"},
		"ICE", "force", "transport-protocol", "UDP/TLS/RTP/SAVPF", "rtcp-mux", ng.List{"offer", "require"}, "SDES", ng.List{"off"}).Str("sdp")
	if !strings.Contains(offer, "a=candidate:") || !strings.Contains(offer, "a=fingerprint:") {
		t.Fatalf("rtpengine is offered\n%s", offer)
	}
	b.to = mediaAddr(t, ordered(t, theirs, "command", "offer", "call-id", id, "from-tag", "a", "sdp", offer, "replace", ng.List{"origin"},
		"ICE", "remove", "transport-protocol", "RTP/AVP", "rtcp-mux", ng.List{"demux"}).Str("sdp"))
	answer := ordered(t, theirs, "command", "answer", "call-id", id, "from-tag", "a", "to-tag", "b", "sdp", b.sdp()).Str("sdp")
	a.to = mediaAddr(t, ordered(t, ours, "command", "answer", "call-id", id, "from-tag", "a", "to-tag", "b", "sdp", answer).Str("sdp"))
	return call
}

// TestRelayUpgradedWithICE: calls with ICE and DTLS-SRTP, of Chromium and of
// rtpengine, are taken through two upgrades, while clients with certificates and
// with a token ask over TLS, HTTPS and WSS: no packet is lost or cannot be
// opened, consent goes on, nothing is refused.
func TestRelayUpgradedWithICE(t *testing.T) {
	dir := t.TempDir()
	authority(t, dir, "server", "client")
	token := filepath.Join(dir, "token")
	const secret = "7d1f0c7cbb2a4f35a0b5a8f0b8d7a6c1"
	if err := os.WriteFile(token, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	const near, far = "10.77.34.0", "10.77.34.1"
	link(t, "c5upice", netip.MustParsePrefix(near+"/31"), netip.MustParsePrefix(far+"/31"))
	n := &relayNode{ip: near, secure: fmt.Sprintf("certificates: [{cert: %s, key: %s}], client_ca: %s, token: %s", file("server.pem"), file("server.key"), file("ca.pem"), token)}
	n.configure(t, "upgrade: "+filepath.Join(t.TempDir(), "upgrade"), "state: "+t.TempDir())
	n.run(t)
	c := n.client(t)
	f := newForeignRelay(t)

	var calls []*rtpCall
	for i := range 3 {
		calls = append(calls, chained(t, c, f.client(t), fmt.Sprintf("chained-%d", i)))
	}
	for _, call := range calls { // until checks and handshake are done
		eventually(t, 10*time.Second, func() error {
			talkRTP(200*time.Millisecond, call.a, call.b)
			if there, _ := call.b.heardOf(call.a); len(there) == 0 {
				return fmt.Errorf("%s is not connected", call.id)
			}
			if back, _ := call.a.heardOf(call.b); len(back) == 0 {
				return fmt.Errorf("%s is not connected", call.id)
			}
			return nil
		})
		call.a.anew()
		call.b.anew()
	}

	browser := browse(t, "webrtc.mjs")
	browser.until("ready")
	plain := newRTPParty(t, "127.0.0.1")
	said := browser.sdp("offered", "offer chrome 1000")
	reply := ordered(t, c, "command", "offer", "call-id", "web", "from-tag", "a", "sdp", said, "transport-protocol", "RTP/AVP", "ICE", "remove",
		"rtcp-mux", ng.List{"demux"}, "codec", ng.Of("mask", ng.List{"all"}, "transcode", ng.List{"PCMA"}), "replace", ng.List{"origin"}, "bundle", ng.List{"accept"})
	plain.to = mediaAddr(t, reply.Str("sdp"))
	reply = ordered(t, c, "command", "answer", "call-id", "web", "from-tag", "a", "to-tag", "b", "sdp", plain.sdp(), "bundle", ng.List{"accept"})
	browser.ask("accepted", "accept chrome %s", packed(reply.Str("sdp")))
	go plain.tone(440, time.Minute)
	stop := talkOn(calls)
	defer stop()
	eventually(t, 10*time.Second, func() error {
		if s := browser.stats("chrome"); s.State != "connected" || s.Received < 50 {
			return fmt.Errorf("the browser says %+v", s)
		}
		return nil
	})
	first := browser.stats("chrome")

	quiet := make(chan struct{})
	var asking sync.WaitGroup
	hush := sync.OnceFunc(func() { close(quiet); asking.Wait() })
	defer hush()
	clients := n.secureClients(t, dir, secret)
	for _, a := range clients {
		asking.Go(func() { a.ask(quiet, plain.sdp()) })
	}
	time.Sleep(500 * time.Millisecond)

	old := n.process
	n.process = start(t, filepath.Dir(n.file), built.path(t, "cmd/media"), "upgrade", "-config", n.file)
	gone(t, old)
	time.Sleep(time.Second)
	between := browser.stats("chrome")
	pid := n.upgrade(t)
	defer func() { _ = syscall.Kill(pid, syscall.SIGTERM) }()
	time.Sleep(6 * time.Second) // each side asks for consent meanwhile
	second := browser.stats("chrome")
	hush()
	stop()
	for _, s := range []browserStats{between, second} {
		if s.State != "connected" || s.Lost != first.Lost {
			t.Errorf("the browser says %+v, then %+v, then %+v", first, between, second)
		}
	}
	if second.Received-between.Received < 200 || second.Sent-between.Sent < 200 || second.Peak < 430 || second.Peak > 450 {
		t.Errorf("the browser says %+v, then %+v, then %+v", first, between, second)
	}
	for _, call := range calls {
		eventually(t, patience, func() error { return call.heardOver(300) })
	}
	for _, a := range clients {
		if a.refused.Load() > 0 || a.asked.Load() < 30 {
			t.Errorf("%s: %d of %d requests refused: %v", a.kind, a.refused.Load(), a.asked.Load(), a.first.Load())
		}
		t.Logf("%s: %d requests", a.kind, a.asked.Load())
	}
	t.Logf("the browser says %+v, then %+v, then %+v", first, between, second)
	_ = syscall.Kill(pid, syscall.SIGTERM)
	gone(t, n.process)
}

// secureClients are clients of the listeners with TLS.
func (n *relayNode) secureClients(t *testing.T, dir, token string) []*asked {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(b)
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key"))
	if err != nil {
		t.Fatal(err)
	}
	var list []*asked
	for kind, url := range map[string]string{"tls": fmt.Sprintf("tls://%s:%d", n.host, n.tls), "https": fmt.Sprintf("https://%s:%d/ng", n.host, n.https),
		"wss": fmt.Sprintf("wss://%s:%d/", n.host, n.https)} {
		cfg := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		if kind == "tls" {
			cfg.Certificates = []tls.Certificate{cert}
		}
		list = append(list, &asked{kind: kind, c: configuredClient(t, ng.ClientConfig{URL: url, Format: ng.JSON, Token: token}, ng.WithTLS(cfg))})
	}
	return list
}
