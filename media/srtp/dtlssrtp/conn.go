package dtlssrtp

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/pion/transport/v5/packetio"
)

// pushConn is the packet connection that the DTLS library sees: what is pushed
// can be read, what is written goes to the owner's function.
type pushConn struct {
	in     *packetio.Buffer
	local  net.Addr
	remote net.Addr

	mu     sync.Mutex
	send   func([]byte) error
	closed bool
}

func newPushConn(c Config) *pushConn {
	in := packetio.NewBuffer()
	in.SetLimitCount(c.Queue)
	in.SetLimitSize(c.Queue * MaxDatagram)
	return &pushConn{in: in, send: c.Send, local: c.Local, remote: c.Remote}
}

func (c *pushConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, err := c.in.Read(b, nil)
	return n, c.remote, err
}

// WriteTo holds the lock over the send, so that none comes after Close. A send
// that fails is a lost datagram: the handshake repeats it.
func (c *pushConn) WriteTo(b []byte, _ net.Addr) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	if err := c.send(b); errors.Is(err, net.ErrClosed) {
		return 0, err
	}
	return len(b), nil
}

func (c *pushConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return c.in.Close()
}

func (c *pushConn) LocalAddr() net.Addr                { return c.local }
func (c *pushConn) SetDeadline(t time.Time) error      { return c.SetReadDeadline(t) }
func (c *pushConn) SetReadDeadline(t time.Time) error  { return c.in.SetReadDeadline(t) }
func (c *pushConn) SetWriteDeadline(t time.Time) error { return nil }
