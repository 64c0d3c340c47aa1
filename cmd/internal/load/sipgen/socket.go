package sipgen

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a TCP connection outside the runtime's poller. It blocks, with a
// time limit, until it is registered with the epoll of a lane; from then on a
// read of nothing is os.ErrDeadlineExceeded, which crypto/tls takes for a pause.
type socket struct {
	fd            int
	local, remote netip.AddrPort
}

// connect opens a socket from an address, with any port.
func connect(local netip.Addr, remote netip.AddrPort, limit time.Duration) (*socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &socket{fd: fd, local: netip.AddrPortFrom(local, 0), remote: remote}
	if err := s.open(limit); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (s *socket) open(limit time.Duration) error {
	wait := unix.NsecToTimeval(limit.Nanoseconds())
	return errors.Join(
		os.NewSyscallError("SO_RCVTIMEO", unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait)),
		os.NewSyscallError("SO_SNDTIMEO", unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &wait)),
		os.NewSyscallError("TCP_NODELAY", unix.SetsockoptInt(s.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)),
		// The port is chosen when both ends are known: an address serves as many
		// connections as there are ports, to each target.
		os.NewSyscallError("IP_BIND_ADDRESS_NO_PORT", unix.SetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)),
		os.NewSyscallError("bind", unix.Bind(s.fd, &unix.SockaddrInet4{Addr: s.local.Addr().As4()})),
		os.NewSyscallError("connect", s.connect(limit)),
	)
}

// connect goes on when a signal of the runtime has interrupted it.
func (s *socket) connect(limit time.Duration) error {
	err := unix.Connect(s.fd, &unix.SockaddrInet4{Addr: s.remote.Addr().As4(), Port: int(s.remote.Port())})
	for err == unix.EINTR { //nolint:errorlint // errno by value
		var n int
		n, err = unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLOUT}}, int(limit.Milliseconds()))
		switch {
		case err == nil && n == 0:
			return os.ErrDeadlineExceeded
		case err == nil:
			code, failed := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
			if failed == nil && code != 0 {
				failed = syscall.Errno(code)
			}
			return failed
		}
	}
	return err
}

func (s *socket) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(s.fd, p)
		switch {
		case err == unix.EINTR: //nolint:errorlint // errno by value
		case err == unix.EAGAIN: //nolint:errorlint // errno by value
			return 0, os.ErrDeadlineExceeded
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (s *socket) Write(p []byte) (done int, err error) {
	for done < len(p) {
		n, err := unix.Write(s.fd, p[done:])
		switch {
		case err == unix.EINTR: //nolint:errorlint // errno by value
		case err == unix.EAGAIN: //nolint:errorlint // errno by value
			ready, err := unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLOUT}}, 1000)
			if ready == 0 && err == nil {
				return done, os.ErrDeadlineExceeded
			}
		case err != nil:
			return done, os.NewSyscallError("write", err)
		default:
			done += n
		}
	}
	return done, nil
}

// nonblocking ends the part in which reads wait.
func (s *socket) nonblocking() error { return unix.SetNonblock(s.fd, true) }

// Close implements net.Conn.
func (s *socket) Close() error         { return unix.Close(s.fd) }
func (s *socket) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(s.local) }
func (s *socket) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.remote) }

// Deadlines are those of the socket options.
func (s *socket) SetDeadline(time.Time) error      { return nil }
func (s *socket) SetReadDeadline(time.Time) error  { return nil }
func (s *socket) SetWriteDeadline(time.Time) error { return nil }
