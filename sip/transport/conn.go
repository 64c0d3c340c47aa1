package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
)

// conn is one stream connection. One goroutine reads it; any may write.
type conn struct {
	e    *Endpoint
	l    *listener
	flow Flow
	sock *sock
	tls  *tls.Conn // nil without TLS
	w    io.Writer // tls or sock
	cut  cutter

	src   netip.Addr // counted by admission; invalid for a dialled one
	key   dialKey    // of the pool; zero for an accepted one
	ready atomic.Bool
	ended atomic.Int32 // 1 + the first Close reason

	// Of the reading goroutine:
	buf      *readBuf
	readOnce func(fd uintptr) bool
	n        int
	err      error
	first    [1]byte
	partial  bool      // the deadline set is that of an unfinished message
	armed    time.Time // when the deadline was set
}

// newConn makes an open socket a connection with a generation, not yet ready.
func (e *Endpoint) newConn(l *listener, p Protocol, tc *net.TCPConn) (*conn, error) {
	c := &conn{e: e, l: l}
	s, err := newSock(tc, c)
	if err != nil {
		return nil, err
	}
	local := tc.LocalAddr().(*net.TCPAddr).AddrPort()
	remote := tc.RemoteAddr().(*net.TCPAddr).AddrPort()
	c.sock, c.w = s, s
	c.flow = Flow{
		Protocol: p, Listener: l.index,
		Local:  netip.AddrPortFrom(local.Addr().Unmap(), local.Port()),
		Remote: netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()),
	}
	c.readOnce = c.readReady
	e.conns.add(c)
	l.counters.open.Add(1)
	return c, nil
}

// fail closes the connection for a reason; the first reason counts.
func (c *conn) fail(cause Close) {
	if !c.ended.CompareAndSwap(0, 1+int32(cause)) {
		return
	}
	c.retire(cause)
	_ = c.sock.TCPConn.Close()
}

// retire takes the connection out of use before its port can be used again.
func (c *conn) retire(cause Close) {
	c.ready.Store(false)
	c.e.conns.remove(c)
	c.e.dials.forget(c)
	c.l.counters.close(cause)
	c.l.counters.open.Add(-1)
	if c.src.IsValid() {
		c.e.admission.leave(c.src)
	}
}

// goodbye tells the peer that we close, as far as its protocol has words for it.
func (c *conn) goodbye(reason error) {
	if c.cut != nil {
		if b := c.cut.farewell(nil, reason); len(b) > 0 {
			_, _ = c.w.Write(b)
		}
	}
	if c.tls != nil && c.ready.Load() {
		_ = c.tls.CloseWrite()
	}
}

// send writes messages that follow each other, in one piece.
func (c *conn) send(msgs []streamMessage, scratch *[]byte) error {
	b := msgs[0].msg
	if len(msgs) > 1 || c.flow.Protocol.webSocket() {
		b = (*scratch)[:0]
		for _, m := range msgs {
			b = c.cut.frame(b, m.msg)
		}
		*scratch = b
		if cap(b) > scratchKeep {
			*scratch = nil
		}
	}
	bytes := 0
	for _, m := range msgs {
		bytes += len(m.msg)
		if c.e.cfg.Tap != nil {
			c.e.cfg.Tap(Sent, c.flow, m.msg, c.e.cfg.Now())
		}
	}
	if _, err := c.w.Write(b); err != nil {
		return c.refused(len(msgs), err)
	}
	c.l.counters.out(len(msgs), bytes)
	return nil
}

const scratchKeep = 256 << 10

// refused counts messages that could not be written and names the reason.
func (c *conn) refused(messages int, err error) error {
	switch {
	case errors.Is(err, ErrQueueFull):
		c.l.counters.dropped[DropQueueFull].Add(uint64(messages))
		return ErrQueueFull
	default:
		c.l.counters.dropped[DropSend].Add(uint64(messages))
		return ErrFlowGone
	}
}

// readError turns the end of reading into a reason for closing.
func (c *conn) readError(err error) {
	cause := ClosePeer
	if errors.Is(err, os.ErrDeadlineExceeded) {
		switch {
		case c.e.stopping.Load():
			return // Serve says goodbye to all connections itself
		case c.partial:
			cause = ClosePartial
		default:
			cause = CloseIdle
		}
		c.goodbye(nil)
	}
	c.fail(cause)
}
