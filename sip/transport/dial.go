package transport

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// DialOption changes how Dial connects.
type DialOption func(*dialKey)

// ServerName sets the SIP domain that a TLS peer's certificate must be valid
// for (RFC 5922). Without it the certificate must name the IP address, or what
// ListenerConfig.DialTLS says.
func ServerName(domain string) DialOption { return func(k *dialKey) { k.serverName = domain } }

// dialKey is what callers of Dial share a connection by.
type dialKey struct {
	listener   uint8
	protocol   Protocol
	remote     netip.AddrPort
	serverName string
}

// dialPool holds the connections made by Dial and the attempts under way.
type dialPool struct {
	mu    sync.Mutex
	limit int
	calls map[dialKey]*dialCall
}

// dialCall is one attempt and, when it succeeded, its connection.
type dialCall struct {
	done chan struct{} // closed when flow and err are set
	flow Flow
	err  error
}

// join returns the call for key, and whether the caller is to make the attempt.
func (p *dialPool) join(key dialKey) (call *dialCall, first bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if call := p.calls[key]; call != nil {
		return call, false, nil
	}
	if len(p.calls) >= p.limit {
		return nil, false, ErrTooManyConnections
	}
	call = &dialCall{done: make(chan struct{})}
	p.calls[key] = call
	return call, true, nil
}

// settle ends an attempt. One that failed leaves the pool, so that the next
// caller tries again.
func (p *dialPool) settle(key dialKey, call *dialCall, flow Flow, err error) {
	p.mu.Lock()
	call.flow, call.err = flow, err
	if err != nil && p.calls[key] == call {
		delete(p.calls, key)
	}
	p.mu.Unlock()
	close(call.done)
}

// own lets a connection end its keys' entries when it ends itself; false when it
// has ended already.
func (p *dialPool) own(c *conn, keys ...dialKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.keys = append(c.keys, keys...)
	return c.ended.Load() == 0
}

// forget takes a connection that has ended out of the pool.
func (p *dialPool) forget(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, key := range c.keys {
		if call := p.calls[key]; call != nil && call.flow == c.flow {
			delete(p.calls, key)
		}
	}
	c.keys = nil
}

// Dial returns a flow to a peer (not to a client): for TCP and TLS the pooled
// connection of that listener, protocol, address and server name, connected
// first if there is none; callers that ask at the same time share one attempt,
// which goes on when one of them gives up. For UDP it only makes up the flow.
// The local address is that of the listener, with a free port for streams; the
// listener need not be of protocol p. WebSockets can't be dialled.
func (e *Endpoint) Dial(ctx context.Context, listener uint8, p Protocol, remote netip.AddrPort, opts ...DialOption) (Flow, error) {
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	key := dialKey{listener: listener, protocol: p, remote: remote}
	for _, o := range opts {
		o(&key)
	}
	key.serverName = canonicalDomain(key.serverName)
	if int(listener) >= len(e.listeners) || !sameFamily(remote.Addr(), e.listeners[listener].info.Addr.Addr()) {
		return Flow{}, ErrNoListener
	}
	switch p {
	case TCP, TLS:
		return e.dialStream(ctx, key)
	case UDP:
		flow := Flow{Protocol: UDP, Listener: listener, Local: e.listeners[listener].info.Addr, Remote: remote}
		_, err := e.check(&flow, 0)
		return flow, err
	}
	return Flow{}, fmt.Errorf("transport: dial %s: %w", p, errors.ErrUnsupported)
}

func (e *Endpoint) dialStream(ctx context.Context, key dialKey) (Flow, error) {
	switch {
	case !e.started.Load():
		return Flow{}, ErrNotServing
	case e.stopping.Load(), e.closed.Load():
		return Flow{}, ErrClosed
	}
	call, first, err := e.dials.join(key)
	if err != nil {
		return Flow{}, err
	}
	if first && !e.readers.run(func() { e.attempt(key, call) }) {
		e.dials.settle(key, call, Flow{}, ErrClosed)
	}
	select {
	case <-call.done:
		return call.flow, call.err
	case <-ctx.Done():
		return Flow{}, fmt.Errorf("transport: dial %s %s: %w", key.protocol, key.remote, ctx.Err())
	}
}

