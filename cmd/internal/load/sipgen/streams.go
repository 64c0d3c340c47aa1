package sipgen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Streams makes the lanes of a Run bundles of connections: a slot is one, and
// the window goes around among all of them, so that each is used in its turn.
type Streams struct {
	Protocol transport.Protocol // TCP, TLS, WS or WSS
	Conns    int                // over all lanes
	// First is the address the first connections are made from; default
	// 127.1.0.1. After PerSource of them comes the next address; default 20,
	// since edges bound the handshakes of one address.
	First     netip.Addr
	PerSource int
	// Parallel is the number of connections being opened at once; default 16.
	Parallel int
}

func (s *Streams) withDefaults() *Streams {
	c := *s
	if !c.First.IsValid() {
		c.First = netip.AddrFrom4([4]byte{127, 1, 0, 1})
	}
	if c.PerSource == 0 {
		c.PerSource = 20
	}
	if c.Parallel == 0 {
		c.Parallel = 16
	}
	return &c
}

// source is the address of connection i.
func (s *Streams) source(i int) netip.Addr {
	a := s.First.As4()
	n := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	n += uint32(i / s.PerSource)
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// stream is one connection.
type stream struct {
	socket *socket
	link   io.ReadWriter // in clear
	framer wire.Framer
	whole  bool // link gives whole messages
	gone   bool
}

// bundle is the connections of a lane with the epoll that watches them.
type bundle struct {
	lane  *Lane
	cfg   *Streams
	epoll int
	conns []*stream // by slot
	room  []byte
}

func newBundle(l *Lane, cfg *Streams) (*bundle, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create", err)
	}
	return &bundle{lane: l, cfg: cfg, epoll: fd, room: make([]byte, 1<<16)}, nil
}

func (b *bundle) close() {
	for _, c := range b.conns {
		_ = c.socket.Close()
	}
	b.conns = nil
	_ = unix.Close(b.epoll)
}

// extend opens connections until there are n, and gives their slots to the
// lane. first numbers the connections of all lanes.
func (b *bundle) extend(ctx context.Context, n, first int) error {
	from := len(b.conns)
	fresh := make([]*stream, n-from)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(b.cfg.Parallel)
	for i := range fresh {
		g.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			fresh[i], err = b.cfg.dial(b.cfg.source(first+from+i), b.lane.run.cfg.Target)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		for _, c := range fresh {
			if c != nil {
				_ = c.socket.Close()
			}
		}
		return fmt.Errorf("connection %d or later: %w", from+1, err)
	}
	b.lane.mu.Lock()
	b.conns = append(b.conns, fresh...)
	turn := make([]int, 0, n)
	for i := from; i < n; i++ {
		turn = append(turn, i)
	}
	b.lane.free = append(turn, b.lane.free...) // the fresh ones go first
	b.lane.mu.Unlock()
	for i, c := range fresh {
		if err := c.socket.nonblocking(); err != nil {
			return err
		}
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(from + i)}
		if err := unix.EpollCtl(b.epoll, unix.EPOLL_CTL_ADD, c.socket.fd, &event); err != nil {
			return os.NewSyscallError("epoll_ctl", err)
		}
	}
	return nil
}

// dial opens one connection with all its handshakes.
func (s *Streams) dial(local netip.Addr, target netip.AddrPort) (*stream, error) {
	sock, err := connect(local, target, 10*time.Second)
	if err != nil {
		return nil, err
	}
	c := &stream{socket: sock, link: sock}
	if s.Protocol.Secure() {
		// The curve is fixed, so that all elements do the same arithmetic.
		t := tls.Client(sock, &tls.Config{
			InsecureSkipVerify: true, //nolint:gosec // a certificate made for this very run
			MinVersion:         tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP256}, SessionTicketsDisabled: true,
		})
		if err := t.Handshake(); err != nil { //nolint:noctx // the socket has its time limit
			_ = sock.Close()
			return nil, fmt.Errorf("handshake: %w", err)
		}
		c.link = t
	}
	if s.Protocol == transport.WS || s.Protocol == transport.WSS {
		if c.link, err = upgrade(c.link, target); err != nil {
			_ = sock.Close()
			return nil, err
		}
		c.whole = true
	}
	return c, nil
}

// send implements outlet; the lane is locked.
func (b *bundle) send(slot int, msg []byte) {
	c := b.conns[slot]
	if c.gone {
		return
	}
	if _, err := c.link.Write(msg); err != nil {
		b.lose(slot, "connection broken")
	}
}

func (b *bundle) flush() {}

// lose gives up a connection and, by its silence, what was under way on it. Its
// descriptor stays until the end, so that no other connection gets it meanwhile.
func (b *bundle) lose(slot int, why string) {
	c := b.conns[slot]
	if c.gone {
		return
	}
	c.gone = true
	b.lane.figures.reasons[why]++
	_ = unix.EpollCtl(b.epoll, unix.EPOLL_CTL_DEL, c.socket.fd, nil)
	_ = unix.Shutdown(c.socket.fd, unix.SHUT_RDWR)
}

// loop takes answers until ctx is done.
func (b *bundle) loop(ctx context.Context) error {
	events := make([]unix.EpollEvent, 256)
	for ctx.Err() == nil {
		n, err := unix.EpollWait(b.epoll, events, 50)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("epoll_wait", err)
		}
		for _, e := range events[:max(n, 0)] {
			b.readable(int(e.Fd))
		}
	}
	return nil
}

// readable takes what has come for a connection.
func (b *bundle) readable(slot int) {
	l := b.lane
	l.mu.Lock()
	c := b.conns[slot]
	l.mu.Unlock()
	for {
		n, err := c.link.Read(b.room)
		var pause net.Error
		if errors.As(err, &pause) && pause.Timeout() {
			return
		}
		l.mu.Lock()
		if err != nil {
			b.lose(slot, "connection closed")
		} else {
			b.messages(slot, c, b.room[:n])
		}
		gone := c.gone
		l.mu.Unlock()
		if gone || c.link == io.ReadWriter(c.socket) && n < len(b.room) {
			return // epoll tells of the rest
		}
	}
}

// messages hands what was read to the operations.
func (b *bundle) messages(slot int, c *stream, data []byte) {
	now := time.Now()
	if c.whole {
		b.lane.answer(now, transport.Packet{Data: data}, b)
		return
	}
	c.framer.Feed(data)
	for {
		frame, msg, err := c.framer.Next()
		switch {
		case err != nil:
			b.lose(slot, "answers without end")
			return
		case frame == wire.FrameMore:
			return
		case frame == wire.FrameMessage:
			b.lane.answer(now, transport.Packet{Data: msg}, b)
		}
	}
}
