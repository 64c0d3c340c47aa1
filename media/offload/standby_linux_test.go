package offload

import (
	"net/netip"
	"os/exec"
	"testing"
	"time"
)

// TestStandby moves an address to a node that has had its flows all along:
// A and R1, R2 are on one network, B is behind a network of its own. What A
// sends is forwarded by whoever has the address, from the first packet on.
func TestStandby(t *testing.T) {
	needRoot(t)
	w := newWorld(t) // A and B; R is the active node
	const second = "offload-s"
	_ = exec.Command("ip", "netns", "del", second).Run()
	run(t, "ip", "netns", "add", second)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", second).Run() })
	// A and B get a second interface each, bridged with the first: two networks
	// with three nodes.
	for _, l := range [][3]string{{w.a, "a", "sa"}, {w.b, "b", "sb"}} {
		ns, side, far := l[0], l[1], l[2]
		run(t, "ip", "link", "add", far, "netns", second, "type", "veth", "peer", "name", side+"1", "netns", ns)
		run(t, "ip", "-n", ns, "addr", "flush", "dev", side+"0")
		run(t, "ip", "-n", ns, "link", "add", "name", "br0", "type", "bridge")
		run(t, "ip", "-n", ns, "link", "set", side+"0", "master", "br0")
		run(t, "ip", "-n", ns, "link", "set", side+"1", "master", "br0", "up")
	}
	w.addresses([][3]string{{w.a, "br0", "10.9.1.1"}, {second, "sa", "10.9.1.3"}, {second, "sb", "10.9.2.3"}, {w.b, "br0", "10.9.2.1"}})
	vip := netip.MustParseAddr("10.9.1.100")
	run(t, "ip", "-n", w.r, "addr", "add", vip.String()+"/24", "dev", "ra")

	f := flowAB(false)
	f.Local = netip.AddrPortFrom(vip, mediaPort)
	f.From = netip.AddrPortFrom(netip.MustParseAddr("10.9.2.100"), fromPort) // of neither node: nor need it be
	active := w.open()
	s := *w
	s.r = second
	s.cfg.Interfaces, s.cfg.Instance = []string{"sa", "sb"}, "standby"
	standby := s.open()
	for _, k := range []*Kernel{active, standby} {
		if err := k.Install(f); err != nil {
			t.Fatal(err)
		}
	}

	const n, move = 400, 200
	a, tap := w.socket(w.a, f.Source), w.tap(w.b, "br0")
	w.socket(w.b, f.To)
	for i := range n {
		if i == move {
			// As announced by the standby; the active one still forwards.
			run(t, "ip", "-n", second, "addr", "add", vip.String()+"/24", "dev", "sa")
			mac := hardware(t, second, "sa")
			run(t, "ip", "-n", w.a, "neigh", "replace", vip.String(), "lladdr", mac, "dev", "br0", "nud", "reachable")
			run(t, "ip", "-n", w.r, "addr", "del", vip.String()+"/24", "dev", "ra")
		}
		b := rtp{pt: 8, seq: uint16(i), ts: uint32(i) * 160, ssrc: 1}.packet(160)
		b[12], b[13], b[14], b[15] = 0, 0, byte(i>>8), byte(i)
		send(t, a, f.Local, b)
		time.Sleep(time.Millisecond)
	}
	w.once(tap.collect(toPort, n), n)
	st, err := active.Remove(f.Local)
	if err != nil || st.Forwarded.Packets != move {
		t.Errorf("active: %+v, %v", st, err)
	}
	st, err = standby.Remove(f.Local)
	if err != nil || st.Forwarded.Packets != n-move || st.Lost != 0 {
		t.Errorf("standby: %+v, %v", st, err)
	}
}

// hardware is the address of an interface.
func hardware(t *testing.T, ns, nic string) string {
	t.Helper()
	out, err := exec.Command("ip", "netns", "exec", ns, "cat", "/sys/class/net/"+nic+"/address").Output()
	if err != nil || len(out) < 17 {
		t.Fatal(err, string(out))
	}
	return string(out[:17])
}