// attempt connects on behalf of all callers of Dial and leaves the connection
// to its loop.
func (e *Endpoint) attempt(key dialKey, call *dialCall) {
	c, err := e.connect(key)
	if err != nil {
		e.dials.settle(key, call, Flow{}, fmt.Errorf("transport: dial %s %s: %w", key.protocol, key.remote, err))
		return
	}
	c.ready.Store(true)
	e.dials.settle(key, call, c.flow, nil)
	if !e.dials.own(c, key) {
		e.dials.forget(c)
	}
	c.lp.adopt(c, c.quiet())
}

func (e *Endpoint) connect(key dialKey) (*conn, error) {
	ctx, cancel := context.WithTimeout(e.serving, e.cfg.Timeouts.Dial)
	defer cancel()
	l := e.listeners[key.listener]
	d := net.Dialer{KeepAliveConfig: keepAlive(), Control: l.cfg.control}
	if local := l.info.Addr.Addr(); !local.IsUnspecified() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	nc, err := d.DialContext(ctx, network("tcp", key.remote.Addr()), key.remote.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = nc.Close() }()
	fd, err := descriptor(nc.(*net.TCPConn))
	if err != nil {
		return nil, err
	}
	l.counters.dialed.Add(1)
	c, err := e.newConn(l, key.protocol, fd, unmapped(nc.LocalAddr()), unmapped(nc.RemoteAddr()))
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	if err := c.begin(); err != nil {
		c.fail(CloseShutdown)
		return nil, err
	}
	if key.protocol == TLS {
		stop := context.AfterFunc(ctx, func() { c.fail(CloseHandshake) })
		err := c.clientHandshake(key)
		if !stop() || err != nil {
			c.fail(CloseHandshake)
			return nil, cmp.Or(err, ctx.Err())
		}
	}
	c.cut = c.newCutter()
	return c, nil
}

// descriptor takes a socket away from the runtime, by a copy.
func descriptor(tc syscall.Conn) (fd int, err error) {
	raw, err := tc.SyscallConn()
	if err != nil {
		return -1, err
	}
	var failed error
	err = raw.Control(func(from uintptr) { fd, failed = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0) })
	return fd, errors.Join(err, failed)
}

// clientHandshake connects to the domain asked for, or else to the address.
func (c *conn) clientHandshake(key dialKey) error {
	cfg := c.l.secrets.Load().dial
	if key.serverName != "" || cfg.ServerName == "" {
		cfg = cfg.Clone()
		if cfg.ServerName = key.serverName; cfg.ServerName == "" {
			cfg.ServerName = key.remote.Addr().WithZone("").String()
		}
	}
	if !cfg.InsecureSkipVerify {
		cfg = verifySIP(cfg)
		c.vouched = true
	}
	c.tls = tls.Client(&c.sock, cfg)
	return c.tls.HandshakeContext(context.Background())
}

// verifySIP verifies what tls.Config would, but for the name: that by the rules
// for SIP domains, which differ from those for HTTPS.
func verifySIP(cfg *tls.Config) *tls.Config {
	verify := cfg.VerifyConnection
	own := cfg.Clone()
	own.InsecureSkipVerify = true
	own.VerifyConnection = func(s tls.ConnectionState) error {
		opts := x509.VerifyOptions{Roots: cfg.RootCAs, Intermediates: x509.NewCertPool()}
		if cfg.Time != nil {
			opts.CurrentTime = cfg.Time()
		}
		for _, cert := range s.PeerCertificates[1:] {
			opts.Intermediates.AddCert(cert)
		}
		if _, err := s.PeerCertificates[0].Verify(opts); err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
		}
		if !speaksFor(s.PeerCertificates[0], cfg.ServerName) {
			return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: errIdentity}
		}
		if verify != nil {
			return verify(s)
		}
		return nil
	}
	return own
}
