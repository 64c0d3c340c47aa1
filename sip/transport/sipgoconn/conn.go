package sipgoconn

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// listener offers the connections of a stream listener.
type listener struct {
	addr  netip.AddrPort
	queue chan *conn
	done  chan struct{}
	once  sync.Once
}

func newListener(info transport.ListenerInfo) *listener {
	return &listener{addr: info.Addr, queue: make(chan *conn, mostAccepts), done: make(chan struct{})}
}

// offer reports whether there is room for a connection to be accepted.
func (l *listener) offer(c *conn) bool {
	select {
	case <-l.done:
		return false
	default:
	}
	select {
	case l.queue <- c:
		return true
	default:
		return false
	}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.done:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
	}
}

// Close ends accepting; the endpoint keeps its socket.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

// conn is a stream flow as a net.Conn.
type conn struct {
	b     *Bridge
	flow  transport.Flow
	inbox inbox
}

func newConn(b *Bridge, flow transport.Flow) *conn {
	c := &conn{b: b, flow: flow}
	c.inbox.most = mostBytes
	c.inbox.init()
	return c
}

func (c *conn) put(data []byte) bool { return c.inbox.put(data, netip.AddrPort{}) }

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, _, err := c.inbox.read(p, false)
	switch {
	case errors.Is(err, net.ErrClosed):
		return 0, io.EOF
	case err != nil:
		return 0, c.error("read", err)
	}
	return n, nil
}

// Write sends one message.
func (c *conn) Write(msg []byte) (int, error) {
	err := c.b.endpoint.Send(c.flow, msg)
	if errors.Is(err, transport.ErrFlowGone) || errors.Is(err, transport.ErrClosed) {
		_ = c.Close()
	}
	if err != nil {
		return 0, c.error("write", err)
	}
	return len(msg), nil
}

func (c *conn) error(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// Close ends reading. The endpoint keeps the connection, which is the client's,
// until the client or a limit ends it; when more comes of it, it is offered anew.
func (c *conn) Close() error {
	c.b.forget(c)
	c.inbox.close()
	return nil
}

func (c *conn) LocalAddr() net.Addr                { return net.TCPAddrFromAddrPort(c.flow.Local) }
func (c *conn) RemoteAddr() net.Addr               { return net.TCPAddrFromAddrPort(c.flow.Remote) }
func (c *conn) SetDeadline(t time.Time) error      { return c.inbox.setDeadline(t) }
func (c *conn) SetReadDeadline(t time.Time) error  { return c.inbox.setDeadline(t) }
func (c *conn) SetWriteDeadline(_ time.Time) error { return nil } // writing does not wait
