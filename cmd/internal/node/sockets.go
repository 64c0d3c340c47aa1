package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Sockets binds the listeners of a node, or takes those of the process before,
// and knows them for the next one. The zero value has nothing to take; nil
// knows nothing.
type Sockets struct {
	before map[string]*os.File
	names  []string
	bound  []syscall.Conn
}

// Listen binds a TCP address.
func (s *Sockets) Listen(ctx context.Context, addr string) (l net.Listener, err error) {
	name := "tcp " + addr
	if f := s.take(name); f != nil {
		l, err = net.FileListener(f)
		err = errors.Join(err, f.Close())
	} else {
		l, err = new(net.ListenConfig).Listen(ctx, "tcp", addr)
	}
	if err != nil {
		return nil, err
	}
	s.note(name, l)
	return l, nil
}

// ListenUDP binds a UDP address.
func (s *Sockets) ListenUDP(ctx context.Context, addr string) (*net.UDPConn, error) {
	name := "udp " + addr
	var c net.PacketConn
	var err error
	if f := s.take(name); f != nil {
		c, err = net.FilePacketConn(f)
		err = errors.Join(err, f.Close())
	} else {
		c, err = new(net.ListenConfig).ListenPacket(ctx, "udp", addr)
	}
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("what came for %s is no UDP socket", name), c.Close())
	}
	s.note(name, u)
	return u, nil
}

// note keeps a listener for the next process.
func (s *Sockets) note(name string, l any) {
	if c, ok := l.(syscall.Conn); ok && s != nil {
		s.names, s.bound = append(s.names, name), append(s.bound, c)
	}
}

// take is what the process before left under a name; nil: nothing.
func (s *Sockets) take(name string) *os.File {
	if s == nil {
		return nil
	}
	f := s.before[name]
	delete(s.before, name)
	return f
}

// lockName is the lock of the flows in the kernel.
const lockName = "offload"

// descriptors are copies of all that was bound, to be closed by the caller.
func (s *Sockets) descriptors() (fds []int, err error) {
	for _, c := range s.bound {
		raw, e := c.SyscallConn()
		if e == nil {
			e = errors.Join(raw.Control(func(fd uintptr) {
				n, wrong := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
				if err = errors.Join(err, wrong); wrong == nil {
					fds = append(fds, n)
				}
			}))
		}
		err = errors.Join(err, e)
	}
	return fds, err
}

// Close closes what nobody took.
func (s *Sockets) Close() {
	if s == nil {
		return
	}
	for _, f := range s.before {
		_ = f.Close()
	}
	clear(s.before)
}
