package offload

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// world is a caller A, a relay R and a callee B in network namespaces, with
// links A-R (a0, ra) and R-B (rb, b0).
type world struct {
	t       testing.TB
	a, r, b string // namespaces
	dir     string // a BPF file system
	cfg     Config
}

func run(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	needRoot(t)
	w := &world{t: t, a: "offload-a", r: "offload-r", b: "offload-b", dir: t.TempDir()}
	for _, ns := range []string{w.a, w.r, w.b} {
		_ = exec.Command("ip", "netns", "del", ns).Run() // of a test that was killed
		run(t, "ip", "netns", "add", ns)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
		run(t, "ip", "-n", ns, "link", "set", "lo", "up")
	}
	run(t, "ip", "link", "add", "ra", "netns", w.r, "type", "veth", "peer", "name", "a0", "netns", w.a)
	run(t, "ip", "link", "add", "rb", "netns", w.r, "type", "veth", "peer", "name", "b0", "netns", w.b)
	w.addresses([][3]string{{w.a, "a0", "10.9.1.1"}, {w.r, "ra", "10.9.1.2"}, {w.r, "rb", "10.9.2.2"}, {w.b, "b0", "10.9.2.1"}})
	if err := unix.Mount("bpf", w.dir, "bpf", 0, ""); err != nil {
		t.Fatalf("mounting a BPF file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(w.dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	w.cfg = Config{Interfaces: []string{"ra", "rb"}, Dir: w.dir, Instance: "test", Flows: 256}
	return w
}

// addresses gives interfaces of namespaces an address of each family, and
// waits until they are up.
func (w *world) addresses(ends [][3]string) {
	for _, e := range ends {
		ns, dev := e[0], e[1]
		v6 := "fd09:" + strings.ReplaceAll(strings.TrimPrefix(e[2], "10.9."), ".", "::")
		run(w.t, "ip", "-n", ns, "addr", "add", e[2]+"/24", "dev", dev)
		run(w.t, "ip", "-n", ns, "addr", "add", v6+"/64", "nodad", "dev", dev)
		run(w.t, "ip", "-n", ns, "link", "set", dev, "up")
	}
	for _, e := range ends {
		for until := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			out, err := exec.Command("ip", "-n", e[0], "link", "show", "dev", e[1]).Output()
			if err == nil && strings.Contains(string(out), "state UP") {
				break
			}
			if time.Now().After(until) {
				w.t.Fatalf("%s stays down: %s, %v", e[1], out, err)
			}
		}
	}
}

// at is a.b of the tests' networks, as IPv4 or IPv6, with a port.
func at(v6 bool, net, host int, port uint16) netip.AddrPort {
	s := fmt.Sprintf("10.9.%d.%d", net, host)
	if v6 {
		s = fmt.Sprintf("fd09:%d::%d", net, host)
	}
	return netip.AddrPortFrom(netip.MustParseAddr(s), port)
}

// in runs f with its thread in a namespace.
func in(t testing.TB, ns string, f func()) {
	t.Helper()
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	there, err := os.Open(filepath.Join("/run/netns", ns))
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	f()
	if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
		t.Fatal(err) // and the thread stays locked, so that nobody else gets it
	}
	runtime.UnlockOSThread()
}

// open opens the offloader in R.
func (w *world) open() *Kernel {
	w.t.Helper()
	k, err := w.tryOpen()
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { k.Close() })
	return k
}

func (w *world) tryOpen() (k *Kernel, err error) {
	in(w.t, w.r, func() { k, err = Open(w.cfg) })
	return k, err
}

// socket is a UDP socket in a namespace.
func (w *world) socket(ns string, local netip.AddrPort) *net.UDPConn {
	w.t.Helper()
	var c *net.UDPConn
	in(w.t, ns, func() {
		var err error
		if c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(local)); err != nil {
			w.t.Fatal(err)
		}
	})
	w.t.Cleanup(func() { c.Close() })
	return c
}

// option sets a socket option.
func option(t testing.TB, c *net.UDPConn, level, name, value int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, name, value) }); e != nil || err != nil {
		t.Fatal(e, err)
	}
}

