package transport

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sock is a TCP socket whose Write never blocks: what the kernel does not take
// at once waits in a bounded queue, emptied by a goroutine that lives only as
// long as the queue has something. TLS runs on top of it unchanged, so the
// bound holds for what really goes over the wire.
type sock struct {
	*net.TCPConn
	raw syscall.RawConn
	c   *conn

	mu       sync.Mutex
	queue    []byte
	inflight int // bytes the flusher has taken out of queue and not yet written
	flushing bool
	err      error

	once func(fd uintptr) bool // the direct write: its argument and results
	p    []byte
	n    int
	werr error
}

func newSock(tc *net.TCPConn, c *conn) (*sock, error) {
	raw, err := tc.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &sock{TCPConn: tc, raw: raw, c: c}
	s.once = s.writeOnce
	return s, nil
}

// writeOnce never asks to be called again: a full socket is not waited for.
func (s *sock) writeOnce(fd uintptr) bool {
	for {
		s.n, s.werr = unix.Write(int(fd), s.p)
		if !errors.Is(s.werr, unix.EINTR) {
			return true
		}
	}
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
	if s.err != nil {
		return p, CloseWrite
	}
	if !s.flushing {
		s.p = p
		err := s.raw.Write(s.once)
		s.p = nil
		if err == nil && !errors.Is(s.werr, unix.EAGAIN) {
			err = s.werr
		}
		if err != nil {
			s.err = err
			return p, CloseWrite
		}
		p = p[max(s.n, 0):]
	}
	if len(p) == 0 {
		return nil, 0
	}
	if s.inflight+len(s.queue)+len(p) > s.c.e.cfg.Limits.WriteQueue {
		s.err = ErrQueueFull
		return p, CloseQueueFull
	}
	s.queue = append(s.queue, p...)
	if !s.flushing {
		if s.flushing = s.c.e.writers.run(s.flush); !s.flushing {
			s.err = net.ErrClosed
			return p, CloseShutdown
		}
	}
	return nil, 0
}

// flush writes the queue until it is empty or the peer is stuck.
func (s *sock) flush() {
	for {
		s.mu.Lock()
		p := s.queue
		s.queue, s.inflight = nil, len(p)
		if len(p) == 0 || s.err != nil {
			s.flushing = false
			_ = s.TCPConn.SetWriteDeadline(time.Time{})
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()

		_ = s.TCPConn.SetWriteDeadline(time.Now().Add(s.c.e.cfg.Timeouts.Write))
		if _, err := s.TCPConn.Write(p); err != nil {
			s.mu.Lock()
			if s.err == nil {
				s.err = err
			}
			s.mu.Unlock()
			s.c.fail(CloseWrite)
		}
	}
}

// SetWriteDeadline does nothing: Write does not wait. (TLS sets one for its
// farewell.)
func (s *sock) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline sets the deadline for reading alone.
func (s *sock) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }
