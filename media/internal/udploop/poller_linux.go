package udploop

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	maxEvents = 256
	wakeSlot  = -1 // event data of the descriptor that wakes the loop
	drains    = 4  // reads from one socket before the others have their turn
)

// poller is the part of a Loop that serves sockets by epoll.
type poller struct {
	mu      sync.Mutex // guards what follows; never held while a handler runs
	epfd    int        // valid when opened
	wakefd  int
	opened  bool
	running bool
	done    bool
	share   bool // other goroutines may need the processor while the loop lingers
	slots   []*Socket
	free    []int32
	closing []*Socket
	// detaching are sockets to leave alone; told is closed when that is done.
	detaching []*Socket
	told      []chan struct{}
	io        *mmsg // used by the running loop only
}

type epollSocket struct {
	// fd is closed by the loop's goroutine only, once it runs, so that a
	// number is never reused while a round works with it; -1 from then on.
	fd   int
	slot int32
	v6   bool
	one  single
	more bool // on the loop's list of sockets that were not read empty
	// detached sockets are not in the epoll set and have no slot; guarded by the
	// loop's mutex.
	detached bool
}

// The dispatch between the two implementations.

func (l *Loop) listen(s *Socket, addr netip.AddrPort, tos int) error {
	if l.g.cfg.Portable {
		return l.listenPortable(s, addr)
	}
	return l.listenEpoll(s, addr, tos)
}

func (l *Loop) close(s *Socket) {
	if s.conn != nil {
		l.closePortable(s)
		return
	}
	l.closeEpoll(s)
}

func (l *Loop) run(ctx context.Context) error {
	if l.g.cfg.Portable {
		return l.runPortable(ctx)
	}
	return l.runEpoll(ctx)
}

func (l *Loop) send(s *Socket, b []byte, to netip.AddrPort) error {
	if s.conn != nil {
		return l.sendPortable(s, b, to)
	}
	return s.sendOne(b, to)
}

// openEpoll makes the epoll set. The caller holds mu.
func (l *Loop) openEpoll() error {
	if l.opened {
		return nil
	}
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("udploop: epoll_create: %w", err)
	}
	wakefd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, wakefd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: wakeSlot})
	}
	if err != nil {
		_ = unix.Close(epfd)
		return fmt.Errorf("udploop: eventfd: %w", err)
	}
	l.epfd, l.wakefd, l.opened = epfd, wakefd, true
	return nil
}

func (l *Loop) listenEpoll(s *Socket, addr netip.AddrPort, tos int) error {
	l.poller.mu.Lock()
	defer l.poller.mu.Unlock()
	if l.done {
		return ErrClosed
	}
	if err := l.openEpoll(); err != nil {
		return err
	}
	fd, local, err := bindUDP(addr, tos, l.g.cfg.FreeBind)
	if err != nil {
		return err
	}
	s.fd, s.local, s.v6 = fd, local, local.Addr().Is6()
	if err := l.attach(s); err != nil {
		_ = unix.Close(fd)
		return err
	}
	return nil
}

func (l *Loop) closeEpoll(s *Socket) {
	l.poller.mu.Lock()
	defer l.poller.mu.Unlock()
	l.closing = append(l.closing, s)
	if l.running {
		l.wake()
		return
	}
	l.reap()
}

// reap ends the sockets that were closed. The caller holds mu.
func (l *Loop) reap() {
	for i, s := range l.closing {
		if !s.detached {
			l.slots[s.slot] = nil
			l.free = append(l.free, s.slot)
		}
		s.one.mu.Lock()      // nobody sends while the number changes its owner
		_ = unix.Close(s.fd) // takes it out of the epoll set
		s.fd = -1
		s.one.mu.Unlock()
		l.closing[i] = nil
	}
	l.closing = l.closing[:0]
}

// wake ends the loop's wait. The caller holds mu and has seen running: a
// descriptor that was closed may be somebody else's by now.
func (l *Loop) wake() {
	one := [8]byte{0: 1, 7: 1} // not zero in either byte order
	_, _ = unix.Write(l.wakefd, one[:])
}

