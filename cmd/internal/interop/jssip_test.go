//go:build interop

package interop

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/wire"
)

const jssip, esbuild = "3.13.8", "0.25.12"

// jssipBundle makes JsSIP loadable by a page, once for the machine.
func jssipBundle(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(modules(t)), "jssip-"+jssip)
	bundle := filepath.Join(dir, "jssip.js")
	if _, err := os.Stat(bundle); err == nil {
		return bundle
	}
	install(t, dir, "jssip@"+jssip, "esbuild@"+esbuild)
	out, err := exec.Command(filepath.Join(dir, "node_modules", ".bin", "esbuild"), filepath.Join(dir, "node_modules", "jssip"), "--bundle", //nolint:gosec // the arguments are ours
		"--global-name=JsSIP", "--outfile="+bundle+".new").CombinedOutput()
	if err != nil {
		t.Fatalf("esbuild: %v\n%s", err, out)
	}
	rename(t, bundle+".new", bundle)
	return bundle
}

// TestJsSIP: a browser on WSS sends and gets descriptions of 6 KB, over a
// network to the proxy that fragments them, and not one octet changes.
func TestJsSIP(t *testing.T) {
	inside := link(t, "c5jssip", netip.MustParsePrefix("10.77.5.0/31"), netip.MustParsePrefix("10.77.5.1/31"))
	var proxy *net.UDPConn
	inside(func() {
		var err error
		if proxy, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(10, 77, 5, 1), Port: 5060}); err != nil {
			t.Error(err)
		}
	})
	if proxy == nil {
		t.FailNow()
	}
	e := newEdgeAt(t, proxy)
	const size = 6 << 10
	browser := browse(t, "jssip.mjs", "BUNDLE="+jssipBundle(t), fmt.Sprintf("SOCKET=wss://127.0.0.1:%d/", e.wss), fmt.Sprintf("SIZE=%d", size))

	browser.until("started") // a browser takes its time
	m := e.next(t)
	path, ok := m.First(wire.HdrPath)
	if m.Method() != wire.REGISTER || !ok || !strings.Contains(string(path.Value), ";ob") {
		t.Fatalf("the browser registers with\n%s", m.Bytes())
	}
	way := string(path.Value)
	contact, _ := m.First(wire.HdrContact)
	e.respond(t, m, 200, wire.Field{ID: wire.HdrContact, Value: contact.Value})
	browser.until("registered")

	browser.say("dial")
	invite := e.next(t)
	if invite.Method() != wire.INVITE || len(invite.Body()) < size-200 {
		t.Fatalf("%d octets in\n%s", len(invite.Body()), invite.Bytes())
	}
	browser.until("sent")
	sent := fmt.Sprintf("%d %x", len(invite.Body()), sha256.Sum256(invite.Body()))
	if browser.seen["sent"] != sent {
		t.Errorf("the browser sent %s, the proxy got %s", browser.seen["sent"], sent)
	}
	body := string(invite.Body())
	e.respond(t, invite, 486)
	if ack := e.next(t); ack.Method() != wire.ACK {
		t.Errorf("no ACK but\n%s", ack.Bytes())
	}
	browser.until("ended")

	uri, _ := wire.ParseNameAddr(contact.Value)
	back := strings.NewReplacer("OPTIONS sip:client@192.0.2.1", "INVITE "+string(uri.URI), " OPTIONS", " INVITE",
		"Content-Length: 0\r\n\r\n", fmt.Sprintf("Contact: <sip:bob@%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", proxy.LocalAddr(), len(body), body),
	).Replace(e.invite(way, "back"))
	e.send(t, back)
	browser.until("got")
	if browser.seen["got"] != sent {
		t.Errorf("the browser got %s, the proxy sent %s", browser.seen["got"], sent)
	}
	t.Logf("%d octets of SDP to and from the browser (octets, SHA-256): %s", len(body), sent)
}
