package offload

import (
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// ways are where a packet can come out.
type ways struct {
	w      *world
	f      Flow
	a, up  *net.UDPConn
	tap    *tap
	number uint16
}

func (w *world) ways(v6 bool) *ways {
	f := flowAB(v6)
	w.socket(w.b, f.To) // or ICMP tells A to stop
	return &ways{w: w, f: f, a: w.socket(w.a, f.Source), up: w.socket(w.r, f.Local), tap: w.tap(w.b, "b0")}
}

// until sends packets until one is forwarded, or one comes up.
func (y *ways) until(forwarded bool) {
	t := y.w.t
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		y.number++
		send(t, y.a, y.f.Local, rtp{pt: 8, seq: y.number}.packet(20))
		if forwarded {
			if _, ok := y.tap.next(toPort, 300*time.Millisecond); ok {
				return
			}
			continue
		}
		if err := y.up.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := y.up.ReadFromUDPAddrPort(make([]byte, 100)); err == nil {
			return
		}
	}
	t.Fatalf("no packet, forwarded: %v", forwarded)
}

// TestRoutes takes the route away and gives it back, on a router and on a host
// that is none.
func TestRoutes(t *testing.T) {
	for _, router := range []bool{true, false} {
		for _, v6 := range []bool{false, true} {
			w := newWorld(t)
			if router {
				for _, family := range []string{"ipv4", "ipv6"} {
					run(t, "ip", "netns", "exec", w.r, "sh", "-c", "echo 1 >/proc/sys/net/"+family+"/conf/all/forwarding")
				}
			}
			k := w.open()
			f := flowAB(v6)
			if err := k.Install(f); err != nil {
				t.Fatal(err)
			}
			renew := func() {
				if router {
					return
				}
				if err := k.Renew(); err != nil {
					t.Fatal(err)
				}
			}
			y := w.ways(v6)
			y.until(true)
			host := f.To.Addr().String() + map[bool]string{false: "/32", true: "/128"}[v6]
			run(t, "ip", "-n", w.r, "route", "add", "blackhole", host, "metric", "1")
			renew()
			y.until(false)
			if err := k.Install(f); err == nil {
				t.Error("installed without a route")
			}
			run(t, "ip", "-n", w.r, "route", "del", "blackhole", host, "metric", "1")
			renew()
			y.until(true)
			s, err := k.Remove(f.Local)
			if err != nil || s.Up[UpRoute] == 0 || s.Forwarded.Packets < 2 {
				t.Errorf("%+v, %v", s, err)
			}
			k.Close()
		}
	}
}

// TestSize sends what does not fit the next link.
func TestSize(t *testing.T) {
	w := newWorld(t)
	run(t, "ip", "-n", w.r, "link", "set", "rb", "mtu", "1400")
	k := w.open()
	f := flowAB(false)
	if err := k.Install(f); err != nil {
		t.Fatal(err)
	}
	a, up := w.socket(w.a, f.Source), w.socket(w.r, f.Local)
	w.socket(w.b, f.To)
	tap := w.tap(w.b, "b0")
	const header = 20 + 8 + 12
	send(t, a, f.Local, rtp{pt: 8, seq: 1}.packet(1400-header))
	send(t, a, f.Local, rtp{pt: 8, seq: 2}.packet(1401-header))
	if got := tap.collect(toPort, 1); len(got) != 1 || len(got[0].payload) != 1372 {
		t.Errorf("%d packets", len(got))
	}
	b := make([]byte, 2000)
	if err := up.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := up.ReadFromUDPAddrPort(b); err != nil || n != 1373 {
		t.Errorf("%d octets came up, %v", n, err)
	}
	if s, err := k.Remove(f.Local); err != nil || s.Up[UpSize] != 1 || s.Received.Packets != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestDevices runs the flow over other kinds of interfaces, where the kernel
// has them; a name with a dot is a file's name without.
func TestDevices(t *testing.T) {
	for _, c := range []struct{ name, a, r string }{
		{"renamed", "a.5", "r.5"},
		{"vlan", "a.5", "r.5"},
		{"bond", "abond", "rbond"},
		{"bridge", "abridge", "rbridge"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for _, e := range [][3]string{{w.a, "a0", c.a}, {w.r, "ra", c.r}} {
				ns, lower, upper := e[0], e[1], e[2]
				ip := func(args ...string) { run(t, append([]string{"ip", "-n", ns}, args...)...) }
				ip("addr", "flush", "dev", lower)
				switch c.name {
				case "renamed":
					ip("link", "set", lower, "down")
					ip("link", "set", lower, "name", upper)
					continue
				case "vlan":
					if !w.add("ip", "-n", ns, "link", "add", "link", lower, "name", upper, "type", "vlan", "id", "5") {
						t.Skip("this kernel has no VLANs (CONFIG_VLAN_8021Q)")
					}
					continue
				case "bond":
					if !w.add("ip", "-n", ns, "link", "add", upper, "type", "bond", "mode", "active-backup", "miimon", "50") {
						t.Skip("this kernel has no bonds (CONFIG_BONDING)")
					}
					ip("link", "set", lower, "down")
				case "bridge":
					if !w.add("ip", "-n", ns, "link", "add", upper, "type", "bridge") {
						t.Skip("this kernel has no bridges (CONFIG_BRIDGE)")
					}
				}
				ip("link", "set", lower, "master", upper)
			}
			w.addresses([][3]string{{w.a, c.a, "10.9.1.1"}, {w.r, c.r, "10.9.1.2"}})
			w.cfg.Interfaces = []string{c.r}
			k := w.open()
			f := flowAB(false)
			if err := k.Install(f); err != nil {
				t.Fatal(err)
			}
			w.ways(false).until(true)
			k.Close()
			if k = w.open(); k.Hook(c.r) == HookAny {
				t.Error("not attached")
			}
			if s, err := k.Remove(f.Local); err != nil || s.Forwarded.Packets == 0 {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

// add makes a device, or tells that the kernel does not know its type.
func (w *world) add(args ...string) bool {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "Unknown device type") && !strings.Contains(string(out), "not supported") {
		w.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return err == nil
}
