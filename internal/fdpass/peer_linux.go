package fdpass

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Check finds out whether the other side is a process of this user.
func (c *Conn) Check() error {
	raw, err := c.unix.SyscallConn()
	if err != nil {
		return fmt.Errorf("fdpass: %w", err)
	}
	var cred *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) { cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("fdpass: %w", err)
	}
	if int(cred.Uid) != os.Geteuid() {
		return fmt.Errorf("fdpass: the other side is of user %d", cred.Uid)
	}
	return nil
}