func (l *Loop) runEpoll(ctx context.Context) error {
	l.poller.mu.Lock()
	err := l.openEpoll()
	l.running = err == nil
	l.poller.mu.Unlock()
	if err != nil {
		return err
	}
	if l.io == nil {
		l.io = newMmsg()
	}
	l.share = l.g.cfg.Loops >= runtime.GOMAXPROCS(0)
	stop := context.AfterFunc(ctx, func() {
		l.poller.mu.Lock()
		defer l.poller.mu.Unlock()
		if l.running {
			l.wake()
		}
	})
	err = l.rounds(ctx)
	stop()
	l.shut()
	return err
}

// shut closes everything that is still open.
func (l *Loop) shut() {
	l.poller.mu.Lock()
	defer l.poller.mu.Unlock()
	l.running, l.done = false, true
	for _, s := range l.slots {
		if s != nil && !s.closed.Swap(true) {
			l.open.Add(-1)
			l.closing = append(l.closing, s)
		}
	}
	l.detach() // whoever waits for it does so no longer
	l.reap()
	_ = unix.Close(l.wakefd)
	_ = unix.Close(l.epfd)
}

// rounds waits for packets and serves them until ctx is done. The kernel tells of
// a socket once (EPOLLET): what was not read empty is served in the next round
// too.
func (l *Loop) rounds(ctx context.Context) error {
	events := make([]unix.EpollEvent, maxEvents)
	ready, left := make([]*Socket, 0, maxEvents), make([]*Socket, 0, maxEvents)
	stats := &l.g.stats
	var last time.Time
	for ctx.Err() == nil {
		n, err := epollWait(l.epfd, events, len(left) == 0)
		if err != nil {
			return fmt.Errorf("udploop: epoll_wait: %w", err)
		}
		now := l.g.cfg.Now()
		ready = l.readySockets(events[:n], append(ready[:0], left...))
		left = left[:0]
		for _, s := range ready {
			if s.more = !l.serve(s, now); s.more {
				left = append(left, s)
			}
		}
		if len(ready) > 0 {
			stats.rounds.Add(1)
			l.linger(now.Sub(last))
			last = now
		}
	}
	return nil
}

// readySockets adds the sockets of events to ready, after sockets that were closed
// meanwhile are gone.
func (l *Loop) readySockets(events []unix.EpollEvent, ready []*Socket) []*Socket {
	l.poller.mu.Lock()
	defer l.poller.mu.Unlock()
	if len(l.detaching) > 0 {
		l.detach()
		ready = slices.DeleteFunc(ready, func(s *Socket) bool {
			s.more = s.more && !s.detached // else nobody would read it when it is back
			return s.detached
		})
	}
	l.reap()
	for i := range events {
		slot := events[i].Fd
		if slot == wakeSlot {
			var b [8]byte
			_, _ = unix.Read(l.wakefd, b[:])
			continue
		}
		if s := l.slots[slot]; s != nil && !s.more {
			ready = append(ready, s)
		}
	}
	return ready
}

// serve reads a socket until it is empty, or others should have their turn.
func (l *Loop) serve(s *Socket, now time.Time) (empty bool) {
	stats := &l.g.stats
	for range drains {
		packets, empty := l.io.receive(s.fd)
		if len(packets) > 0 {
			stats.received.Add(uint64(len(packets)))
			s.handler.HandlePackets(packets, now, &l.io.out)
			sent, failed := l.io.flush()
			stats.sent.Add(sent)
			if failed > 0 {
				stats.sendErrors.Add(failed)
			}
		}
		if empty {
			return true
		}
	}
	return false
}

// linger sleeps a moment when rounds follow each other so fast that more
// packets will have come by then: one wake-up serves them all.
func (l *Loop) linger(pause time.Duration) {
	if pause < 0 || pause >= 2*l.g.cfg.Linger {
		return
	}
	ts := unix.NsecToTimespec(int64(l.g.cfg.Linger))
	if l.share {
		_ = unix.Nanosleep(&ts, nil) // waking early by a signal does no harm
		return
	}
	// Without telling the scheduler: it would watch a system call of this length
	// from a thread of its own, for more than the sleep itself costs. A signal
	// by which it wants something ends the sleep.
	l.io.pause = ts
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&l.io.pause)), 0, 0)
}
