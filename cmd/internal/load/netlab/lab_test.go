package netlab

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

// TestLab: packets cross every link, and nothing else is connected.
func TestLab(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, w := range wires() {
		var ends [2]*net.UDPConn
		for i, p := range w.places {
			err := l.In(p, func() (err error) {
				ends[i], err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(w.addrs[i], 0)))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			defer ends[i].Close()
		}
		to := ends[1].LocalAddr().(*net.UDPAddr).AddrPort()
		if _, err := ends[0].WriteToUDPAddrPort([]byte("through"), to); err != nil {
			t.Fatal(err)
		}
		_ = ends[1].SetReadDeadline(time.Now().Add(5 * time.Second))
		b := make([]byte, 16)
		if n, err := ends[1].Read(b); err != nil || string(b[:n]) != "through" {
			t.Errorf("%s: %q, %v", w.names[0], b[:n], err)
		}
	}
	err = l.In(Callers, func() error {
		c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(Parties()[1], 9)))
		if err == nil {
			c.Close()
		}
		return err
	})
	if err == nil {
		t.Error("callers reach callees past the relay")
	}
}
