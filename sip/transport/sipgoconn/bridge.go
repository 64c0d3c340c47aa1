package sipgoconn

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/class5-go/class5/sip/transport"
)

const (
	mostDatagrams = 1024      // waiting for a PacketConn
	mostBytes     = 256 << 10 // waiting for a connection
	mostAccepts   = 1024      // connections waiting to be accepted
)

// Bridge passes messages from an endpoint to connections of package net and
// back. It is the endpoint's handler.
type Bridge struct {
	endpoint *transport.Endpoint
	packets  map[uint8]*packetConn
	streams  map[uint8]*listener
	dropped  atomic.Uint64

	mu     sync.Mutex
	conns  map[transport.Flow]*conn
	sweep  int // number of connections at which dead ones are looked for
	closed bool
}

// New makes the handler of an endpoint that is not served yet.
func New(e *transport.Endpoint) *Bridge {
	b := &Bridge{
		endpoint: e, packets: make(map[uint8]*packetConn), streams: make(map[uint8]*listener),
		conns: make(map[transport.Flow]*conn), sweep: 64,
	}
	for i, info := range e.Listeners() {
		if i := uint8(i); info.Protocol == transport.UDP {
			b.packets[i] = newPacketConn(b, i, info)
		} else {
			b.streams[i] = newListener(info)
		}
	}
	return b
}

// PacketConn returns the connection of a UDP listener, to be given to
// sipgo.Server.ServeUDP. Close of it does not close the listener.
func (b *Bridge) PacketConn(listener uint8) (net.PacketConn, error) {
	if p := b.packets[listener]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("sipgoconn: listener %d: %w", listener, transport.ErrNoListener)
}

// Listener returns the listener of a stream transport, to be given to ServeTCP, or
// for TLS and WSS to ServeTLS, of a sipgo.Server. Close of it does not close the
// endpoint's.
func (b *Bridge) Listener(listener uint8) (net.Listener, error) {
	if l := b.streams[listener]; l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("sipgoconn: listener %d: %w", listener, transport.ErrNoListener)
}

// Dropped is how many messages were dropped because nobody read them in time.
func (b *Bridge) Dropped() uint64 { return b.dropped.Load() }

// ServeSIP implements transport.Handler.
func (b *Bridge) ServeSIP(batch []transport.Packet, _ *transport.Outbox) {
	for i := range batch {
		p := &batch[i]
		if !b.pass(p) {
			b.dropped.Add(1)
		}
	}
}

func (b *Bridge) pass(p *transport.Packet) bool {
	if p.Flow.Protocol == transport.UDP {
		return b.packets[p.Flow.Listener].put(p)
	}
	c := b.conn(p.Flow)
	switch {
	case c == nil:
		return false
	case p.Flow.Protocol == transport.WS || p.Flow.Protocol == transport.WSS:
		return c.put(measured(p.Data))
	}
	return c.put(p.Data)
}

// conn finds or makes the connection of a flow; nil when nobody accepts it.
func (b *Bridge) conn(flow transport.Flow) *conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.conns[flow]; c != nil || b.closed {
		return c
	}
	if len(b.conns) >= b.sweep {
		b.bury()
		b.sweep = max(64, 2*len(b.conns))
	}
	c := newConn(b, flow)
	if !b.streams[flow.Listener].offer(c) {
		return nil
	}
	b.conns[flow] = c
	return c
}

// bury ends connections whose flow is gone. The endpoint does not tell of them;
// looking whenever their number has doubled costs little for each, and keeps
// no more than twice as many as are open.
func (b *Bridge) bury() {
	for flow, c := range b.conns {
		if !b.endpoint.Alive(flow) {
			delete(b.conns, flow)
			c.inbox.close()
		}
	}
}

func (b *Bridge) forget(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conns[c.flow] == c {
		delete(b.conns, c.flow)
	}
}

// Close ends all connections and listeners of the bridge. Messages that come
// later are dropped.
func (b *Bridge) Close() error {
	b.mu.Lock()
	b.closed = true
	conns := b.conns
	b.conns = nil
	b.mu.Unlock()
	for _, c := range conns {
		c.inbox.close()
	}
	for _, l := range b.streams {
		_ = l.Close()
	}
	for _, p := range b.packets {
		_ = p.Close()
	}
	return nil
}
