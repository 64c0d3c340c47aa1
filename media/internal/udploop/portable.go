package udploop

import (
	"context"
	"net"
	"net/netip"
	"sync"
)

// portable is the part of a Loop that serves sockets by a goroutine each.
type portable struct {
	mu      sync.Mutex
	ended   bool
	sockets map[*Socket]struct{}
	wg      sync.WaitGroup
}

type portableSocket struct{ conn *net.UDPConn }

func (l *Loop) listenPortable(s *Socket, addr netip.AddrPort) error {
	l.portable.mu.Lock()
	defer l.portable.mu.Unlock()
	if l.ended {
		return ErrClosed
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return err
	}
	s.conn = conn
	s.local = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	if l.sockets == nil {
		l.sockets = map[*Socket]struct{}{}
	}
	l.sockets[s] = struct{}{}
	l.wg.Go(func() { l.readPortable(s) })
	return nil
}

func (l *Loop) closePortable(s *Socket) {
	_ = s.conn.Close() // the reader ends; there is nothing to flush
	l.portable.mu.Lock()
	delete(l.sockets, s)
	l.portable.mu.Unlock()
}

func (l *Loop) runPortable(ctx context.Context) error {
	<-ctx.Done()
	l.portable.mu.Lock()
	l.ended = true
	open := make([]*Socket, 0, len(l.sockets))
	for s := range l.sockets {
		open = append(open, s)
	}
	l.portable.mu.Unlock()
	for _, s := range open {
		s.Close()
	}
	l.wg.Wait()
	return nil
}

func (l *Loop) readPortable(s *Socket) {
	var out Outbox
	buf := make([]byte, MaxPacket+1)
	one := make([]Packet, 1)
	stats := &l.g.stats
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			if s.closed.Load() {
				return
			}
			continue // an ICMP error of an earlier packet
		}
		one[0] = Packet{Data: buf[:min(n, MaxPacket)], From: netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), Truncated: n > MaxPacket}
		stats.received.Add(1)
		stats.rounds.Add(1)
		s.handler.HandlePackets(one, l.g.cfg.Now(), &out)
		for _, o := range out.items {
			if l.sendPortable(o.socket, o.data, o.to) != nil {
				stats.sendErrors.Add(1)
			} else {
				stats.sent.Add(1)
			}
		}
		out.Reset()
	}
}

func (l *Loop) sendPortable(s *Socket, b []byte, to netip.AddrPort) error {
	_, err := s.conn.WriteToUDPAddrPort(b, to)
	return err
}
