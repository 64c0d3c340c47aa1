package transport

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// control sets what a socket needs before it is bound; it fits
// net.ListenConfig.Control. What a listening TCP socket is marked with, the
// connections accepted from it inherit.
func (l *ListenerConfig) control(_, _ string, raw syscall.RawConn) error {
	if l.FreeBind {
		// One option serves both families (since Linux 4.15 for IPv6 too).
		if err := setsockopt(raw, unix.SOL_IP, unix.IP_FREEBIND, 1); err != nil {
			return err
		}
	}
	if l.Share {
		if err := setsockopt(raw, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return err
		}
	}
	return l.mark(raw)
}

// mark sets the DSCP of a socket, also of one that is connected already.
func (l *ListenerConfig) mark(raw syscall.RawConn) error {
	if l.DSCP == 0 {
		return nil
	}
	return setDSCP(raw, l.Addr.Addr(), l.DSCP)
}

// setDSCP writes the code point into the upper six bits of the field it shares
// with ECN.
func setDSCP(raw syscall.RawConn, family netip.Addr, dscp uint8) error {
	if family.Is4() {
		return setsockopt(raw, unix.IPPROTO_IP, unix.IP_TOS, int(dscp)<<2)
	}
	return setsockopt(raw, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, int(dscp)<<2)
}

func setsockopt(raw syscall.RawConn, level, option, value int) error {
	var err error
	if e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, value) }); e != nil {
		return e
	}
	if err != nil {
		return fmt.Errorf("setsockopt %d/%d: %w", level, option, err)
	}
	return nil
}

// transient reports whether a failed read may be followed by a good one.
func transient(err error) bool {
	return errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ECONNREFUSED)
}
