//go:build !linux

package transport

import (
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// poller tells which of many sockets have something to do, by poll(2). A socket
// that was told of is watched for reading again only after rearm.
type poller struct {
	pipe [2]*os.File

	mu      sync.Mutex
	watched map[uint64]*watch
	until   time.Time
	ids     []uint64
	fds     []unix.PollFd
	events  []event
}

type watch struct {
	fd          int
	read, write bool
}

// event is what a poller says of one socket.
type event struct {
	id          uint64
	read, write bool
	end         bool // nothing more will come than what can be read now
}

func newPoller() (*poller, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	for _, f := range []*os.File{r, w} {
		if err := unix.SetNonblock(int(f.Fd()), true); err != nil {
			return nil, errors.Join(err, r.Close(), w.Close())
		}
	}
	return &poller{pipe: [2]*os.File{r, w}, watched: make(map[uint64]*watch)}, nil
}

// add watches a socket for reading; what is there already makes an event too.
func (p *poller) add(fd int, id uint64) error {
	p.mu.Lock()
	p.watched[id] = &watch{fd: fd, read: true}
	p.mu.Unlock()
	p.wake()
	return nil
}

// wantWrite watches it for writing besides, or no more.
func (p *poller) wantWrite(_ int, id uint64, write bool) error {
	p.mu.Lock()
	if w := p.watched[id]; w != nil {
		w.write = write
	}
	p.mu.Unlock()
	p.wake()
	return nil
}

// remove watches no more; the socket is about to be closed.
func (p *poller) remove(id uint64) {
	p.mu.Lock()
	delete(p.watched, id)
	p.mu.Unlock()
}

// rearm tells that a socket was read empty.
func (p *poller) rearm(id uint64) {
	p.mu.Lock()
	if w := p.watched[id]; w != nil {
		w.read = true
	}
	p.mu.Unlock()
	p.wake()
}

// wait returns how many events there are. With block it waits for one, until
// the deadline set last.
func (p *poller) wait(block bool) (int, error) {
	p.mu.Lock()
	p.ids, p.fds = append(p.ids[:0], 0), append(p.fds[:0], unix.PollFd{Fd: int32(p.pipe[0].Fd()), Events: unix.POLLIN})
	for id, w := range p.watched {
		f := unix.PollFd{Fd: int32(w.fd)}
		if w.read {
			f.Events |= unix.POLLIN
		}
		if w.write {
			f.Events |= unix.POLLOUT
		}
		if f.Events != 0 {
			p.ids, p.fds = append(p.ids, id), append(p.fds, f)
		}
	}
	left := 0
	if block {
		left = max(int(time.Until(p.until).Milliseconds()), 1)
	}
	p.mu.Unlock()
	p.events = p.events[:0]
	if _, err := unix.Poll(p.fds, left); err != nil && !errors.Is(err, unix.EINTR) {
		return 0, err
	}
	p.collect()
	return len(p.events), nil
}

func (p *poller) collect() {
	if p.fds[0].Revents != 0 {
		var b [64]byte
		_, _ = unix.Read(int(p.fds[0].Fd), b[:])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.fds[1:] {
		r, id := p.fds[i+1].Revents, p.ids[i+1]
		w := p.watched[id]
		if r == 0 || w == nil {
			continue
		}
		const end = unix.POLLHUP | unix.POLLERR | unix.POLLNVAL
		if r&(unix.POLLIN|end) != 0 {
			w.read = false
		}
		p.events = append(p.events, event{id: id, read: r&(unix.POLLIN|end) != 0, write: r&(unix.POLLOUT|end) != 0, end: r&end != 0})
	}
}

func (p *poller) event(i int) event { return p.events[i] }

func (p *poller) setDeadline(t time.Time) {
	p.mu.Lock()
	p.until = t
	p.mu.Unlock()
}

// wake ends the wait under way, or the next one.
func (p *poller) wake() { _, _ = unix.Write(int(p.pipe[1].Fd()), []byte{1}) }

func (p *poller) close() {
	_ = p.pipe[0].Close()
	_ = p.pipe[1].Close()
}
