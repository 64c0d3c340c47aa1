package sipgoconn

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// inbox is a bounded queue of messages that one side reads with a deadline.
type inbox struct {
	mu       sync.Mutex
	wake     sync.Cond
	queue    []message
	bytes    int
	messages int // most that may wait; 0 is no limit
	most     int // most bytes that may wait; 0 is no limit
	closed   bool
	deadline time.Time
	timer    *time.Timer
}

type message struct {
	data   []byte
	remote netip.AddrPort
}

func (q *inbox) init() { q.wake.L = &q.mu }

// put copies a message, unless there is no room.
func (q *inbox) put(data []byte, remote netip.AddrPort) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	full := q.messages > 0 && len(q.queue) >= q.messages || q.most > 0 && q.bytes+len(data) > q.most
	if q.closed || full {
		return false
	}
	q.queue = append(q.queue, message{append([]byte(nil), data...), remote})
	q.bytes += len(data)
	q.wake.Signal()
	return true
}

// read copies as much of the first message as fits. What does not fit is read
// next, or with cut is lost as the rest of a datagram is.
func (q *inbox) read(p []byte, cut bool) (int, netip.AddrPort, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.queue) == 0 {
		switch {
		case q.closed:
			return 0, netip.AddrPort{}, net.ErrClosed
		case !q.deadline.IsZero() && !time.Now().Before(q.deadline):
			return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
		}
		q.wake.Wait()
	}
	m := &q.queue[0]
	n, remote := copy(p, m.data), m.remote
	if q.bytes -= n; n < len(m.data) && !cut {
		m.data = m.data[n:]
		return n, remote, nil
	}
	q.bytes -= len(m.data) - n
	*m = message{}
	if q.queue = q.queue[1:]; len(q.queue) == 0 {
		q.queue = nil
	}
	return n, remote, nil
}

// close lets readers have what is there, and no more.
func (q *inbox) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	if q.timer != nil {
		q.timer.Stop()
	}
	q.wake.Broadcast()
}

func (q *inbox) setDeadline(t time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return net.ErrClosed
	}
	q.deadline = t
	if q.timer != nil {
		q.timer.Stop()
	}
	if !t.IsZero() {
		q.timer = time.AfterFunc(time.Until(t), func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.wake.Broadcast()
		})
	}
	q.wake.Broadcast() // it may have passed
	return nil
}
