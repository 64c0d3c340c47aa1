//go:build interop

package interop

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/guard"
	"github.com/class5-go/class5/sip/guard/xdp"
)

// TestXDPDropList bans one of two neighbours behind a veth pair and looks at
// what still arrives.
func TestXDPDropList(t *testing.T) {
	nic := vethPair(t)
	udp := nic.listen(t, "10.83.7.1:0")
	other := nic.listen(t, "10.83.7.1:0")
	six := nic.listen(t, "[fd83:7::1]:0")
	list, err := xdp.Open(xdp.Config{Interface: nic.name, Ports: []uint16{portOf(udp), portOf(six)}})
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	if list.Mode() == xdp.Plain {
		if list.Why() == nil {
			t.Error("plain, and does not say why")
		}
		t.Logf("the kernel refuses: %v", list.Why())
		return
	}
	t.Logf("mode %v", list.Mode())
	g, err := guard.New(guard.Config{})
	if err != nil {
		t.Fatal(err)
	}
	const bad, good, bad6, good6 = "10.83.7.2", "10.83.7.3", "fd83:7::2", "fd83:7:0:1::3"
	expect := func(step, from string, to *net.UDPConn, arrives bool) {
		t.Helper()
		if got := nic.send(t, from, to, arrives); got != arrives {
			t.Errorf("%s: from %s to %v: arrived %v, want %v", step, from, to.LocalAddr(), got, arrives)
		}
	}
	for _, from := range []string{bad, good} {
		expect("nothing banned", from, udp, true)
	}
	for _, from := range []string{bad6, good6} {
		expect("nothing banned", from, six, true)
	}
	now := time.Now()
	for _, p := range []string{bad + "/32", bad6 + "/64"} {
		if err := g.Ban(now, netip.MustParsePrefix(p), time.Hour, guard.Manual); err != nil {
			t.Fatal(err)
		}
	}
	if err := list.Sync(g.Bans(now)); err != nil {
		t.Fatal(err)
	}
	expect("banned", bad, udp, false)
	expect("banned", good, udp, true)
	expect("banned", bad, other, true)
	expect("banned", bad6, six, false)
	expect("banned", good6, six, true)
	if n, err := list.Dropped(); err != nil || n < 2 {
		t.Errorf("%d dropped, %v", n, err)
	}
	if err := list.Sync(g.Bans(now.Add(2 * time.Hour))); err != nil {
		t.Fatal(err)
	}
	expect("ban ended", bad, udp, true)
	expect("ban ended", bad6, six, true)
	if err := list.Sync(g.Bans(now)); err != nil {
		t.Fatal(err)
	}
	expect("banned again", bad, udp, false)
	if err := list.Close(); err != nil {
		t.Fatal(err)
	}
	expect("list closed", bad, udp, true)
}

// TestXDPInterfaceBack takes the interface away and makes it anew.
func TestXDPInterfaceBack(t *testing.T) {
	nic := vethPair(t)
	to := nic.listen(t, "10.83.7.1:0")
	list, err := xdp.Open(xdp.Config{Interface: nic.name, Ports: []uint16{portOf(to)}})
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	if list.Mode() == xdp.Plain {
		t.Logf("the kernel refuses: %v", list.Why())
		return
	}
	bans := []guard.Ban{{Prefix: netip.MustParsePrefix("10.83.7.2/32")}}
	sync := func() {
		t.Helper()
		if err := list.Sync(bans); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 2 {
		if sync(); list.Mode() == xdp.Plain || list.Why() != nil {
			t.Fatalf("round %d: mode %v: %v", round, list.Mode(), list.Why())
		}
		if nic.send(t, "10.83.7.2", to, false) {
			t.Errorf("round %d: a banned source is heard", round)
		}
		if !nic.send(t, "10.83.7.3", to, true) {
			t.Errorf("round %d: another source is not heard", round)
		}
		nic.ip(t, "link", "del", nic.name)
		if sync(); list.Mode() != xdp.Plain || !errors.Is(list.Why(), xdp.ErrGone) {
			t.Fatalf("round %d: mode %v without the interface: %v", round, list.Mode(), list.Why())
		}
		nic.up(t)
	}
	if n, err := list.Dropped(); err != nil || n < 2 {
		t.Errorf("%d dropped, %v", n, err)
	}
}

// veth is one end of a pair whose other end is in a network namespace.
type veth struct{ name, namespace string }

func vethPair(t *testing.T) veth {
	t.Helper()
	// A pair of an earlier test may still be going away: names of its own.
	once := time.Now().UnixNano() / 1000 % 1_000_000
	v := veth{fmt.Sprintf("c5x%d", once), fmt.Sprintf("class5-xdp-%d-%d", os.Getpid(), once)}
	v.ip(t, "netns", "add", v.namespace)
	t.Cleanup(func() { v.ip(t, "netns", "del", v.namespace) })
	v.up(t)
	return v
}

// up makes the pair.
func (v veth) up(t *testing.T) {
	t.Helper()
	v.ip(t, "link", "add", v.name, "type", "veth", "peer", "name", "peer", "netns", v.namespace)
	v.ip(t, "addr", "add", "10.83.7.1/24", "dev", v.name)
	v.ip(t, "addr", "add", "fd83:7::1/48", "dev", v.name, "nodad")
	v.ip(t, "link", "set", v.name, "up")
	for _, a := range []string{"10.83.7.2/24", "10.83.7.3/24"} {
		v.ip(t, "-n", v.namespace, "addr", "add", a, "dev", "peer")
	}
	for _, a := range []string{"fd83:7::2/48", "fd83:7:0:1::3/48"} {
		v.ip(t, "-n", v.namespace, "addr", "add", a, "dev", "peer", "nodad")
	}
	v.ip(t, "-n", v.namespace, "link", "set", "peer", "up")
}

func (v veth) ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func (v veth) listen(t *testing.T, addr string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func portOf(c *net.UDPConn) uint16 { return c.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

// send sends datagrams from an address in the namespace and reports whether one
// of them arrived: at once where none shall, for as long as a busy machine may
// take where one shall. Those of an earlier step may still be on their way.
func (v veth) send(t *testing.T, from string, to *net.UDPConn, shall bool) bool {
	t.Helper()
	c := v.dial(t, from, to)
	defer c.Close()
	mark := fmt.Appendf(nil, "%s %d", from, time.Now().UnixNano())
	tries := 6
	if shall {
		tries = 100
	}
	buf := make([]byte, 256)
	for range tries {
		if _, err := c.Write(mark); err != nil {
			t.Fatal(err)
		}
		_ = to.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		for {
			n, err := to.Read(buf)
			if err != nil {
				break
			}
			if bytes.Equal(buf[:n], mark) {
				return true
			}
		}
	}
	return false
}

// dial opens a socket inside the namespace. A socket stays where it was made.
func (v veth) dial(t *testing.T, from string, to *net.UDPConn) (c *net.UDPConn) {
	t.Helper()
	var failed error
	err := within(v.namespace, func() {
		c, failed = net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)}, to.LocalAddr().(*net.UDPAddr))
	})
	if err := errors.Join(err, failed); err != nil {
		t.Fatalf("a socket of %s: %v", from, err)
	}
	return c
}
