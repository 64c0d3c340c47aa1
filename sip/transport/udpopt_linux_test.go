//go:build linux

package transport_test

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"golang.org/x/sys/unix"
)

func TestFreeBind(t *testing.T) {
	for _, addr := range []string{"192.0.2.77:0", "[2001:db8::77]:0"} {
		for _, p := range []transport.Protocol{transport.UDP, transport.TCP} {
			l := transport.ListenerConfig{Protocol: p, Addr: netip.MustParseAddrPort(addr)}
			if e, err := transport.Listen(t.Context(), listeners(l)); err == nil {
				t.Errorf("%s %s: bound without FreeBind", p, addr)
				_ = e.Close()
			}
			l.FreeBind = true
			e, err := transport.Listen(t.Context(), listeners(l))
			if err != nil {
				t.Errorf("%s %s: %v", p, addr, err)
				continue
			}
			_ = e.Close()
		}
	}
}

func TestDSCP(t *testing.T) {
	for addr, option := range map[string][2]int{
		"127.0.0.1:0": {unix.IPPROTO_IP, unix.IP_RECVTOS},
		"[::1]:0":     {unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS},
	} {
		l := transport.ListenerConfig{Protocol: transport.UDP, Addr: netip.MustParseAddrPort(addr), DSCP: 24}
		e, _ := serve(t, listeners(l), newEcho())
		c := udpClient(t, addr)
		raw, err := c.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		_ = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), option[0], option[1], 1) })
		if err != nil {
			t.Fatal(err)
		}
		write(t, c, e.Listener(0).Addr, "hello")
		oob := make([]byte, 128)
		_, n, _, _, err := c.ReadMsgUDPAddrPort(make([]byte, 100), oob)
		if err != nil {
			t.Fatal(err)
		}
		all, err := unix.ParseSocketControlMessage(oob[:n])
		if err != nil || len(all) != 1 || len(all[0].Data) == 0 || all[0].Data[0] != 24<<2 {
			t.Errorf("%s: %v %v, want traffic class %d", addr, all, err, 24<<2)
		}
	}
	l := on(transport.UDP)
	l.DSCP = 64
	if _, err := transport.Listen(t.Context(), listeners(l)); err == nil {
		t.Error("DSCP 64 taken")
	}
}

// Several endpoints, as in several processes, serve one address when all of
// them want to; one that does not is refused.
func TestShare(t *testing.T) {
	l := on(transport.UDP)
	l.Share = true
	seen := make(chan int, 256)
	handler := func(i int) transport.Handler {
		return transport.HandlerFunc(func(batch []transport.Packet, _ *transport.Outbox) {
			for range batch {
				seen <- i
			}
		})
	}
	first, _ := serve(t, listeners(l), handler(0))
	l.Addr = first.Listener(0).Addr
	serve(t, listeners(l), handler(1))
	alone := l
	alone.Share = false
	if _, err := transport.Listen(t.Context(), listeners(alone)); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("one that does not share: %v", err)
	}
	const sources = 64
	for range sources {
		write(t, udpClient(t, "127.0.0.1:0"), l.Addr, "x")
	}
	var got [2]int
	for range sources {
		got[<-seen]++
	}
	if got[0] == 0 || got[1] == 0 {
		t.Errorf("%d and %d datagrams", got[0], got[1])
	}
}

// Where nobody listens is reported; datagrams to others, before it and behind
// it, arrive.
func TestUnreachable(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		type report struct {
			listener uint8
			remote   netip.AddrPort
		}
		reports := make(chan report, 64)
		inside := transport.ListenerConfig{Protocol: transport.UDP, Addr: netip.MustParseAddrPort(addr), Internal: true}
		cfg := listeners(on(transport.TCP), inside, on(transport.UDP))
		cfg.Unreachable = func(l uint8, to netip.AddrPort) { reports <- report{l, to} }
		e, _ := serve(t, cfg, newEcho())
		good, gone := udpClient(t, addr), udpClient(t, addr)
		nobody := addrOf(gone)
		_ = gone.Close()
		out := e.Outbox()
		for _, to := range []netip.AddrPort{nobody, addrOf(good), nobody, addrOf(good), addrOf(good)} {
			_ = out.Send(transport.Flow{Protocol: transport.UDP, Listener: 1, Remote: to}, append(out.Buffer(), "x"...))
		}
		out.Flush()
		for range 3 {
			read(t, good)
		}
		for range 2 {
			select {
			case r := <-reports:
				if r != (report{1, nobody}) {
					t.Errorf("report %+v, want %s", r, nobody)
				}
			case <-time.After(patience):
				t.Fatal("no report")
			}
		}
		// An answer works after all that.
		write(t, good, e.Listener(1).Addr, "still there")
		if msg, _ := read(t, good); msg != "still there" {
			t.Errorf("answer %q", msg)
		}
		if n := e.Stats()[1].Dropped[transport.DropSend]; n != 0 {
			t.Errorf("%d dropped", n)
		}
	}
}
