package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// udpSocket is one of the sockets of a UDP listener. Go's network poller does
// not know it: a poller's wake-up goes through the scheduler and often through
// a second thread, which at low rates costs more than the message. A udpWorker
// waits for it instead.
type udpSocket struct {
	file     *os.File
	raw      syscall.RawConn
	local    netip.AddrPort
	wildcard bool
	errors   bool         // the error queue is on
	until    atomic.Int64 // when sending ends, in Unix nanoseconds; 0 is never
	counters counters
}

// listenUDP binds n sockets to one address, all or none. Unless the address is
// shared on purpose, the first is bound without SO_REUSEPORT, so that an address
// that somebody else uses is an error also when that somebody shares it; the
// others join the first.
func listenUDP(ctx context.Context, cfg *ListenerConfig) ([]*udpSocket, error) {
	var sockets []*udpSocket
	addr := cfg.Addr
	for i := range cfg.Readers {
		s, err := bindUDP(ctx, cfg, addr, cfg.Share || i > 0)
		if err == nil && i == 0 && cfg.Readers > 1 {
			err = s.set(unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}
		if s != nil {
			sockets = append(sockets, s)
		}
		if err != nil {
			for _, s := range sockets {
				s.close()
			}
			return nil, err
		}
		addr = s.local
	}
	return sockets, nil
}

func bindUDP(ctx context.Context, cfg *ListenerConfig, addr netip.AddrPort, share bool) (*udpSocket, error) {
	lc := net.ListenConfig{Control: func(network, address string, raw syscall.RawConn) error {
		if share {
			if err := setsockopt(raw, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
				return err
			}
		}
		return cfg.control(network, address, raw)
	}}
	pc, err := lc.ListenPacket(ctx, network("udp", addr.Addr()), addr.String())
	if err != nil {
		return nil, err
	}
	defer pc.Close() //nolint:errcheck // its descriptor lives on in the copy
	conn := pc.(*net.UDPConn)
	s := &udpSocket{local: localAddr(conn.LocalAddr().(*net.UDPAddr).AddrPort(), addr.Addr())}
	s.wildcard = s.local.Addr().IsUnspecified()
	if s.file, err = detach(conn); err != nil {
		return nil, err
	}
	if s.raw, err = s.file.SyscallConn(); err == nil {
		err = s.configure(cfg)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// detach returns a copy of the connection's descriptor that the network poller
// takes no notice of, because it is in blocking mode. Whoever uses it asks not
// to block.
func detach(conn *net.UDPConn) (*os.File, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	if e := raw.Control(func(old uintptr) {
		if fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			err = unix.SetNonblock(fd, false)
		}
	}); e != nil {
		return nil, e
	}
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), "udp "+conn.LocalAddr().String()), nil
}

// configure sets what a bound socket needs. The buffer sizes are a wish; the
// count of kernel drops is a help: an old kernel may go without both.
func (s *udpSocket) configure(cfg *ListenerConfig) error {
	if s.set(unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, cfg.ReceiveBuffer) != nil {
		_ = s.set(unix.SOL_SOCKET, unix.SO_RCVBUF, cfg.ReceiveBuffer)
	}
	if s.set(unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, cfg.SendBuffer) != nil {
		_ = s.set(unix.SOL_SOCKET, unix.SO_SNDBUF, cfg.SendBuffer)
	}
	_ = s.set(unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	if cfg.queueErrors {
		if err := s.queueErrors(); err != nil {
			return err
		}
	}
	switch {
	case !s.wildcard:
		return nil
	case s.local.Addr().Is4():
		return s.set(unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	return s.set(unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
}

func (s *udpSocket) set(level, option, value int) error {
	return setsockopt(s.raw, level, option, value)
}

// stop lets senders wait for room until a deadline and no longer.
func (s *udpSocket) stop(deadline time.Time) { s.until.Store(deadline.UnixNano()) }

func (s *udpSocket) close() {
	s.stop(time.Unix(1, 0))
	_ = s.file.Close()
}

// writable waits a moment for room in the send buffer and reports whether it is
// worth trying again. The moments are short so that a closed endpoint is left
// soon; a full buffer of a UDP socket is rare.
func (s *udpSocket) writable(fd uintptr) error {
	if until := s.until.Load(); until != 0 && time.Now().UnixNano() > until {
		return os.ErrDeadlineExceeded
	}
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	if _, err := unix.Poll(fds, 10); err != nil && err != unix.EINTR { //nolint:errorlint // a bare errno
		return fmt.Errorf("poll: %w", err)
	}
	return nil
}
