package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Pauses of an acceptor that lacks descriptors or memory.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// acceptor is a listening socket that yields bare descriptors.
type acceptor struct {
	file   *os.File
	raw    syscall.RawConn
	fd     int
	remote unix.Sockaddr
	err    error
	once   func(fd uintptr) bool
}

// newAcceptor takes over the socket of l.
func newAcceptor(l *net.TCPListener) (*acceptor, error) {
	defer func() { _ = l.Close() }()
	fd, err := descriptor(l)
	if err != nil {
		return nil, err
	}
	a := &acceptor{file: os.NewFile(uintptr(fd), "listener")}
	if a.raw, err = a.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, a.file.Close())
	}
	a.once = func(fd uintptr) bool {
		a.fd, a.remote, a.err = acceptOnce(int(fd))
		return !errors.Is(a.err, unix.EAGAIN)
	}
	return a, nil
}

// Close ends next.
func (a *acceptor) Close() error { return a.file.Close() }

// next waits for a connection.
func (a *acceptor) next() (fd int, remote netip.AddrPort, err error) {
	if err := a.raw.Read(a.once); err != nil {
		return -1, remote, err
	}
	return a.fd, sockAddrPort(a.remote), a.err
}

// accept takes connections of one listener until the endpoint stops. Nothing in
// it waits for a peer.
func (e *Endpoint) accept(l *listener) error {
	pause := acceptPauseMin
	for {
		fd, remote, err := l.tcp.next()
		switch {
		case err == nil:
			pause = acceptPauseMin
			e.pace(&e.accepts)
			e.admit(l, fd, remote)
		case e.stopping.Load():
			return nil
		case errors.Is(err, os.ErrClosed):
			return err
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
		default:
			// Out of descriptors, mostly. The connection stays in the kernel's
			// queue; asking again at once would spin.
			l.counters.acceptErrors.Add(1)
			if pause == acceptPauseMin {
				e.cfg.Logger.Warn("sip transport: accept", "listener", l.info.Name, "error", err)
			}
			e.sleep(pause)
			pause = min(2*pause, acceptPauseMax)
		}
	}
}

// pace waits until p allows one more.
func (e *Endpoint) pace(p *pacer) {
	for !e.stopping.Load() {
		wait := p.take(e.elapsed())
		if wait == 0 {
			return
		}
		e.sleep(max(wait, time.Millisecond))
	}
}

// sleep waits, but not beyond the end of Serve.
func (e *Endpoint) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-e.serving.Done():
	}
}

// admit starts a connection if the limits allow one more.
func (e *Endpoint) admit(l *listener, fd int, remote netip.AddrPort) {
	proxied := l.proxied(remote.Addr())
	shakes := l.info.Protocol != TCP || proxied
	src := source(remote.Addr())
	if proxied {
		src = netip.Addr{}
	}
	if cause, ok := e.admission.enter(src, shakes, e.elapsed()); !ok {
		l.counters.close(cause)
		// Without lingering the peer is reset and costs no TIME_WAIT.
		_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		_ = unix.Close(fd)
		return
	}
	l.counters.accepted.Add(1)
	c, err := e.newConn(l, l.info.Protocol, fd, l.localOf(fd), remote)
	if err != nil {
		_ = unix.Close(fd)
		e.admission.leave(src)
	} else {
		c.accepted, c.src = true, src
		if shakes {
			e.pace(&e.handshakes)
			err = c.begin()
		} else {
			c.cut = c.newCutter()
			c.ready.Store(true)
			err = e.openTo(c)
		}
	}
	switch {
	case err == nil && (!shakes || e.readers.run(c.open)):
		return
	case c != nil:
		c.fail(CloseShutdown)
	}
	if shakes {
		e.admission.shaken()
	}
}

// openTo lets the loop read a connection without handshakes.
func (e *Endpoint) openTo(c *conn) error {
	kind := timerFirst
	if !c.accepted {
		kind = c.quiet()
	}
	return c.lp.register(c, kind)
}

// localOf is our address of a connection.
func (l *listener) localOf(fd int) netip.AddrPort {
	if !l.info.Addr.Addr().IsUnspecified() {
		return l.info.Addr
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return l.info.Addr
	}
	return sockAddrPort(sa)
}

// open makes the handshakes of an accepted connection, on a goroutine of its
// own, and leaves it to its loop.
func (c *conn) open() {
	cause, err := c.handshake()
	c.e.admission.shaken()
	if err != nil {
		c.fail(cause)
		return
	}
	c.l.counters.handshakes.Add(1)
	c.ready.Store(true)
	c.lp.adopt(c, timerFirst)
}

func (c *conn) handshake() (Close, error) {
	if c.l.proxied(c.flow.Remote.Addr()) {
		if cause, err := c.announced(); err != nil {
			return cause, err
		}
	}
	if c.flow.Protocol.Secure() {
		s := c.l.secrets.Load()
		if s.tickets != nil {
			s.tickets.refresh(c.e.cfg.Now())
		}
		c.tls = tls.Server(&c.sock, s.server)
		if err := c.tls.HandshakeContext(context.Background()); err != nil {
			return CloseHandshake, err
		}
	}
	if c.flow.Protocol.webSocket() {
		if err := c.upgrade(); err != nil {
			return CloseHandshake, err
		}
	}
	c.cut = c.newCutter()
	return 0, nil
}

func (c *conn) newCutter() cutter {
	if c.flow.Protocol.webSocket() {
		return &wsCutter{limit: c.l.cfg.MaxMessage}
	}
	return newSIPCutter(c.l.limits)
}

// keepAlive is TCP's own: rare, for SIP has keep-alives that do more.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 2 * time.Minute, Interval: 30 * time.Second, Count: 4}
}
