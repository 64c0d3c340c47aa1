package transport_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"golang.org/x/sys/unix"
)

// idleConnections is how many connections the memory of one is told from.
const idleConnections = 2000

// BenchmarkIdle reports what an idle connection that has carried a message
// costs the process. The clients are bare descriptors: once a client's TLS
// handshake is made, its state is thrown away.
func BenchmarkIdle(b *testing.B) {
	for _, p := range []transport.Protocol{transport.TCP, transport.TLS, transport.WSS} {
		b.Run(p.String(), func(b *testing.B) {
			l, client := on(p), &tls.Config{}
			if p.Secure() {
				l, client = secure(b)
				l.Protocol = p
			}
			cfg := listeners(l)
			cfg.Limits = transport.Limits{ConnectionsPerSource: idleConnections + 1, HandshakeRatePerSource: -1, HandshakeRate: -1, AcceptRate: -1}
			e, _ := serve(b, cfg, mirror{})
			open := func() int { return idleClient(b, e.Listener(0).Addr, p, client) }
			fds := []int{open()}
			defer func() {
				for _, fd := range fds {
					_ = unix.Close(fd)
				}
			}()
			before := footprint(b)
			for len(fds) <= idleConnections {
				fds = append(fds, open())
			}
			eventually(b, "all open", func() bool { return e.Stats()[0].Open == idleConnections+1 })
			each := float64(footprint(b)-before) / idleConnections
			for b.Loop() {
				runtime.Gosched()
			}
			b.ReportMetric(each, "B/conn")
		})
	}
}

// footprint is the proportional set size of the process after all garbage went
// back to the system.
func footprint(b *testing.B) int {
	b.Helper()
	for range 5 { // stacks shrink by half at each collection
		runtime.GC()
	}
	debug.FreeOSMemory()
	s, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		b.Fatal(err)
	}
	_, s, _ = bytes.Cut(s, []byte("\nPss:"))
	n, err := strconv.Atoi(string(bytes.Fields(s)[0]))
	if err != nil {
		b.Fatal(err)
	}
	return n << 10
}

// idleClient connects, exchanges one message and leaves nothing but the
// descriptor behind.
func idleClient(b *testing.B, to netip.AddrPort, p transport.Protocol, cfg *tls.Config) int {
	b.Helper()
	d := net.Dialer{Timeout: patience}
	nc, err := d.Dial("tcp", to.String())
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	var rw io.ReadWriter = nc
	if p.Secure() {
		cfg = cfg.Clone()
		cfg.ServerName = "127.0.0.1"
		rw = tls.Client(nc, cfg)
	}
	msg := []byte(message("idle", 400))
	if p == transport.WSS {
		_, _ = io.WriteString(rw, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n")
		if _, err := http.ReadResponse(bufio.NewReader(rw), nil); err != nil {
			b.Fatal(err)
		}
		n := len(msg)
		msg = append([]byte{0x81, 0x80 | 126, byte(n >> 8), byte(n), 0, 0, 0, 0}, msg...)
		if _, err := rw.Write(msg); err != nil {
			b.Fatal(err)
		}
		msg = msg[4:]
	} else if _, err := rw.Write(msg); err != nil {
		b.Fatal(err)
	}
	if _, err := io.ReadFull(rw, make([]byte, len(msg))); err != nil {
		b.Fatal(err)
	}
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		b.Fatal(err)
	}
	fd := -1
	_ = raw.Control(func(orig uintptr) { fd, err = unix.FcntlInt(orig, unix.F_DUPFD_CLOEXEC, 0) })
	if err != nil {
		b.Fatal(err)
	}
	return fd
}
