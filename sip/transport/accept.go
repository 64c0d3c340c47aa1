package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"time"
)

// Pauses of an acceptor that lacks descriptors or memory.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// accept takes connections of one listener until the endpoint stops. Nothing in
// it waits for a peer.
func (e *Endpoint) accept(l *listener) error {
	pause := acceptPauseMin
	for {
		tc, err := l.tcp.AcceptTCP()
		switch {
		case err == nil:
			pause = acceptPauseMin
			e.admit(l, tc)
		case e.stopping.Load():
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
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
func (e *Endpoint) admit(l *listener, tc *net.TCPConn) {
	src := source(tc.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap())
	shakes := l.info.Protocol != TCP
	if cause, ok := e.admission.enter(src, shakes); !ok {
		l.counters.close(cause)
		// Without lingering the peer is reset and costs no TIME_WAIT.
		_ = tc.SetLinger(0)
		_ = tc.Close()
		return
	}
	l.counters.accepted.Add(1)
	c, err := e.newConn(l, l.info.Protocol, tc)
	if err != nil {
		_ = tc.Close()
		e.admission.leave(src)
		if shakes {
			e.admission.shaken()
		}
		return
	}
	c.src = src
	if !e.readers.run(c.open) {
		c.fail(CloseShutdown)
		if shakes {
			e.admission.shaken()
		}
	}
}

// open makes the handshakes of an accepted connection, if its protocol has any,
// and then reads it on a fresh goroutine: the stack a handshake needs is large.
func (c *conn) open() {
	if c.flow.Protocol == TCP {
		c.cut = c.newCutter()
		c.ready.Store(true)
		c.read()
		return
	}
	err := c.handshake()
	c.e.admission.shaken()
	if err != nil {
		c.fail(CloseHandshake)
		c.release()
		return
	}
	c.ready.Store(true)
	if !c.e.readers.run(c.read) {
		c.fail(CloseShutdown)
		c.release()
	}
}

func (c *conn) handshake() error {
	if err := c.limit(time.Now().Add(c.e.cfg.Timeouts.Handshake)); err != nil {
		return err
	}
	if c.flow.Protocol.Secure() {
		c.tls = tls.Server(c.sock, c.l.cfg.TLS)
		c.w = c.tls
		if err := c.tls.HandshakeContext(c.e.serving); err != nil {
			return err
		}
	}
	if c.flow.Protocol.webSocket() {
		if err := c.upgrade(); err != nil {
			return err
		}
	}
	c.cut = c.newCutter()
	return nil
}

// limit sets the deadline of a handshake, unless Serve is ending: then it has
// woken all readers already.
func (c *conn) limit(until time.Time) error {
	if err := c.sock.SetReadDeadline(until); err != nil {
		return err
	}
	if c.e.stopping.Load() {
		return ErrClosed
	}
	return nil
}

func (c *conn) newCutter() cutter {
	if c.flow.Protocol.webSocket() {
		return &wsCutter{limit: c.l.cfg.MaxMessage}
	}
	return newSIPCutter(c.l.cfg.MaxMessage)
}

// keepAlive is TCP's own: rare, for SIP has keep-alives that do more.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 2 * time.Minute, Interval: 30 * time.Second, Count: 4}
}
