package sipgoconn

import (
	"hash/maphash"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// packetConn is a UDP listener as a net.PacketConn.
type packetConn struct {
	b        *Bridge
	listener uint8
	local    netip.AddrPort
	inbox    inbox
	ours     *addresses // nil unless the listener is bound to all addresses
}

func newPacketConn(b *Bridge, i uint8, info transport.ListenerInfo) *packetConn {
	p := &packetConn{b: b, listener: i, local: info.Addr}
	p.inbox.messages = mostDatagrams
	p.inbox.init()
	if info.Addr.Addr().IsUnspecified() {
		p.ours = &addresses{seed: maphash.MakeSeed()}
	}
	return p
}

func (p *packetConn) put(packet *transport.Packet) bool {
	if p.ours != nil {
		p.ours.note(packet.Flow.Remote, packet.Flow.Local)
	}
	return p.inbox.put(packet.Data, packet.Flow.Remote)
}

// ReadFrom implements net.PacketConn.
func (p *packetConn) ReadFrom(buf []byte) (int, net.Addr, error) {
	n, remote, err := p.inbox.read(buf, true)
	if err != nil {
		return 0, nil, p.error("read", err)
	}
	return n, net.UDPAddrFromAddrPort(remote), nil
}

// WriteTo implements net.PacketConn.
func (p *packetConn) WriteTo(msg []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, p.error("write", net.InvalidAddrError("not a UDP address"))
	}
	remote := udp.AddrPort()
	flow := transport.Flow{Protocol: transport.UDP, Listener: p.listener, Remote: netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())}
	if p.ours != nil {
		flow.Local = p.ours.of(flow.Remote)
	}
	if err := p.b.endpoint.Send(flow, msg); err != nil {
		return 0, p.error("write", err)
	}
	return len(msg), nil
}

func (p *packetConn) error(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: p.LocalAddr(), Err: err}
}

// Close ends reading; the endpoint keeps its socket.
func (p *packetConn) Close() error {
	p.inbox.close()
	return nil
}

func (p *packetConn) LocalAddr() net.Addr                { return net.UDPAddrFromAddrPort(p.local) }
func (p *packetConn) SetDeadline(t time.Time) error      { return p.inbox.setDeadline(t) }
func (p *packetConn) SetReadDeadline(t time.Time) error  { return p.inbox.setDeadline(t) }
func (p *packetConn) SetWriteDeadline(_ time.Time) error { return nil } // writing does not wait

// addresses remembers which of our addresses the last peers have sent to, so
// that answers leave from there. It does not grow; a peer that was forgotten is
// answered from the address that the system chooses.
type addresses struct {
	mu    sync.Mutex
	seed  maphash.Seed
	slots [1024]struct{ remote, local netip.AddrPort }
}

func (a *addresses) note(remote, local netip.AddrPort) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &a.slots[maphash.Comparable(a.seed, remote)%uint64(len(a.slots))]
	s.remote, s.local = remote, local
}

func (a *addresses) of(remote netip.AddrPort) netip.AddrPort {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := &a.slots[maphash.Comparable(a.seed, remote)%uint64(len(a.slots))]; s.remote == remote {
		return s.local
	}
	return netip.AddrPort{}
}
