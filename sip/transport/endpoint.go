package transport

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// Endpoint is a set of bound listeners and the connections on them. Its methods
// are safe for concurrent use.
type Endpoint struct {
	cfg       Config
	listeners []*listener
	handler   Handler // set by Serve before anything reads

	conns     connTable
	dials     dialPool
	admission admission

	loops      []*loop // of the connections; nil until there are any
	loopMu     sync.Mutex
	loopNext   int
	accepts    pacer
	handshakes pacer
	memory     atomic.Int64 // of Limits.StreamMemory
	limits     atomic.Pointer[Limits]
	reload     sync.Mutex // of SetLimits and SetAuthorities
	born       time.Time

	serving  context.Context // of Serve
	started  atomic.Bool
	stopping atomic.Bool // no more reading
	closed   atomic.Bool // no more sending
	readers  group       // goroutines that may call the handler, and dial attempts
	writers  group       // the loops, which empty write queues to the last

	bufs     bufPool
	outboxes sync.Pool // *Outbox
	turns    atomic.Uint32
}

// listener is one of Config.Listeners, bound: udp or tcp is set.
type listener struct {
	index    uint8
	cfg      ListenerConfig
	info     ListenerInfo
	udp      []*udpSocket
	tcp      *acceptor
	limits   *wire.Limits // of stream messages
	secrets  atomic.Pointer[secrets]
	counters counters // of connections; UDP sockets have their own
}

// ListenerInfo describes a bound listener.
type ListenerInfo struct {
	// Name is ListenerConfig.Name or the one made up for it.
	Name string
	// Protocol is the transport.
	Protocol Protocol
	// Addr is the bound address with the real port.
	Addr netip.AddrPort
	// Advertised is the address for Via and Record-Route: the configured one, or
	// Addr. A configured port of 0 becomes the bound port.
	Advertised netip.AddrPort
	// Internal is as configured.
	Internal bool
}

// source is where messages leave from, as far as known without asking the system.
func (i *ListenerInfo) source() netip.AddrPort {
	if i.Addr.Addr().IsUnspecified() {
		return i.Advertised
	}
	return i.Addr
}

// Listen binds all listeners of cfg, or none and returns an error that names
// the listener; errors.Is finds the cause in it, such as syscall.EADDRINUSE.
func Listen(ctx context.Context, cfg Config) (*Endpoint, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Endpoint{cfg: cfg}
	e.limits.Store(&cfg.Limits)
	e.outboxes.New = func() any { return e.Outbox() }
	e.admission = newAdmission(cfg.Limits)
	e.loops = make([]*loop, cfg.Loops)
	e.accepts, e.handshakes = pacer{rate: cfg.Limits.AcceptRate}, pacer{rate: cfg.Limits.HandshakeRate}
	e.born = time.Now()
	e.dials = dialPool{limit: cfg.Limits.DialedConnections, calls: make(map[dialKey]*dialCall)}
	var start [4]byte
	_, _ = rand.Read(start[:]) // never fails
	e.conns.init(uint32(cfg.Now().Unix()), binary.NativeEndian.Uint32(start[:]))
	for i, lc := range cfg.Listeners {
		l, err := bind(ctx, uint8(i), lc)
		if err != nil {
			_ = e.Close()
			return nil, fmt.Errorf("transport: listener %q: %w", lc.Name, err)
		}
		e.listeners = append(e.listeners, l)
		cfg.Logger.Debug("sip transport: listening", "listener", l.info.Name, "address", l.info.Addr.String())
	}
	return e, nil
}

func bind(ctx context.Context, index uint8, cfg ListenerConfig) (*listener, error) {
	l := &listener{index: index, cfg: cfg}
	l.secrets.Store(newSecrets(&l.cfg))
	l.info = ListenerInfo{Name: cfg.Name, Protocol: cfg.Protocol, Advertised: cfg.Advertised, Internal: cfg.Internal}
	if cfg.Protocol == UDP {
		sockets, err := listenUDP(ctx, &cfg)
		if err != nil {
			return nil, err
		}
		l.udp, l.info.Addr = sockets, sockets[0].local
	} else {
		if err := l.bindTCP(ctx); err != nil {
			return nil, err
		}
	}
	switch a := cfg.Advertised; {
	case !a.IsValid():
		l.info.Advertised = l.info.Addr
	case a.Port() == 0:
		l.info.Advertised = netip.AddrPortFrom(a.Addr(), l.info.Addr.Port())
	}
	return l, nil
}

func (l *listener) bindTCP(ctx context.Context) error {
	var failed error
	lc := net.ListenConfig{Control: func(network, address string, raw syscall.RawConn) error {
		if err := l.cfg.control(network, address, raw); err != nil {
			return err
		}
		return errors.Join(raw.Control(func(fd uintptr) { failed = listenOptions(int(fd)) }), failed)
	}}
	nl, err := lc.Listen(ctx, network("tcp", l.cfg.Addr.Addr()), l.cfg.Addr.String())
	if err != nil {
		return err
	}
	l.info.Addr = localAddr(nl.Addr().(*net.TCPAddr).AddrPort(), l.cfg.Addr.Addr())
	if l.tcp, err = newAcceptor(nl.(*net.TCPListener)); err != nil {
		return err
	}
	l.limits = &wire.Limits{Message: l.cfg.MaxMessage}
	return nil
}

// Listener returns the i-th listener; the zero value when there is none.
func (e *Endpoint) Listener(i uint8) ListenerInfo {
	if int(i) >= len(e.listeners) {
		return ListenerInfo{}
	}
	return e.listeners[i].info
}

// Listeners returns all listeners in the order of Config.Listeners.
func (e *Endpoint) Listeners() []ListenerInfo {
	all := make([]ListenerInfo, len(e.listeners))
	for i, l := range e.listeners {
		all[i] = l.info
	}
	return all
}

// Close closes all sockets of an Endpoint that is not served. One that is
// served is ended by its context; Close does nothing to it.
func (e *Endpoint) Close() error {
	if e.started.CompareAndSwap(false, true) {
		e.closed.Store(true)
		e.readers.close()
		e.writers.close()
		e.closeListeners()
	}
	return nil
}
