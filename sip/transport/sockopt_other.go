//go:build unix && !linux

package transport

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// control sets what a socket needs before it is bound.
func (l *ListenerConfig) control(_, _ string, raw syscall.RawConn) error {
	if l.FreeBind {
		return errors.New("no IP_FREEBIND on this system")
	}
	return l.mark(raw)
}

// mark sets the DSCP of a socket, also of one that is connected already.
func (l *ListenerConfig) mark(raw syscall.RawConn) error {
	if l.DSCP == 0 {
		return nil
	}
	level, option := unix.IPPROTO_IP, unix.IP_TOS
	if !l.Addr.Addr().Is4() {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	var err error
	if e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, int(l.DSCP)<<2) }); e != nil {
		return e
	}
	return err
}
