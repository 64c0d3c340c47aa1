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

// rowLength is how many ports are leased at a time, from lowestRow on and below
// the range from which the system gives ports to clients.
const rowLength, lowestRow, aboveRows = 20, 12000 / 20, 32768 / 20

// Ports are ports in a row that are ours until Release: nobody may have bound
// them yet, or somebody will do so again. Who asks here gets others meanwhile, in
// other processes too: a lease is an abstract socket, which ends with its process.
type Ports struct {
	First uint16
	held  []net.Listener
}

// LeasePorts leases n ports in a row that nobody uses on loopback, UDP nor TCP.
func LeasePorts(n int) (*Ports, error) {
	rows := (n + rowLength - 1) / rowLength
	for range 400 {
		row := lowestRow + rand.IntN(max(aboveRows-lowestRow-rows, 1))
		p := &Ports{First: uint16(row * rowLength)}
		if p.take(row, rows) && free(int(p.First), n) {
			return p, nil
		}
		p.Release()
	}
	return nil, errors.New("target: no free ports")
}

func (p *Ports) take(row, n int) bool {
	for i := row; i < row+n; i++ {
		l, err := net.Listen("unix", fmt.Sprintf("@class5-ports-%d", i)) //nolint:noctx // at once
		if err != nil {
			return false
		}
		p.held = append(p.held, l)
	}
	return true
}

// Release gives the ports back. Nil has none.
func (p *Ports) Release() {
	if p == nil {
		return
	}
	for _, l := range p.held {
		_ = l.Close()
	}
	p.held = nil
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
