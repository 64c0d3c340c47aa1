package udploop

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is returned for sockets and groups that have ended.
var ErrClosed = errors.New("udploop: closed")

const (
	// MaxPacket is the size above which a datagram is handed out cut, with
	// Truncated set. Media packets fit an Ethernet frame.
	MaxPacket = 2048
	// batch is how many packets are read from one socket at once.
	batch = 8
	// packTarget is the number of sockets up to which a loop is filled before
	// the next one is used.
	packTarget = 4000
)

// Packet is one received datagram.
type Packet struct {
	Data      []byte
	From      netip.AddrPort // never IPv4-mapped
	Truncated bool
}

// Handler consumes what arrived at one socket.
type Handler interface {
	// HandlePackets gets packets in order of arrival, at least one. They are
	// lent until it returns, or, when put into out, until they are sent; the
	// handler may write to them.
	HandlePackets(packets []Packet, now time.Time, out *Outbox)
}

// Config of a group. Zero fields have the default stated.
type Config struct {
	Loops    int              // default 1
	Linger   time.Duration    // pause between rounds under load; default none
	Now      func() time.Time // default time.Now; called once per round
	Portable bool             // a goroutine per socket, as on systems without epoll
	FreeBind bool             // bind addresses that this host does not have yet (IP_FREEBIND)
}

// Counters are the totals of a group since its start.
type Counters struct {
	Received, Sent uint64 // packets
	Rounds         uint64 // wake-ups that found something
	SendErrors     uint64 // packets the kernel did not take
}

// counters are written by the goroutines that move packets.
type counters struct{ received, sent, rounds, sendErrors atomic.Uint64 }

// Group is a number of loops. Make one with [New].
type Group struct {
	cfg   Config
	loops []*Loop
	stats counters
}

// New makes the loops; they start with Run. No descriptor is opened before
// the first socket.
func New(cfg Config) *Group {
	cfg.Loops = max(cfg.Loops, 1)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	g := &Group{cfg: cfg}
	for range cfg.Loops {
		g.loops = append(g.loops, &Loop{g: g})
	}
	return g
}

// Run serves all sockets until ctx is done, then closes them.
func (g *Group) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make([]error, len(g.loops))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for i, l := range g.loops {
		wg.Go(func() {
			errs[i] = l.run(ctx)
			cancel() // a loop that fails must not leave its sockets unserved in silence
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Loop picks the loop for a new set of sockets: the first that is not full,
// else the least loaded one.
func (g *Group) Loop() *Loop {
	best := g.loops[0]
	for _, l := range g.loops {
		n := l.open.Load()
		if n < packTarget {
			return l
		}
		if n < best.open.Load() {
			best = l
		}
	}
	return best
}

// Counters returns the totals.
func (g *Group) Counters() Counters {
	return Counters{Received: g.stats.received.Load(), Sent: g.stats.sent.Load(),
		Rounds: g.stats.rounds.Load(), SendErrors: g.stats.sendErrors.Load()}
}

// Loop is one goroutine and its sockets.
type Loop struct {
	g    *Group
	open atomic.Int64
	poller
	portable
}

// Listen binds a socket and delivers its packets to h. tos is the IPv4 type
// of service or IPv6 traffic class of packets sent.
func (l *Loop) Listen(addr netip.AddrPort, tos int, h Handler) (*Socket, error) {
	s := &Socket{loop: l, handler: h}
	err := l.listen(s, addr, tos)
	if err != nil {
		return nil, err
	}
	l.open.Add(1)
	return s, nil
}

// Socket is one bound UDP socket.
type Socket struct {
	loop    *Loop
	handler Handler
	local   netip.AddrPort
	closed  atomic.Bool
	epollSocket
	portableSocket
}

// LocalAddr is the bound address with the port in use.
func (s *Socket) LocalAddr() netip.AddrPort { return s.local }

// Close ends the socket. It may be called more than once.
func (s *Socket) Close() {
	if !s.closed.Swap(true) {
		s.loop.open.Add(-1)
		s.loop.close(s)
	}
}

// Send sends one packet at once. It may be called from any goroutine.
func (s *Socket) Send(b []byte, to netip.AddrPort) error {
	if s.closed.Load() {
		return ErrClosed
	}
	if err := s.loop.send(s, b, to); err != nil {
		s.loop.g.stats.sendErrors.Add(1)
		return err
	}
	s.loop.g.stats.sent.Add(1)
	return nil
}

// Outbox collects packets to send when the handler has returned.
type Outbox struct {
	items   []outgoing
	buffers [][]byte
	lent    int
}

type outgoing struct {
	socket *Socket
	data   []byte
	to     netip.AddrPort
}

// Add puts a packet in. The data must stay as it is until the packet is sent,
// which is before the next call of a handler by the same loop.
func (o *Outbox) Add(s *Socket, data []byte, to netip.AddrPort) {
	o.items = append(o.items, outgoing{s, data, to})
}

// Buffer lends MaxPacket octets in which a packet of the handler's own can be
// made. They are valid as long as what is put in.
func (o *Outbox) Buffer() []byte {
	if o.lent == len(o.buffers) {
		o.buffers = append(o.buffers, make([]byte, MaxPacket))
	}
	o.lent++
	return o.buffers[o.lent-1]
}

// Len is the number of packets waiting.
func (o *Outbox) Len() int { return len(o.items) }

// Reset empties the outbox without sending.
func (o *Outbox) Reset() {
	clear(o.items)
	o.items, o.lent = o.items[:0], 0
}
