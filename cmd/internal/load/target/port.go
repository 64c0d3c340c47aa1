package target

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"
)

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// FreePorts returns the first of n ports in a row that nobody uses on loopback,
// UDP nor TCP, below the range from which the system gives ports to clients.
func FreePorts(n int) (uint16, error) {
	for range 200 {
		first := 12000 + rand.IntN(max(32768-12000-n, 1))
		if free(first, n) {
			return uint16(first), nil
		}
	}
	return 0, errors.New("target: no free ports")
}

func free(first, n int) bool {
	for port := first; port < first+n; port++ {
		at := fmt.Sprintf("127.0.0.1:%d", port)
		t, err := net.Listen("tcp", at) //nolint:noctx // closed at once
		if err != nil {
			return false
		}
		_ = t.Close()
		u, err := net.ListenPacket("udp", at) //nolint:noctx // closed at once
		if err != nil {
			return false
		}
		_ = u.Close()
	}
	return true
}

// Answers sends one OPTIONS to a SIP element and waits a moment for an answer
// of any kind.
func Answers(addr netip.AddrPort) error {
	c, err := net.Dial("udp", addr.String()) //nolint:noctx // does not wait
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = fmt.Fprintf(c, "OPTIONS sip:%[1]v SIP/2.0\r\nVia: SIP/2.0/UDP %[2]v;rport;branch=z9hG4bK%[3]x\r\nMax-Forwards: 70\r\n"+
		"From: <sip:probe@%[2]v>;tag=%[3]x\r\nTo: <sip:%[1]v>\r\nCall-ID: %[3]x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		addr, c.LocalAddr(), rand.Uint64())
	if err != nil {
		return err
	}
	if err := c.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 2048))
	return err
}
