package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/internal/fdpass"
	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/srtp/dtlssrtp"
)

const (
	handLimit = 30 * time.Second // for all of a handing over
	// lingering is how long connections of clients are served by the process
	// before; what comes is carried out by its successor.
	lingering = 3 * time.Second
)

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// Inheritance is what the process before hands over.
type Inheritance struct {
	conn    *fdpass.Conn
	sockets *Sockets
	cert    dtlssrtp.Certificate
}

// certificate is that of the process before; nil: there is none.
func (h *Inheritance) certificate() *dtlssrtp.Certificate {
	if h == nil {
		return nil
	}
	return &h.cert
}

// inherit asks the process that runs for its listeners.
func inherit(ctx context.Context, path string) (*Inheritance, error) {
	if path == "" {
		return nil, fmt.Errorf("%w: media: upgrade is needed", ErrConfig)
	}
	c, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("%w: media: upgrade: nobody hands over: %w", ErrConfig, err)
	}
	h := &Inheritance{conn: fdpass.New(c.(*net.UnixConn)), sockets: &Sockets{before: map[string]*os.File{}}}
	err = h.conn.Check()
	if err == nil {
		err = errors.Join(c.SetDeadline(time.Now().Add(handLimit)), tell(h.conn, handMessage{Kind: handHello, Version: handVersion}))
	}
	var m handMessage
	var fds []int
	if err == nil {
		m, fds, err = hear(h.conn, handSockets)
	}
	if err == nil && (m.Version != handVersion || len(m.Names) != len(fds)) {
		closeAll(fds)
		err = fmt.Errorf("version %d, %d descriptors for %d names", m.Version, len(fds), len(m.Names))
	}
	if err == nil {
		if h.cert, err = dtlssrtp.ImportCertificate(m.Certificate); err != nil {
			closeAll(fds)
		}
	}
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("taking over: %w", err)
	}
	for i, name := range m.Names {
		h.sockets.before[name] = os.NewFile(uintptr(fds[i]), name)
	}
	return h, nil
}

// Close gives up what was not taken. The process before keeps all, unless it
// has handed over.
func (h *Inheritance) Close() {
	if h != nil {
		h.sockets.Close()
		_ = h.conn.Close()
	}
}

// receive takes the sessions; when it returns without an error they are ours.
func (h *Inheritance) receive(ctx context.Context, r *relay.Relay, server *ng.Server) (n int, err error) {
	if err := tell(h.conn, handMessage{Kind: handReady}); err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			_ = tell(h.conn, handMessage{Kind: handFailed, Error: err.Error()})
		}
	}()
	m, _, err := hear(h.conn, handReplies)
	if err != nil {
		return 0, err
	}
	server.Remember(m.Replies)
	for arrivals := r.Arrivals(); ; n++ {
		m, fds, err := hear(h.conn, handSession, handAll)
		if err != nil {
			return n, err
		}
		if m.Kind == handAll {
			break
		}
		if m.Session == nil || len(m.Session.Sockets) != len(fds) {
			closeAll(fds)
			return n, fmt.Errorf("a session with %d descriptors", len(fds))
		}
		for i := range fds {
			m.Session.Sockets[i].FD = fds[i]
		}
		if err := arrivals.Take(ctx, *m.Session); err != nil {
			return n, err
		}
	}
	if err := tell(h.conn, handMessage{Kind: handTaken}); err != nil {
		return n, err
	}
	_, _, err = hear(h.conn, handGo)
	if err == nil {
		err = h.conn.Unix().SetDeadline(time.Time{})
	}
	return n, err
}

// handOver gives all to a process that asks for it. With an error all is as
// before.
func (m *MediaNode) handOver(ctx context.Context, conn *net.UnixConn) (next *successor, err error) {
	c := fdpass.New(conn)
	defer func() {
		if err != nil {
			_ = tell(c, handMessage{Kind: handFailed, Error: err.Error()})
			_ = c.Close()
			m.relay.HoldOffload(false)
		}
	}()
	if err := errors.Join(c.Check(), conn.SetDeadline(time.Now().Add(handLimit))); err != nil {
		return nil, err
	}
	hello, _, err := hear(c, handHello)
	if err != nil {
		return nil, err
	}
	if hello.Version != handVersion {
		return nil, fmt.Errorf("the other process speaks version %d, this one %d", hello.Version, handVersion)
	}
	m.relay.HoldOffload(true)
	if err := m.giveSockets(c); err != nil {
		return nil, err
	}
	if _, _, err := hear(c, handReady); err != nil {
		return nil, err
	}
	replies, goOn := m.server.Pause()
	held, err := m.giveSessions(ctx, c, replies)
	if err != nil {
		goOn(nil)
		return nil, err
	}
	if err := tell(c, handMessage{Kind: handGo}); err != nil { // a message this short arrives or does not
		goOn(nil)
		return nil, errors.Join(err, held.Resume())
	}
	held.Leave()
	next = &successor{conn: c, pending: map[uint64]chan handMessage{}}
	goOn(next.answer)
	return next, conn.SetDeadline(time.Time{})
}

func (m *MediaNode) giveSockets(c *fdpass.Conn) error {
	fds, err := m.env.Sockets.descriptors()
	defer func() { closeAll(fds) }()
	if err != nil {
		return err
	}
	names := m.env.Sockets.names
	if k := m.relay.kernel; k != nil {
		fd, err := unix.FcntlInt(k.Lock().Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return err
		}
		names, fds = append(names[:len(names):len(names)], lockName), append(fds, fd)
	}
	cert, err := m.relay.Certificate().Export()
	if err != nil {
		return err
	}
	return tell(c, handMessage{Kind: handSockets, Version: handVersion, Names: names, Certificate: cert}, fds...)
}

// giveSessions hands the sessions over, and what clients were answered about
// them, and waits until the other side has all.
func (m *MediaNode) giveSessions(ctx context.Context, c *fdpass.Conn, replies []ng.Reply) (*relay.Suspension, error) {
	if err := tell(c, handMessage{Kind: handReplies, Replies: replies}); err != nil {
		return nil, err
	}
	held, err := m.relay.Suspend(ctx, func(h relay.Handed) error {
		fds := make([]int, len(h.Sockets))
		for i := range fds {
			fds[i] = h.Sockets[i].FD
		}
		return tell(c, handMessage{Kind: handSession, Session: &h}, fds...)
	})
	if err != nil {
		return nil, err
	}
	err = tell(c, handMessage{Kind: handAll})
	if err == nil {
		_, _, err = hear(c, handTaken)
	}
	if err != nil {
		return nil, errors.Join(err, held.Resume())
	}
	return held, nil
}
