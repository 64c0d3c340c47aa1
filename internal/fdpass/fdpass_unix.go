//go:build unix

package fdpass

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// MaxMessage is the longest message, in octets.
	MaxMessage = 256 << 20
	// MaxDescriptors is the most that come with one message.
	MaxDescriptors = 4096

	atOnce = 200 // descriptors; the kernel takes 253
	header = 8   // length of the message, number of descriptors
)

// ErrMessage means that the other side does not speak this protocol.
var ErrMessage = errors.New("fdpass: malformed message")

// Conn sends and receives messages. Send may be called from several goroutines,
// Receive from one.
type Conn struct {
	unix *net.UnixConn
	mu   sync.Mutex
}

// New takes a connection of a unix stream socket.
func New(c *net.UnixConn) *Conn { return &Conn{unix: c} }

// Unix is the connection itself, for deadlines and to close it.
func (c *Conn) Unix() *net.UnixConn { return c.unix }

// Close ends the connection.
func (c *Conn) Close() error { return c.unix.Close() }

// Send sends a message and descriptors, which stay the caller's.
func (c *Conn) Send(message []byte, fds ...int) error {
	if len(message) > MaxMessage || len(fds) > MaxDescriptors {
		return fmt.Errorf("fdpass: %d octets with %d descriptors", len(message), len(fds))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var head [header]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(message)))
	binary.BigEndian.PutUint32(head[4:], uint32(len(fds)))
	if _, err := c.unix.Write(head[:]); err != nil {
		return fmt.Errorf("fdpass: %w", err)
	}
	for len(fds) > 0 { // an octet carries each portion
		n := min(len(fds), atOnce)
		if _, _, err := c.unix.WriteMsgUnix([]byte{byte(n)}, unix.UnixRights(fds[:n]...), nil); err != nil {
			return fmt.Errorf("fdpass: %w", err)
		}
		fds = fds[n:]
	}
	if _, err := c.unix.Write(message); err != nil {
		return fmt.Errorf("fdpass: %w", err)
	}
	return nil
}

// Receive waits for the next message. The descriptors are the caller's; they
// are closed in children (close-on-exec).
func (c *Conn) Receive() (message []byte, fds []int, err error) {
	defer func() {
		if err != nil {
			for _, fd := range fds {
				_ = unix.Close(fd)
			}
			fds = nil
		}
	}()
	var head [header]byte
	if _, err = io.ReadFull(c.unix, head[:]); err != nil {
		return nil, nil, fmt.Errorf("fdpass: %w", err)
	}
	size, count := binary.BigEndian.Uint32(head[:]), binary.BigEndian.Uint32(head[4:])
	if size > MaxMessage || count > MaxDescriptors {
		return nil, nil, fmt.Errorf("%w: %d octets with %d descriptors", ErrMessage, size, count)
	}
	for len(fds) < int(count) {
		if fds, err = c.portion(fds, int(count)); err != nil {
			return nil, fds, err
		}
	}
	message = make([]byte, size)
	if _, err = io.ReadFull(c.unix, message); err != nil {
		return nil, fds, fmt.Errorf("fdpass: %w", err)
	}
	return message, fds, nil
}

// portion adds the descriptors of one octet.
func (c *Conn) portion(fds []int, count int) ([]int, error) {
	var b [1]byte
	oob := make([]byte, unix.CmsgSpace(4*atOnce))
	n, oobn, flags, _, err := c.unix.ReadMsgUnix(b[:], oob)
	if err != nil {
		return fds, fmt.Errorf("fdpass: %w", err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return fds, fmt.Errorf("fdpass: %w", err)
	}
	got := 0
	for i := range messages {
		some, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return fds, fmt.Errorf("fdpass: %w", err)
		}
		for _, fd := range some {
			unix.CloseOnExec(fd)
		}
		fds, got = append(fds, some...), got+len(some)
	}
	if n != 1 || flags&unix.MSG_CTRUNC != 0 || got == 0 || got != int(b[0]) || len(fds) > count {
		return fds, fmt.Errorf("%w: %d descriptors, not %d", ErrMessage, got, b[0])
	}
	return fds, nil
}
