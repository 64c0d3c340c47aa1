package ng

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// ServeUDP answers what comes by a socket until ctx is done, then closes it and
// returns nil when its goroutines have ended. What was read by then is answered.
func (s *Server) ServeUDP(ctx context.Context, conn *net.UDPConn) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	defer conn.Close()
	var wg sync.WaitGroup
	errs := make(chan error, s.cfg.Workers)
	for range s.cfg.Workers {
		wg.Go(func() { errs <- s.udpWorker(ctx, conn) })
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return <-errs
}

func (s *Server) udpWorker(ctx context.Context, conn *net.UDPConn) error {
	buf := make([]byte, 65536)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
				return err
			}
			continue // an ICMP error of an earlier reply
		}
		if !s.allowed(from.Addr()) {
			s.stats.refused.Add(1)
			continue
		}
		if reply := s.frame(context.WithoutCancel(ctx), buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port())); reply != nil {
			// A reply that does not fit a datagram can't be sent; the client hears
			// nothing and its operator sees the counter of the socket.
			_, _ = conn.WriteToUDPAddrPort(reply, from)
		}
	}
}

// ServeTCP answers clients that connect, until ctx is done; it returns when all
// its connections are closed. When the listener is closed by somebody else, the
// connections go on. A listener made by crypto/tls serves anybody who
// completes its handshake, so give it client certificates to ask for; others
// serve the clients of Config.Allow.
func (s *Server) ServeTCP(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			var temporary interface{ Temporary() bool }
			if errors.As(err, &temporary) && temporary.Temporary() {
				time.Sleep(10 * time.Millisecond) // out of descriptors: some will be closed
				continue
			}
			cancel()
			return err
		}
		if !s.admit(c) {
			c.Close()
			continue
		}
		wg.Go(func() {
			defer func() { <-s.conns }()
			s.serveConn(ctx, c)
		})
	}
}

// Connections is the number of those of TCP and WebSocket clients.
func (s *Server) Connections() int { return len(s.conns) }

// admit takes a place for a connection.
func (s *Server) admit(c net.Conn) bool {
	_, secure := c.(interface{ HandshakeContext(context.Context) error })
	if secure || s.allowed(addrPort(c.RemoteAddr()).Addr()) {
		select {
		case s.conns <- struct{}{}:
			return true
		default:
		}
	}
	s.stats.refused.Add(1)
	return false
}

func (s *Server) serveConn(ctx context.Context, c net.Conn) {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) }) // what was read is answered
	defer stop()
	from := addrPort(c.RemoteAddr())
	sc := bufio.NewScanner(&deadlineReader{c, ctx, s.cfg.IdleTimeout})
	sc.Buffer(make([]byte, 0, 4096), MaxMessage+maxCookie+2)
	sc.Split(scanFrame)
	for sc.Scan() {
		if len(sc.Bytes()) == 0 {
			continue
		}
		reply := s.frame(context.WithoutCancel(ctx), sc.Bytes(), from)
		if reply == nil {
			continue
		}
		_ = c.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Write(reply); err != nil {
			return
		}
	}
	if errors.Is(sc.Err(), ErrSyntax) || errors.Is(sc.Err(), bufio.ErrTooLong) {
		s.stats.malformed.Add(1)
	}
}

// deadlineReader ends reads of a connection that says nothing for too long, or
// when ctx is done.
type deadlineReader struct {
	net.Conn
	ctx  context.Context
	idle time.Duration
}

func (r *deadlineReader) Read(b []byte) (int, error) {
	if err := r.SetReadDeadline(time.Now().Add(r.idle)); err != nil {
		return 0, err
	}
	if err := r.ctx.Err(); err != nil { // the deadline that came with it was replaced
		return 0, err
	}
	return r.Conn.Read(b)
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
