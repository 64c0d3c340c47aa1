//go:build unix && !linux

package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// udpSocket is the socket of a UDP listener.
type udpSocket struct {
	conn     *net.UDPConn
	local    netip.AddrPort
	counters counters
}

// listenUDP binds one socket, whatever number of readers is asked for: sharing
// an address does not spread datagrams on these systems.
func listenUDP(ctx context.Context, cfg *ListenerConfig) ([]*udpSocket, error) {
	lc := net.ListenConfig{Control: cfg.control}
	pc, err := lc.ListenPacket(ctx, network("udp", cfg.Addr.Addr()), cfg.Addr.String())
	if err != nil {
		return nil, err
	}
	s := &udpSocket{conn: pc.(*net.UDPConn)}
	s.local = localAddr(s.conn.LocalAddr().(*net.UDPAddr).AddrPort(), cfg.Addr.Addr())
	_ = s.conn.SetReadBuffer(cfg.ReceiveBuffer)
	_ = s.conn.SetWriteBuffer(cfg.SendBuffer)
	return []*udpSocket{s}, nil
}

// stop ends reading at once and sending at a deadline.
func (s *udpSocket) stop(deadline time.Time) {
	_ = s.conn.SetReadDeadline(time.Now())
	_ = s.conn.SetWriteDeadline(deadline)
}

func (s *udpSocket) close() { _ = s.conn.Close() }

// udpWorker reads, handles and answers what comes to one socket.
type udpWorker struct {
	e   *Endpoint
	r   *udpReader
	out *Outbox
}

// udpWorkers returns the goroutines to run for the UDP listeners.
func (e *Endpoint) udpWorkers() ([]*udpWorker, error) {
	var workers []*udpWorker
	for _, l := range e.listeners {
		for _, s := range l.udp {
			workers = append(workers, &udpWorker{e: e, r: newUDPReader(s, l.index, &l.cfg), out: e.newOutbox(0)})
		}
	}
	return workers, nil
}

// run serves until the endpoint stops.
func (w *udpWorker) run() error {
	for {
		batch, err := w.r.read()
		switch {
		case err == nil:
			if len(batch) > 0 {
				w.e.deliver(batch, w.out)
			}
		case w.e.stopping.Load():
			return nil
		default:
			return fmt.Errorf("transport: listener %q: %w", w.e.listeners[w.r.listener].info.Name, err)
		}
	}
}

func (w *udpWorker) stop()  {} // the sockets have been stopped
func (w *udpWorker) close() {}

// udpReader reads one datagram at a time.
type udpReader struct {
	s        *udpSocket
	listener uint8
	limit    *pongLimit
	pong     [stunRoom]byte
	buf      []byte
	packets  [1]Packet
}

func newUDPReader(s *udpSocket, listener uint8, cfg *ListenerConfig) *udpReader {
	// One byte more than allowed shows what is too long.
	return &udpReader{s: s, listener: listener, limit: newPongLimit(), buf: make([]byte, cfg.MaxMessage+1)}
}

func (r *udpReader) read() ([]Packet, error) {
	n, remote, err := r.s.conn.ReadFromUDPAddrPort(r.buf)
	if err != nil {
		return nil, err
	}
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	switch {
	case n == len(r.buf):
		r.s.counters.drop(DropOversize)
		return nil, nil
	case isKeepAlive(r.buf[:n]):
		r.s.counters.keepAlives.Add(1)
		return nil, nil
	case remote.Port() == 0:
		r.s.counters.drop(DropSource)
		return nil, nil
	case isSTUN(r.buf[:n]):
		r.answer(r.buf[:n], remote)
		return nil, nil
	}
	r.s.counters.in(1, n)
	flow := Flow{Protocol: UDP, Listener: r.listener, Local: r.s.local, Remote: remote}
	r.packets[0] = Packet{Data: r.buf[:n], Flow: flow}
	return r.packets[:], nil
}

// answer answers a keep-alive.
func (r *udpReader) answer(req []byte, remote netip.AddrPort) {
	r.s.counters.keepAlives.Add(1)
	msg, ok := appendSTUN(r.pong[:0], req, remote)
	switch {
	case !ok:
	case !r.limit.allow(remote.Addr(), time.Now()):
		r.s.counters.drop(DropKeepAlive)
	default:
		if _, err := r.s.conn.WriteToUDPAddrPort(msg, remote); err != nil {
			r.s.counters.drop(DropSend)
		}
	}
}

// sendBatch writes each datagram as it comes.
type sendBatch struct {
	s   *udpSocket
	err error
}

func newSendBatch(s *udpSocket, _ int) *sendBatch { return &sendBatch{s: s} }

func (b *sendBatch) full() bool { return false }

func (b *sendBatch) add(flow *Flow, msg []byte) {
	n, err := b.s.conn.WriteToUDPAddrPort(msg, flow.Remote)
	if err != nil {
		b.s.counters.drop(DropSend)
		b.err = err
		return
	}
	b.s.counters.out(1, n)
}

func (b *sendBatch) flush() error {
	err := b.err
	b.err = nil
	return err
}
