//go:build !linux

package transport

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// acceptOnce takes one connection.
func acceptOnce(fd int) (int, unix.Sockaddr, error) {
	syscall.ForkLock.RLock()
	nfd, sa, err := unix.Accept(fd)
	if err == nil {
		unix.CloseOnExec(nfd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, nil, err
	}
	err = errors.Join(unix.SetNonblock(nfd, true), unix.SetsockoptInt(nfd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptInt(nfd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1))
	if err != nil {
		_ = unix.Close(nfd)
		return -1, nil, err
	}
	return nfd, sa, nil
}

// listenOptions does nothing: acceptOnce sets what is needed.
func listenOptions(int) error { return nil }
