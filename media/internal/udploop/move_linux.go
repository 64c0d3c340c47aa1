package udploop

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Adopt delivers the packets of a socket that was bound elsewhere to h,
// those that wait in it first. The descriptor is the loop's from now on, also
// after an error.
func (l *Loop) Adopt(fd int, h Handler) (*Socket, error) {
	s := &Socket{loop: l, handler: h}
	local, err := boundTo(fd)
	if err == nil && l.g.cfg.Portable {
		err = errors.ErrUnsupported
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err == nil {
		s.fd, s.local, s.v6 = fd, local, local.Addr().Is6()
		l.poller.mu.Lock()
		err = l.attach(s)
		l.poller.mu.Unlock()
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("udploop: adopting a socket: %w", err)
	}
	l.open.Add(1)
	return s, nil
}

// boundTo is the address of a UDP socket.
func boundTo(fd int) (local netip.AddrPort, err error) {
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_DGRAM {
		return local, errors.Join(errors.New("no datagram socket"), err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return local, err
	}
	if local = addrPort(bound); !local.IsValid() {
		return local, errors.New("no socket of the internet")
	}
	return local, nil
}

// Detach makes the loop leave sockets alone: what arrives waits in them. When
// it returns no handler has packets of them any more. They go on sending. It
// must not be called while a handler of this loop is held up by the caller.
func (l *Loop) Detach(sockets ...*Socket) error {
	if l.g.cfg.Portable {
		return fmt.Errorf("udploop: %w", errors.ErrUnsupported)
	}
	l.poller.mu.Lock()
	l.detaching = append(l.detaching, sockets...)
	if !l.running {
		l.detach()
		l.poller.mu.Unlock()
		return nil
	}
	done := make(chan struct{})
	l.told = append(l.told, done)
	l.wake()
	l.poller.mu.Unlock()
	<-done
	return nil
}

// Attach takes sockets back that were detached.
func (l *Loop) Attach(sockets ...*Socket) error {
	l.poller.mu.Lock()
	defer l.poller.mu.Unlock()
	var errs []error
	for _, s := range sockets {
		if s.detached && !s.closed.Load() {
			errs = append(errs, l.attach(s))
		}
	}
	return errors.Join(errs...)
}

// FD is the descriptor of a socket that is detached, as long as it is.
func (s *Socket) FD() int { return s.fd }

// Detached tells whether the loop leaves the socket alone.
func (s *Socket) Detached() bool {
	s.loop.poller.mu.Lock()
	defer s.loop.poller.mu.Unlock()
	return s.detached
}

// attach puts a socket into the epoll set. The caller holds mu.
func (l *Loop) attach(s *Socket) error {
	if l.done {
		return ErrClosed
	}
	if err := l.openEpoll(); err != nil {
		return err
	}
	if n := len(l.free); n > 0 {
		s.slot, l.free = l.free[n-1], l.free[:n-1]
	} else {
		s.slot = int32(len(l.slots))
		l.slots = append(l.slots, nil)
	}
	if err := unix.EpollCtl(l.epfd, unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: s.slot}); err != nil {
		l.free = append(l.free, s.slot)
		return fmt.Errorf("udploop: epoll_ctl: %w", err)
	}
	l.slots[s.slot], s.detached = s, false
	return nil
}

// detach carries out what Detach asks for. The caller holds mu and serves no
// socket.
func (l *Loop) detach() {
	for _, s := range l.detaching {
		if s.detached || s.fd < 0 {
			continue
		}
		_ = unix.EpollCtl(l.epfd, unix.EPOLL_CTL_DEL, s.fd, nil)
		l.slots[s.slot], s.detached = nil, true
		l.free = append(l.free, s.slot)
	}
	clear(l.detaching)
	l.detaching = l.detaching[:0]
	for _, done := range l.told {
		close(done)
	}
	l.told = nil
}
