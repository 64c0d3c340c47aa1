//go:build interop

package interop

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// reuse lets a socket take a port that a connection had a moment ago.
func reuse(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) }); e != nil {
		return e
	}
	return err
}
