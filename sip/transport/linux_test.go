//go:build linux

package transport_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"golang.org/x/sys/unix"
)

// Without descriptors accept pauses; when there are some again, the connection
// that had to wait is served.
func TestAcceptWithoutDescriptors(t *testing.T) {
	e, _ := serve(t, listeners(on(transport.TCP)), newEcho())
	_ = dialTCP(t, e, 0).Close() // everything that opens descriptors once has done so
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	eventually(t, "first connection closed", func() bool { return e.Stats()[0].Open == 0 && e.Stats()[0].Accepted == 1 })
	free, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	few := unix.Rlimit{Cur: uint64(free.Fd()) + 1, Max: old.Max}
	held := []*os.File{free}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	restore := func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &old) }
	defer restore()
	defer func() {
		for _, f := range held {
			_ = f.Close()
		}
	}()
	var c net.Conn
	eventually(t, "accept fails", func() bool {
		// Room for the client's socket alone. What was closed before may become free
		// only now, and is accept's then: it is tried again.
		for {
			f, err := os.Open(os.DevNull)
			if err != nil {
				break
			}
			held = append(held, f)
		}
		before := e.Stats()[0]
		_ = held[0].Close()
		held = held[1:]
		client, err := net.Dial("tcp", e.Listener(0).Addr.String())
		if err != nil { // one that waited was accepted with it
			return false
		}
		t.Cleanup(func() { _ = client.Close() })
		_ = client.SetDeadline(time.Now().Add(patience))
		c = client
		time.Sleep(20 * time.Millisecond)
		after := e.Stats()[0]
		return after.AcceptErrors > before.AcceptErrors && after.Accepted == before.Accepted
	})
	restore()
	_, _ = io.WriteString(c, message("1", 0))
	readN(t, c, message("1", 0))
}

// What the kernel throws away for want of room is counted.
func TestUDPKernelDrops(t *testing.T) {
	enter, leave := make(chan bool, 1), make(chan bool)
	h := transport.HandlerFunc(func([]transport.Packet, *transport.Outbox) {
		select {
		case enter <- true:
			<-leave
		default:
		}
	})
	l := on(transport.UDP)
	l.ReceiveBuffer = 4096
	e, _ := serve(t, listeners(l), h)
	c := udpClient(t, "127.0.0.1:0")
	to := e.Listener(0).Addr
	write(t, c, to, "first")
	<-enter
	for range 200 {
		write(t, c, to, message("flood", 500))
	}
	close(leave)
	eventually(t, "drops counted", func() bool { // they are told with the next datagram
		write(t, c, to, "next")
		s := e.Stats()[0]
		return s.Dropped[transport.DropKernel] > 0 && s.Dropped[transport.DropKernel] < 200
	})
}

// The longest datagram IPv6 can carry, and the shortest, which is a keep-alive.
func TestUDPExtremes(t *testing.T) {
	h := newEcho()
	l := transport.ListenerConfig{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("[::1]:0")}
	e, _ := serve(t, listeners(l), h)
	c := udpClient(t, "[::1]:0")
	write(t, c, e.Listener(0).Addr, "")
	largest := strings.Repeat("x", 65527)
	write(t, c, e.Listener(0).Addr, largest)
	if got := h.next(t); got.data != largest {
		t.Errorf("%d bytes", len(got.data))
	}
	if msg, _ := read(t, c); msg != largest {
		t.Errorf("answer of %d bytes", len(msg))
	}
	flow := transport.Flow{Protocol: transport.UDP, Remote: addrOf(c)}
	if err := e.Send(flow, make([]byte, 65535)); !errors.Is(err, transport.ErrTooLarge) {
		t.Errorf("65,535 bytes: %v", err)
	}
	if s := e.Stats()[0]; s.KeepAlives != 1 || s.Received != 1 {
		t.Errorf("%d keep-alives, %d messages", s.KeepAlives, s.Received)
	}
}
