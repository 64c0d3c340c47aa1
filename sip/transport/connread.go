package transport

import (
	"errors"
	"io"
	"time"
)

// streamBatch is the most messages of a connection handed over at once.
const streamBatch = 32

// streamWork is what a loop needs to serve any connection.
type streamWork struct {
	out   *Outbox
	batch []Packet
	reply []byte
	now   time.Time
}

func (e *Endpoint) newStreamWork() *streamWork {
	return &streamWork{out: e.Outbox(), batch: make([]Packet, 0, streamBatch)}
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

// step reads once and hands over what is whole. It reports whether there may be
// more to read at once.
func (c *conn) step(lp *loop) (again bool) {
	if c.ended.Load() != 0 {
		c.release()
		return false
	}
	n, again, err := c.fill()
	if n > 0 || c.sock.meter.open() > 0 {
		lp.touched = append(lp.touched, c)
	} else if c.buf != nil && c.buf.w == 0 {
		c.release()
	}
	if c.buf != nil && c.buf.r < c.buf.w {
		if cutErr := c.drain(lp.work); cutErr != nil {
			lp.settle() // answers to what came before, and to what can't be cut
			c.end(cutErr)
			c.release()
			return false
		}
	}
	if err != nil {
		lp.settle()
		c.fail(ClosePeer)
		c.release()
		return false
	}
	return again
}

// fill reads what fits into the buffer. While nothing is to be read no buffer
// is held. It reports whether there may be more.
func (c *conn) fill() (n int, again bool, err error) {
	switch {
	case c.buf == nil:
		c.buf = c.e.bufs.get(c.bufClass())
	case len(c.buf.space()) == 0:
		c.buf = c.e.bufs.grow(c.buf)
	}
	for len(c.buf.space()) > 0 {
		var k int
		if c.tls != nil {
			k, err = c.tls.Read(c.buf.space())
		} else {
			k, err = c.sock.readOnce(c.buf.space())
		}
		c.buf.w += k
		n += k
		if err == nil && c.tls == nil {
			return n, !c.sock.drained, nil
		}
		if err != nil {
			break
		}
	}
	if errors.Is(err, errAgain) {
		return n, false, nil
	}
	return n, err == nil, err
}

// drain hands over all complete messages in the buffer; what is left of it is
// part of one. An error ends the connection.
func (c *conn) drain(w *streamWork) (err error) {
	w.batch, w.reply = w.batch[:0], w.reply[:0]
	for more := true; more && err == nil && c.buf.r < c.buf.w; {
		var u unit
		u, w.reply, err = c.cut.next(c.buf.bytes(), w.reply)
		c.buf.r += u.size
		more = u.kind != unitMore
		switch u.kind {
		case unitMessage:
			c.progress = true
			c.take(w, u)
		case unitPing:
			c.progress = true
			c.l.counters.keepAlives.Add(1)
		case unitPong:
			c.progress = true
		case unitClose:
			err = io.EOF
		}
	}
	if b := c.cut.refused(); err != nil && len(b) > 0 {
		w.batch = append(w.batch, Packet{Data: b, Flow: c.flow})
	}
	c.serve(w)
	if len(w.reply) > 0 {
		_, _ = c.Write(w.reply) // a failure has closed the connection
	}
	return err
}

// take adds a message to the batch and hands that over when it must be.
func (c *conn) take(w *streamWork, u unit) {
	w.batch = append(w.batch, Packet{Data: u.data, Flow: c.flow})
	if u.hasty || len(w.batch) == streamBatch {
		c.serve(w)
	}
	if u.hasty {
		w.out.Flush() // what it sends may lie in what was lent to it
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

// serve hands the batch over. What it sends leaves when the loop's round ends.
func (c *conn) serve(w *streamWork) {
	if len(w.batch) == 0 {
		return
	}
	bytes := 0
	for i := range w.batch {
		p := &w.batch[i]
		p.At = w.now
		bytes += len(p.Data)
		if c.e.cfg.Tap != nil {
			c.e.cfg.Tap(Received, p.Flow, p.Data, w.now)
		}
	}
	c.l.counters.in(len(w.batch), bytes)
	c.e.handler.ServeSIP(w.batch, w.out)
	clear(w.batch)
	w.batch = w.batch[:0]
}

// settle keeps an unfinished message, or gives the buffer back.
func (c *conn) settle() {
	if c.ended.Load() != 0 {
		c.release()
		return
	}
	held := c.cut.held() + c.sock.meter.open()
	switch {
	case c.buf == nil:
	case c.buf.r == c.buf.w:
		c.release()
	default:
		c.buf.compact()
		held += len(c.buf.b)
	}
	if !c.hold(held) {
		c.fail(CloseMemory)
		return
	}
	c.await(held > 0)
	c.progress = false
}

// hold charges the bytes of an unfinished message.
func (c *conn) hold(held int) bool {
	c.lp.mu.Lock()
	defer c.lp.mu.Unlock()
	delta := held - c.charged
	switch {
	case delta == 0 || c.lp.find(c.id) != c:
		return true
	case delta < 0:
		c.e.memory.Add(int64(delta))
	case !c.e.charge(delta):
		return false
	}
	c.charged = held
	return true
}

// await sets the time-out for what is awaited: the rest of a message counted
// from its beginning, or anything at all.
func (c *conn) await(partial bool) {
	c.proved = c.proved || c.progress
	if c.progress {
		c.pings = 0
	}
	kind := timerPartial
	switch {
	case partial:
	case !c.proved && c.accepted:
		kind = timerFirst // a stranger: what it wants, it must say soon
	default:
		kind = c.quiet()
	}
	c.lp.mu.Lock()
	defer c.lp.mu.Unlock()
	now := c.e.elapsed()
	switch {
	case c.lp.find(c.id) != c:
	case kind == c.timer.kind && !c.progress:
	case kind == c.timer.kind && !partial && now-c.armed < (c.timer.at-c.armed)/8: // not worth the while
	default:
		c.lp.setTimer(c, kind)
		c.armed = now
	}
}

// quiet is the kind of time-out of a connection that may be silent.
func (c *conn) quiet() timerKind {
	ping, idle := c.l.cfg.Ping, c.e.cfg.Timeouts.Idle
	if c.flow.Protocol.webSocket() && ping > 0 && (idle < 0 || ping < idle) {
		return timerPing + timerKind(c.l.index)
	}
	return timerIdle
}

// expired is called when the timer was seen to be over.
func (c *conn) expired() {
	c.lp.mu.Lock()
	kind := c.timer.kind
	if c.lp.find(c.id) != c || kind == timerNone || c.timer.at > c.e.elapsed() {
		c.lp.mu.Unlock()
		return
	}
	if kind >= timerPing && c.pings < pingsUnanswered {
		c.pings++
		c.lp.setTimer(c, kind)
		c.lp.mu.Unlock()
		_, _ = c.Write(appendFrame(nil, opPing, nil))
		return
	}
	c.lp.mu.Unlock()
	switch kind {
	case timerHandshake:
		c.fail(CloseHandshake)
		return // its goroutine has the buffer
	case timerPartial:
		c.goodbye(nil)
		c.fail(ClosePartial)
	default:
		c.goodbye(nil)
		c.fail(CloseIdle)
	}
	c.release()
}

// pingsUnanswered is how many pings a WebSocket client may leave unanswered.
const pingsUnanswered = 2
