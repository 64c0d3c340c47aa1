package transport_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// window is how many datagrams a benchmark keeps on their way.
const window = 256

// mirror answers without looking.
type mirror struct{}

func (mirror) ServeSIP(batch []transport.Packet, out *transport.Outbox) {
	for _, p := range batch {
		_ = out.Send(p.Flow, p.Data)
	}
}

// rally sends every datagram back until it has seen enough of them.
type rally struct {
	left int
	done chan struct{}
}

func (r *rally) ServeSIP(batch []transport.Packet, out *transport.Outbox) {
	for _, p := range batch {
		if r.left--; r.left == 0 {
			close(r.done)
		}
		if r.left >= window {
			_ = out.Send(p.Flow, p.Data)
		}
	}
}

// exchange sends b.N datagrams to a server and takes as many answers. Besides
// the time it reports the CPU time of client and server; the client is the same
// for every server.
func exchange(b *testing.B, server netip.AddrPort) {
	r := &rally{left: b.N, done: make(chan struct{})}
	client, stop := serve(b, listeners(on(transport.UDP)), r)
	defer stop()
	flow := transport.Flow{Protocol: transport.UDP, Remote: server}
	msg := []byte(strings.Repeat("x", 600))
	out := client.Outbox()
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime(b)
	for range min(b.N, window) {
		_ = out.Send(flow, msg)
	}
	out.Flush()
	select {
	case <-r.done:
	case <-time.After(time.Minute):
		b.Fatal("datagrams lost")
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkUDPEcho(b *testing.B) {
	b.Run("endpoint", func(b *testing.B) {
		e, _ := serve(b, listeners(on(transport.UDP)), mirror{})
		exchange(b, e.Listener(0).Addr)
	})
	b.Run("naive", func(b *testing.B) {
		s := udpClient(b, "127.0.0.1:0")
		_ = s.SetDeadline(time.Time{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			buf := make([]byte, 65536)
			for {
				n, from, err := s.ReadFromUDPAddrPort(buf)
				if err != nil {
					return
				}
				_, _ = s.WriteToUDPAddrPort(buf[:n], from)
			}
		}()
		exchange(b, addrOf(s))
		_ = s.Close()
		<-done
	})
}

func BenchmarkTCPEcho(b *testing.B) {
	e, _ := serve(b, listeners(on(transport.TCP)), mirror{})
	c := dialTCP(b, e, 0)
	msg := []byte(message("bench", 400))
	buf := make([]byte, len(msg))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(msg); err != nil {
			b.Fatal(err)
		}
		for n := 0; n < len(msg); {
			k, err := c.Read(buf[n:])
			if err != nil {
				b.Fatal(err)
			}
			n += k
		}
	}
}

func BenchmarkSend(b *testing.B) {
	e, _ := serve(b, listeners(on(transport.UDP)), mirror{})
	sink, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // never read: the kernel drops
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close()
	flow := transport.Flow{Protocol: transport.UDP, Remote: addrOf(sink)}
	msg := []byte(message("bench", 400))
	b.Run("single", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = e.Send(flow, msg)
		}
	})
	b.Run("outbox", func(b *testing.B) {
		out := e.Outbox()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_ = out.Send(flow, append(out.Buffer(), msg...))
			if i%32 == 31 {
				out.Flush()
			}
		}
	})
}

// BenchmarkStreams carries requests of many connections at once; one operation
// is a message in and a message out. The client's share is the same for every
// server.
func BenchmarkStreams(b *testing.B) {
	for _, p := range []transport.Protocol{transport.TCP, transport.TLS} {
		b.Run(p.String(), func(b *testing.B) {
			l, client := on(p), &tls.Config{}
			if p.Secure() {
				l, client = secure(b)
			}
			e, _ := serve(b, listeners(l), mirror{})
			const clients, depth = 100, 4
			conns := make([]net.Conn, clients)
			for i := range conns {
				if conns[i] = dialTCP(b, e, 0); p.Secure() {
					client.ServerName = "127.0.0.1"
					conns[i] = tls.Client(conns[i], client)
				}
			}
			msg := []byte(message("bench", 400))
			buf := make([]byte, len(msg))
			round := func() {
				for _, c := range conns {
					for range depth {
						if _, err := c.Write(msg); err != nil {
							b.Fatal(err)
						}
					}
				}
				for _, c := range conns {
					for range depth {
						if _, err := io.ReadFull(c, buf); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
			round()
			b.ReportAllocs()
			b.ResetTimer()
			before := cpuTime(b)
			for i := 0; i < b.N; i += clients * depth {
				round()
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}
