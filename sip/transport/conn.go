package transport

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"
)

// conn is one stream connection. Its loop reads it, after a goroutine of its
// own has made the handshakes; any goroutine may write.
type conn struct {
	e    *Endpoint
	l    *listener
	lp   *loop
	id   uint64 // in the loop; 0 before it is registered
	flow Flow
	sock sock
	tls  *tls.Conn // nil without TLS
	cut  cutter

	accepted bool
	vouched  bool        // dialled, and the certificate is the one asked for
	src      netip.Addr  // counted by admission; invalid when none is
	via      *proxied    // nil without PROXY protocol
	keys     []dialKey   // of the pool; guarded by dialPool.mu
	knock    chan string // wakes the handshake; nil afterwards; guarded by loop.mu
	ready    atomic.Bool
	ended    atomic.Int32 // 1 + the first Close reason

	// Guarded by loop.mu:
	timer   timerLink
	armed   time.Duration // when the timer was set
	charged int           // bytes of Limits.StreamMemory

	// Of the loop's goroutine:
	buf      *readBuf
	listed   bool  // waits for its turn
	hup      bool  // there is an end to be read
	progress bool  // a message or keep-alive was whole in this round
	proved   bool  // or in any before
	pings    uint8 // without an answer
}

// newConn makes an open socket a connection with a generation, not yet ready
// and not yet known to its loop.
func (e *Endpoint) newConn(l *listener, p Protocol, fd int, local, remote netip.AddrPort) (*conn, error) {
	lp, err := e.loopFor()
	if err != nil {
		return nil, err
	}
	c := &conn{e: e, l: l, lp: lp, flow: Flow{Protocol: p, Listener: l.index, Local: local, Remote: remote}}
	c.sock.c, c.sock.fd = c, fd
	e.conns.add(c)
	l.counters.open.Add(1)
	return c, nil
}

// begin registers a connection that makes handshakes first.
func (c *conn) begin() error {
	c.knock = make(chan string, 1)
	return c.lp.register(c, timerHandshake)
}

// knocked wakes the handshake, if one is under way. Its caller holds loop.mu.
func (c *conn) knocked() bool {
	if c.knock == nil {
		return false
	}
	select {
	case c.knock <- "":
	default: // it is awake already
	}
	return true
}

// Write writes through TLS if there is any.
func (c *conn) Write(p []byte) (int, error) {
	if c.tls != nil {
		return c.tls.Write(p)
	}
	return c.sock.Write(p)
}

// Read reads in a handshake.
func (c *conn) Read(p []byte) (int, error) {
	if c.tls != nil {
		return c.tls.Read(p)
	}
	return c.sock.Read(p)
}

// fail closes the connection for a reason; the first reason counts.
func (c *conn) fail(cause Close) {
	if !c.ended.CompareAndSwap(0, 1+int32(cause)) {
		return
	}
	c.ready.Store(false)
	c.e.conns.remove(c)
	c.e.dials.forget(c)
	c.l.counters.close(cause)
	if c.accepted {
		c.e.admission.leave(c.src)
	}
	c.sock.shut()
	c.lp.remove(c) // after the socket is shut, for it wakes the handshake
	// Last, so that connections that are not open any more hold nothing.
	c.l.counters.open.Add(-1)
}

// goodbye tells the peer that we close, as far as its protocol has words for it.
func (c *conn) goodbye(reason error) {
	if !c.ready.Load() {
		return
	}
	if b := c.cut.farewell(nil, reason); len(b) > 0 {
		_, _ = c.Write(b)
	}
	if c.tls != nil {
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
	if _, err := c.Write(b); err != nil {
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

// StreamMemory returns how many bytes of Limits.StreamMemory are held.
func (e *Endpoint) StreamMemory() int { return int(e.memory.Load()) }

// charge takes n bytes of Limits.StreamMemory, if there are as many.
func (e *Endpoint) charge(n int) bool {
	if e.memory.Add(int64(n)) > int64(e.limits.Load().StreamMemory) {
		e.memory.Add(-int64(n))
		return false
	}
	return true
}
