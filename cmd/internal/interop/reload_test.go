//go:build interop

package interop

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/cmd/internal/load/sipgen"
	"github.com/class5-go/class5/cmd/internal/load/target"
	"github.com/class5-go/class5/sip/transport"
)

// rewrite changes a file of the edge's configuration; it counts after reload.
func (u *underLoad) rewrite(t *testing.T, name string, change func(string) string) {
	t.Helper()
	file := filepath.Join(u.dir, name)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(change(string(b))), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (u *underLoad) reload(t *testing.T) {
	t.Helper()
	said := func() int { return strings.Count(u.Output(), "reloaded") } // or that it did not
	before := said()
	if err := syscall.Kill(u.PID(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error {
		if said() == before {
			return fmt.Errorf("not reloaded\n%s", u.Output())
		}
		return nil
	})
}

// harmless checks that nothing of a load was lost or wrong.
func harmless(t *testing.T, name string, r sipgen.Result) {
	t.Helper()
	t.Logf("%s: %d done, %d failed, %d lost %v", name, r.Done, r.Failed, r.Lost, r.Reasons)
	if r.Failed+r.Lost > 0 || r.Done < 100 {
		t.Errorf("%s: %d done, %d failed, %d lost", name, r.Done, r.Failed, r.Lost)
	}
}

// TestReloadInTraffic: keys are rotated twice, so that the first is gone in the
// end, and the certificate is replaced, while datagrams and TLS connections
// carry requests.
func TestReloadInTraffic(t *testing.T) {
	u := newUnderLoad(t, target.Edge{Stream: transport.TLS},
		sipgen.Config{Lanes: 2, Window: 4096, Rate: 300},
		sipgen.Config{Lanes: 2, Window: 20, Streams: &sipgen.Streams{Protocol: transport.TLS, Conns: 40}})
	first := serial(t, u.Stream)
	time.Sleep(time.Second)
	key := func(id int) string { return fmt.Sprintf("%d %s\n", id, strings.Repeat(strconv.Itoa(id), 64)) }
	var old string
	for id := 2; id <= 4; id++ {
		if id > 2 {
			time.Sleep(2 * time.Second) // for calls under way to end before their key goes
		}
		u.rewrite(t, "edge.key", func(now string) string {
			if id == 2 {
				now = "1 " + strings.TrimSpace(now) + "\n"
			}
			old, _, _ = strings.Cut(now, "\n")
			return key(id) + old + "\n" // the last active key stays for what is under way
		})
		if err := target.Certificate(u.dir, "edge.test"); err != nil {
			t.Fatal(err)
		}
		u.reload(t)
		now := serial(t, u.Stream)
		if now == first {
			t.Errorf("reload %d: the certificate is the old one\n%s", id, u.Output())
		}
		first = now
	}
	// A configuration with a mistake changes nothing.
	u.rewrite(t, "lb.yaml", func(s string) string { return s + "  nonsense: 1\n" })
	u.reload(t)
	for i, r := range u.done(t) {
		harmless(t, []string{"UDP", "TLS"}[i], r)
	}
	if !strings.Contains(u.Output(), "nonsense") {
		t.Errorf("the mistake was not told:\n%s", u.Output())
	}
}

// serial is the number of the certificate that a new connection gets.
func serial(t *testing.T, addr netip.AddrPort) string {
	t.Helper()
	c, err := tls.Dial("tcp", addr.String(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the certificate is of the test itself
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// TestDrainAndJoin: while 500 calls and registrations a second go on, a proxy is
// drained and another one joins. Nothing is lost, the first gets nothing new,
// the new one its share.
func TestDrainAndJoin(t *testing.T) {
	u := newUnderLoad(t, target.Edge{}, sipgen.Config{Lanes: 4, Window: 4096, Rate: 500})
	_, more, stop, err := sipgen.ServeProxies(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stop() }()
	time.Sleep(2 * time.Second)

	ctl := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(built.path(t, "cmd/class5ctl"), append([]string{"lb", args[0], "-admin", "http://" + u.Admin.String()}, args[1:]...)...).CombinedOutput() //nolint:gosec // built here
		if err != nil {
			t.Fatalf("class5ctl: %v\n%s", err, out)
		}
		return string(out)
	}
	ctl("drain", u.addrs[0].String())
	time.Sleep(300 * time.Millisecond)
	drained := u.fresh(t, u.addrs[0])
	time.Sleep(2 * time.Second)
	if now := u.fresh(t, u.addrs[0]); now != drained {
		t.Errorf("a drained proxy got %.0f new requests", now-drained)
	}
	u.rewrite(t, "lb.yaml", func(s string) string {
		return strings.Replace(s, "proxies: [", "proxies: ["+more[0].String()+", ", 1)
	})
	u.reload(t)
	time.Sleep(3 * time.Second) // health and slow start
	joined, other := u.fresh(t, more[0]), u.fresh(t, u.addrs[1])
	time.Sleep(3 * time.Second)
	joined, other = u.fresh(t, more[0])-joined, u.fresh(t, u.addrs[1])-other
	t.Logf("after the drain and the join the new proxy gets %.0f requests, the other %.0f\n%s", joined, other, ctl("targets"))
	if share := joined / (joined + other); share < 0.45 || share > 0.55 {
		t.Errorf("the new one of two proxies gets %.2f", share)
	}
	harmless(t, "UDP", u.done(t)[0])
}

// fresh is the number of requests outside of dialogs that a proxy got.
func (u *underLoad) fresh(t *testing.T, proxy netip.AddrPort) (n float64) {
	t.Helper()
	for _, line := range grep(fetch(t, "http://"+u.Admin.String()+"/metrics"), "class5_edge_overload_requests_total") {
		if !strings.Contains(line, proxy.String()) || strings.Contains(line, `class="dialog"`) {
			continue
		}
		f := strings.Fields(line)
		v, err := strconv.ParseFloat(f[len(f)-1], 64)
		if err != nil {
			t.Fatal(err)
		}
		n += v
	}
	return n
}
