//go:build interop

package interop

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestBannedInTheKernel: what an operator bans at an lb is dropped by the
// kernel, as its metrics show, and others are served.
func TestBannedInTheKernel(t *testing.T) {
	nic := vethPair(t)
	p := freePorts(t, 1)
	e := newEdge(t, fmt.Sprintf("    - {name: outside, protocol: udp, addr: 10.83.7.1:%d}", p), "  guard: {xdp: ["+nic.name+"]}")
	to := netip.AddrPortFrom(netip.MustParseAddr("10.83.7.1"), uint16(p))
	served := func(from string) bool {
		t.Helper()
		var c *net.UDPConn
		if err := within(nic.namespace, func() {
			var err error
			if c, err = net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)}, net.UDPAddrFromAddrPort(to)); err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for i := range 5 {
			fmt.Fprintf(c, "OPTIONS sip:%v SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d;rport\r\nMax-Forwards: 0\r\nFrom: <sip:a@b>;tag=1\r\n"+
				"To: <sip:c@d>\r\nCall-ID: %s-%d\r\nCSeq: 1 OPTIONS\r\nUser-Agent: phone\r\nContent-Length: 0\r\n\r\n", to, c.LocalAddr(), i, from, i)
			_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			if n, err := c.Read(make([]byte, 2000)); err == nil && n > 0 {
				return true
			}
		}
		return false
	}
	dropped := func() string {
		return strings.Join(grep(fetch(t, fmt.Sprintf("http://127.0.0.1:%d/metrics", e.adm)), "class5_edge_guard_kernel_dropped"), " ")
	}
	if strings.Contains(e.output(), "does not drop") {
		t.Logf("the kernel refuses, the lb goes on without:\n%s", e.output())
		return
	}
	for _, from := range []string{"10.83.7.2", "10.83.7.3"} {
		if !served(from) {
			t.Fatalf("%s is not served", from)
		}
	}
	if d := dropped(); d != "" {
		t.Errorf("dropped before any ban: %s", d)
	}
	out, err := exec.Command(built.path(t, "cmd/class5ctl"), "lb", "ban", "-admin", fmt.Sprintf("http://127.0.0.1:%d", e.adm), "-ttl", "1h", "10.83.7.2/32").CombinedOutput() //nolint:gosec // built here
	if err != nil {
		t.Fatalf("class5ctl: %v\n%s", err, out)
	}
	eventually(t, 10*time.Second, func() error {
		if served("10.83.7.2") {
			return fmt.Errorf("still served")
		}
		if dropped() == "" {
			return fmt.Errorf("not dropped in the kernel")
		}
		return nil
	})
	t.Log(dropped())
	if !served("10.83.7.3") {
		t.Error("the other one is not served")
	}
}
