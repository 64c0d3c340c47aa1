package transport

import (
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// streamBatch is the most messages of a connection handed over at once.
const streamBatch = 32

// streamWork is what a connection needs only while it has something to do.
type streamWork struct {
	out   *Outbox
	batch []Packet
	reply []byte
}

func (e *Endpoint) newStreamWork() any {
	return &streamWork{out: e.Outbox(), batch: make([]Packet, 0, streamBatch)}
}

// read carries the connection from its handshake to its end.
func (c *conn) read() {
	defer c.release()
	if c.src.IsValid() { // a stranger: what it wants, it must say soon
		c.wake(time.Now().Add(c.e.cfg.Timeouts.First))
	} else {
		c.arm(false, true)
	}
	for !c.e.stopping.Load() {
		if err := c.fill(); err != nil {
			c.readError(err)
			return
		}
		if !c.drain() {
			return
		}
	}
}

func (c *conn) release() {
	if c.buf != nil {
		c.e.bufs.put(c.buf)
		c.buf = nil
	}
}

// bufClass is the size to begin with: WebSockets are single clients, the others
// may be trunks, and a read that ends within a message costs a copy.
func (c *conn) bufClass() int {
	if c.flow.Protocol.webSocket() {
		return 0
	}
	return 1
}

// fill waits for bytes and adds them to the buffer. While it waits for the
// first bytes of a message no buffer is held.
func (c *conn) fill() error {
	if c.buf != nil && len(c.buf.space()) == 0 {
		c.buf = c.e.bufs.grow(c.buf)
	}
	if c.tls != nil {
		return c.fillTLS()
	}
	if err := c.sock.raw.Read(c.readOnce); err != nil {
		return err
	}
	switch {
	case c.err != nil:
		return c.err
	case c.n == 0:
		return io.EOF
	}
	c.buf.w += c.n
	return nil
}

// readReady is called when the socket may have bytes; false waits again.
func (c *conn) readReady(fd uintptr) bool {
	if c.buf == nil {
		c.buf = c.e.bufs.get(c.bufClass())
	}
	for {
		c.n, c.err = unix.Read(int(fd), c.buf.space())
		switch {
		case errors.Is(c.err, unix.EINTR):
			continue
		case errors.Is(c.err, unix.EAGAIN):
			if c.buf.w == 0 {
				c.release()
			}
			return false
		}
		return true
	}
}

// fillTLS waits with a single byte, for TLS needs a place to decrypt to. One
// byte completes no message that it begins, so it may wait for the second one.
func (c *conn) fillTLS() error {
	switch {
	case c.buf != nil:
	case c.cut.pending():
		c.buf = c.e.bufs.get(c.bufClass())
	default:
		n, err := c.tls.Read(c.first[:])
		if n == 0 {
			return orEOF(err)
		}
		c.buf = c.e.bufs.get(c.bufClass())
		c.buf.b[0] = c.first[0]
		c.buf.w = 1
		c.arm(true, true)
	}
	n, err := c.tls.Read(c.buf.space())
	c.buf.w += n
	if n == 0 {
		return orEOF(err)
	}
	return nil
}

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// drain hands over all complete messages in the buffer and keeps the rest. It
// reports whether the connection goes on.
func (c *conn) drain() bool {
	w := c.e.work.Get().(*streamWork)
	w.batch, w.reply = w.batch[:0], w.reply[:0]
	progress, more := false, true
	var err error
	for more && err == nil && c.buf.r < c.buf.w {
		var u unit
		u, w.reply, err = c.cut.next(c.buf.bytes(), w.reply)
		c.buf.r += u.size
		more = u.kind != unitMore
		switch u.kind {
		case unitMessage:
			progress = true
			c.take(w, u)
		case unitPing:
			c.l.counters.keepAlives.Add(1)
		case unitClose:
			err = io.EOF
		}
	}
	if b := c.cut.refused(); err != nil && len(b) > 0 {
		w.batch = append(w.batch, Packet{Data: b, Flow: c.flow})
	}
	c.serve(w)
	if len(w.reply) > 0 {
		_, _ = c.w.Write(w.reply) // a failure has closed the connection
	}
	c.e.work.Put(w)
	if err != nil {
		c.end(err)
		return false
	}
	c.settle(progress)
	return true
}

// take adds a message to the batch and hands that over when it must be.
func (c *conn) take(w *streamWork, u unit) {
	w.batch = append(w.batch, Packet{Data: u.data, Flow: c.flow})
	if u.hasty || len(w.batch) == streamBatch {
		c.serve(w)
	}
}

// end closes after a farewell of the peer or bytes that make no sense.
func (c *conn) end(err error) {
	if errors.Is(err, io.EOF) {
		c.fail(ClosePeer)
		return
	}
	c.goodbye(err)
	c.fail(CloseFraming)
}

// serve hands the batch over.
func (c *conn) serve(w *streamWork) {
	if len(w.batch) == 0 {
		return
	}
	bytes := 0
	for i := range w.batch {
		bytes += len(w.batch[i].Data)
	}
	c.l.counters.in(len(w.batch), bytes)
	c.e.deliver(w.batch, w.out)
	clear(w.batch)
	w.batch = w.batch[:0]
}

// settle keeps an unfinished message, or gives the buffer back.
func (c *conn) settle(progress bool) {
	if c.buf.r == c.buf.w {
		c.release()
	} else {
		c.buf.compact()
	}
	c.arm(c.buf != nil || c.cut.pending(), progress)
}

// arm sets the deadline for what is awaited: the rest of a message counted from
// its beginning, or anything at all. A timer is touched only where it matters.
func (c *conn) arm(partial, progress bool) {
	idle := c.e.cfg.Timeouts.Idle
	now := time.Now()
	var until time.Time
	switch {
	case partial && c.partial && !progress:
		return
	case partial:
		until = now.Add(c.e.cfg.Timeouts.Partial)
	case !c.partial && !c.armed.IsZero() && (idle < 0 || now.Sub(c.armed) < idle/8):
		return
	case idle > 0:
		until = now.Add(idle)
	}
	c.partial, c.armed = partial, now
	c.wake(until)
}

// wake sets the deadline for reading, and keeps the one of Serve's end: Serve
// wakes every reader after it has set stopping.
func (c *conn) wake(until time.Time) {
	_ = c.sock.SetReadDeadline(until)
	if c.e.stopping.Load() {
		_ = c.sock.SetReadDeadline(time.Now())
	}
}