func send(t testing.TB, c *net.UDPConn, to netip.AddrPort, b []byte) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort(b, to); err != nil {
		t.Fatal(err)
	}
}

// plainChecksums makes an interface send packets with complete checksums
// instead of leaving them to the device.
func (w *world) plainChecksums(ns, nic string) {
	in(w.t, ns, func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			w.t.Fatal(err)
		}
		defer unix.Close(fd)
		value := struct{ cmd, data uint32 }{unix.ETHTOOL_STXCSUM, 0}
		req := struct {
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			_    [16]byte
		}{data: unsafe.Pointer(&value)}
		copy(req.name[:], nic)
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req))); e != 0 {
			w.t.Fatal(e)
		}
	})
}

// sent is what B sees of a packet.
type sent struct {
	from, to   netip.AddrPort
	tos, hops  byte
	sum, noSum bool // the checksum is right, is not there
	payload    string
	fragment   bool
	ipSum      bool
}

// tap captures the packets that come to an interface.
type tap struct {
	t    testing.TB
	file *os.File
}

func (w *world) tap(ns, nic string) *tap {
	w.t.Helper()
	var fd int
	in(w.t, ns, func() {
		i, err := net.InterfaceByName(nic)
		if err != nil {
			w.t.Fatal(err)
		}
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			w.t.Fatal(err)
		}
		if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20); err != nil {
			w.t.Fatal(err)
		}
		all := int(swap16(unix.ETH_P_ALL))
		if err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: i.Index}); err != nil {
			w.t.Fatal(err)
		}
	})
	p := &tap{w.t, os.NewFile(uintptr(fd), "tap")}
	w.t.Cleanup(func() { p.file.Close() })
	return p
}

// next returns the next UDP packet to a port, or false when none came in time.
func (p *tap) next(port uint16, wait time.Duration) (sent, bool) {
	b := make([]byte, 65536)
	if err := p.file.SetReadDeadline(time.Now().Add(wait)); err != nil {
		p.t.Fatal(err)
	}
	for {
		n, err := p.file.Read(b)
		if err != nil {
			return sent{}, false
		}
		if s, ok := dissect(b[:n]); ok && s.to.Port() == port {
			return s, true
		}
	}
}

// collect returns n packets to a port and what comes within a moment behind.
func (p *tap) collect(port uint16, n int) (list []sent) {
	for {
		wait := 5 * time.Second
		if len(list) >= n {
			wait = 100 * time.Millisecond
		}
		s, ok := p.next(port, wait)
		if !ok {
			return list
		}
		list = append(list, s)
	}
}

func dissect(b []byte) (s sent, ok bool) {
	if len(b) < 14+20+8 {
		return s, false
	}
	var udp []byte
	var from, to netip.Addr
	switch ip := b[14:]; {
	case b[12] == 8 && b[13] == 0 && ip[9] == 17 && ip[0] == 0x45:
		udp = ip[20 : int(ip[2])<<8|int(ip[3])]
		s.tos, s.hops, s.ipSum = ip[1], ip[8], sum(0, ip[:20]) == 0xffff
		s.fragment = ip[6]&0x3f|ip[7] != 0
		from, to = netip.AddrFrom4([4]byte(ip[12:])), netip.AddrFrom4([4]byte(ip[16:]))
	case b[12] == 0x86 && b[13] == 0xdd && len(ip) >= 48 && ip[6] == 17:
		udp = ip[40 : 40+(int(ip[4])<<8|int(ip[5]))]
		s.tos, s.hops, s.ipSum = ip[0]<<4|ip[1]>>4, ip[7], true
		from, to = netip.AddrFrom16([16]byte(ip[8:])), netip.AddrFrom16([16]byte(ip[24:]))
	default:
		return s, false
	}
	s.from = netip.AddrPortFrom(from, uint16(udp[0])<<8|uint16(udp[1]))
	s.to = netip.AddrPortFrom(to, uint16(udp[2])<<8|uint16(udp[3]))
	s.noSum = udp[6]|udp[7] == 0
	s.sum = sum(pseudo(from, to, len(udp)), udp) == 0xffff
	s.payload = string(udp[8:])
	return s, true
}
