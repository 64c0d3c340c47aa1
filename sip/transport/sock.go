package transport

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// errAgain says that a socket was read empty. It is a time-out to TLS, which
// then goes on later where it was.
var errAgain net.Error = againError{}

type againError struct{}

func (againError) Error() string   { return "transport: nothing to read" }
func (againError) Timeout() bool   { return true }
func (againError) Temporary() bool { return true }

// sock is a TCP socket that never blocks who writes: what the kernel does not
// take at once waits in a bounded queue, emptied by the loop. TLS runs on top
// of it unchanged, so the bound holds for what really goes over the wire.
type sock struct {
	c *conn

	// Of the reading goroutine:
	drained bool // nothing to read until the next event
	meter   recordMeter

	mu    sync.Mutex
	fd    int // -1 when closed
	queue []byte
	err   error
	since time.Duration // when the first mark bytes of the queue were queued
	mark  int
}

// read reads what is there.
func (s *sock) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return 0, net.ErrClosed
	}
	for {
		n, err := unix.Read(s.fd, p)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, errAgain
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// readOnce is read of the loop, which spares the system call that would only
// tell that there is nothing more.
func (s *sock) readOnce(p []byte) (int, error) {
	if s.drained {
		return 0, errAgain
	}
	n, err := s.read(p)
	if errors.Is(err, errAgain) || err == nil && n < len(p) && !s.c.hup {
		s.drained = true
		s.c.lp.poll.rearm(s.c.id)
	}
	return n, err
}

// Read is for TLS and for handshakes. In a handshake it waits.
func (s *sock) Read(p []byte) (n int, err error) {
	if knock := s.c.knock; knock == nil {
		n, err = s.readOnce(p)
	} else {
		for n, err = s.read(p); errors.Is(err, errAgain); n, err = s.read(p) {
			s.c.lp.poll.rearm(s.c.id)
			<-knock
		}
	}
	if s.c.tls != nil {
		s.meter.add(p[:n])
	}
	return n, err
}

// Write sends or queues all of p, or fails and breaks the connection.
func (s *sock) Write(p []byte) (int, error) {
	s.mu.Lock()
	rest, cause := s.write(p)
	err := s.err
	s.mu.Unlock()
	if err != nil {
		s.c.fail(cause)
		return len(p) - len(rest), err
	}
	return len(p), nil
}

func (s *sock) write(p []byte) (rest []byte, cause Close) {
	if s.fd < 0 && s.err == nil {
		s.err = net.ErrClosed
	}
	if s.err != nil {
		return p, CloseWrite
	}
	if len(s.queue) == 0 {
		n, err := writeOnce(s.fd, p)
		if err != nil {
			s.err = err
			return p, CloseWrite
		}
		p = p[n:]
	}
	if len(p) == 0 {
		return nil, 0
	}
	e := s.c.e
	switch {
	case len(s.queue)+len(p) > e.limits.Load().WriteQueue:
		s.err = ErrQueueFull
		return p, CloseQueueFull
	case !e.charge(len(p)):
		s.err = ErrQueueFull
		return p, CloseMemory
	}
	if len(s.queue) == 0 {
		if !s.c.lp.wantWrite(s.c, true) {
			e.memory.Add(-int64(len(p)))
			s.err = net.ErrClosed
			return p, CloseShutdown
		}
		s.since, s.mark = e.elapsed(), len(p)
	}
	s.queue = append(s.queue, p...)
	return nil, 0
}

// writeOnce writes what the kernel takes.
func writeOnce(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Write(fd, p)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, nil
		}
		return max(n, 0), err
	}
}

// wantWrite lets the loop empty c's queue, or tells it that there is none.
func (lp *loop) wantWrite(c *conn, on bool) bool {
	lp.mu.Lock()
	defer lp.mu.Unlock()
	if lp.dead || lp.find(c.id) != c {
		return false
	}
	if on {
		lp.writing[c] = struct{}{}
	} else {
		delete(lp.writing, c)
	}
	return lp.poll.wantWrite(c.sock.fd, c.id, on) == nil
}

// flush writes as much of the queue as the kernel takes.
func (s *sock) flush() {
	s.mu.Lock()
	if len(s.queue) == 0 || s.fd < 0 || s.err != nil {
		s.mu.Unlock()
		return
	}
	n, err := writeOnce(s.fd, s.queue)
	s.queue = s.queue[n:]
	s.c.e.memory.Add(-int64(n))
	if s.mark -= n; s.mark <= 0 { // all that was there then is gone
		s.since, s.mark = s.c.e.elapsed(), len(s.queue)
	}
	if s.err = err; err == nil && len(s.queue) == 0 {
		s.queue = nil
		s.c.lp.wantWrite(s.c, false)
	}
	s.mu.Unlock()
	if err != nil {
		s.c.fail(CloseWrite)
	}
}

// expire gives up a peer that reads nothing.
func (s *sock) expire(now time.Duration) {
	s.mu.Lock()
	stuck := len(s.queue) > 0 && now-s.since > s.c.e.cfg.Timeouts.Write
	s.mu.Unlock()
	if stuck {
		s.c.fail(CloseWrite)
	}
}

// shut closes the socket for good.
func (s *sock) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return
	}
	_ = unix.Close(s.fd)
	s.fd = -1
	s.c.e.memory.Add(-int64(len(s.queue)))
	s.queue = nil
}

// Close is that of a net.Conn.
func (s *sock) Close() error {
	s.shut()
	return nil
}

// LocalAddr and RemoteAddr are those of a net.Conn.
func (s *sock) LocalAddr() net.Addr { return tcpAddr(s.c.flow.Local) }

// RemoteAddr returns the flow's.
func (s *sock) RemoteAddr() net.Addr { return tcpAddr(s.c.flow.Remote) }

func tcpAddr(a netip.AddrPort) net.Addr { return net.TCPAddrFromAddrPort(a) }

// SetDeadline and the others do nothing: the loop minds the time. (TLS sets one
// for its farewell.)
func (s *sock) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (s *sock) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (s *sock) SetWriteDeadline(time.Time) error { return nil }

// recordMeter follows the record layer of TLS, to know of a record that has
// begun and not ended.
type recordMeter struct {
	head int // bytes of a record's header that came
	left int // bytes of the record to come
	size int // of the record
}

func (m *recordMeter) add(p []byte) {
	for len(p) > 0 {
		if m.left > 0 {
			n := min(m.left, len(p))
			m.left -= n
			p = p[n:]
			continue
		}
		switch m.head {
		case 3:
			m.size = int(p[0]) << 8
		case 4:
			m.size |= int(p[0])
			m.left = m.size
		}
		if m.head++; m.head == 5 {
			m.head = 0
		}
		p = p[1:]
	}
}

// open is how many bytes TLS may hold of the unfinished record, 0 if there is
// none.
func (m *recordMeter) open() int {
	switch {
	case m.left > 0:
		return m.size + 5
	case m.head > 0:
		return 5
	}
	return 0
}
