//go:build unix && !linux

package fdpass

import "errors"

// Check refuses: who is on the other side is not known on this system.
func (c *Conn) Check() error { return errors.ErrUnsupported }
