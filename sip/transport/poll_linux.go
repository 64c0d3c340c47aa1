package transport

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pollEvents is the most events taken at once.
const pollEvents = 64

// poller tells which of many sockets have something to do. It is an epoll
// instance of our own, itself watched by the runtime's: sockets that stay idle
// cost neither a goroutine nor a place in the runtime's tables. Events are
// edges: what an event was for must be done until the system says EAGAIN.
type poller struct {
	fd, waker int
	file      *os.File
	raw       syscall.RawConn
	events    [pollEvents]unix.EpollEvent
	n         int
	err       error
	once      func(fd uintptr) bool
}

// event is what a poller says of one socket.
type event struct {
	id          uint64
	read, write bool
	end         bool // nothing more will come than what can be read now
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	p := &poller{fd: fd, waker: -1}
	p.once = p.collect
	if err := p.init(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *poller) init() error {
	if err := unix.SetNonblock(p.fd, true); err != nil {
		return err
	}
	p.file = os.NewFile(uintptr(p.fd), "epoll")
	raw, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	p.raw = raw
	if p.waker, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return err
	}
	return p.control(unix.EPOLL_CTL_ADD, p.waker, 0, false)
}

// control registers a socket. The id 0 is the waker's.
func (p *poller) control(op, fd int, id uint64, write bool) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(uint32(id)), Pad: int32(uint32(id >> 32))}
	if write {
		ev.Events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(p.fd, op, fd, &ev)
}

// add watches a socket for reading; what is there already makes an event too.
func (p *poller) add(fd int, id uint64) error { return p.control(unix.EPOLL_CTL_ADD, fd, id, false) }

// wantWrite watches it for writing besides, or no more.
func (p *poller) wantWrite(fd int, id uint64, write bool) error {
	return p.control(unix.EPOLL_CTL_MOD, fd, id, write)
}

// remove needs to do nothing: closing the socket does it.
func (p *poller) remove(uint64) {}

// rearm is for pollers that tell levels.
func (p *poller) rearm(uint64) {}

// wait returns how many events there are. With block it waits for one, until
// the deadline set last.
func (p *poller) wait(block bool) (int, error) {
	if !block {
		p.collect(uintptr(p.fd))
		return p.n, p.err
	}
	if err := p.raw.Read(p.once); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, nil
		}
		return 0, err
	}
	return p.n, p.err
}

func (p *poller) collect(fd uintptr) bool {
	for {
		p.n, p.err = unix.EpollWait(int(fd), p.events[:], 0)
		if !errors.Is(p.err, unix.EINTR) {
			break
		}
	}
	p.n = max(p.n, 0)
	return p.n > 0 || p.err != nil
}

func (p *poller) event(i int) event {
	ev := &p.events[i]
	return event{
		id:    uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32,
		read:  ev.Events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0,
		write: ev.Events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0,
		end:   ev.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0,
	}
}

func (p *poller) setDeadline(t time.Time) { _ = p.file.SetReadDeadline(t) }

// wake ends the wait under way, or the next one. Nobody reads the counter: each
// write is an edge.
func (p *poller) wake() {
	one := [8]byte{1}
	_, _ = unix.Write(p.waker, one[:])
}

func (p *poller) close() {
	if p.waker >= 0 {
		_ = unix.Close(p.waker)
	}
	if p.file != nil {
		_ = p.file.Close()
	} else {
		_ = unix.Close(p.fd)
	}
}
