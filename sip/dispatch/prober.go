package dispatch

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// ProberConfig says how a Prober reaches targets. Pool, Send and Local are
// required.
type ProberConfig struct {
	Pool *Pool
	// Send sends a message, a datagram as a rule, from the element of Local that has the family of to.
	// It is lent msg and must not block. An error that is ECONNREFUSED,
	// EHOSTUNREACH or ENETUNREACH counts like an ICMP error, any other as a missed
	// probe.
	Send func(to netip.AddrPort, msg []byte) error
	// Local are addresses that the responses can be sent to, at most one of IPv4
	// and one of IPv6.
	Local []netip.AddrPort
	// Transport is what the Via of probes says: UDP, which is the default, TCP or
	// TLS, when Send sends over connections.
	Transport string
	// UserAgent, if not empty, is what probes have as User-Agent.
	UserAgent string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Prober asks the targets of a pool by OPTIONS whether they are alive. Run sends
// the requests, Response is to be given the responses; both go through whatever
// socket the edge has towards its proxies.
type Prober struct {
	cfg    ProberConfig
	v4, v6 netip.AddrPort

	mu     sync.Mutex
	asked  map[nonce]question
	pruned time.Time

	buf []byte // of Step, which one goroutine runs
}

type question struct {
	addr netip.AddrPort
	at   time.Time
}

// remember is the number of intervals after which a probe is forgotten. An
// answer that takes longer than one comes from a target that is alive.
const remember = 4

// NewProber makes a Prober.
func NewProber(cfg ProberConfig) (*Prober, error) {
	p := &Prober{cfg: cfg, asked: map[nonce]question{}}
	if cfg.Pool == nil || cfg.Send == nil {
		return nil, errors.New("dispatch: a prober needs a pool and a way to send")
	}
	if cfg.Transport == "" {
		p.cfg.Transport = "UDP"
	}
	if cfg.Now == nil {
		p.cfg.Now = time.Now
	}
	for _, a := range cfg.Local {
		a = unmap(a)
		local := &p.v4
		if a.Addr().Is6() {
			local = &p.v6
		}
		if !a.IsValid() || a.Addr().IsUnspecified() || a.Port() == 0 || local.IsValid() {
			return nil, fmt.Errorf("dispatch: %v is of no use as an address for responses", a)
		}
		*local = a
	}
	return p, nil
}

// Run asks until ctx is done. It returns the error of ctx.
func (p *Prober) Run(ctx context.Context) error {
	period := max(p.cfg.Pool.cfg.Interval.Abs()/10, time.Millisecond)
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		p.Step(p.cfg.Now())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Step sends what is due; it is what Run does every tenth of an interval.
func (p *Prober) Step(now time.Time) {
	pool := p.cfg.Pool
	for _, probe := range pool.Tick(now) {
		switch err := p.ask(now, probe.Addr); {
		case err == nil:
		case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
			pool.Unreachable(now, probe.Addr)
		default:
			pool.Result(now, probe.Addr, false)
		}
	}
	p.prune(now)
}

func (p *Prober) ask(now time.Time, addr netip.AddrPort) error {
	local := p.v4
	if addr.Addr().Is6() {
		local = p.v6
	}
	if !local.IsValid() {
		return fmt.Errorf("dispatch: no address to ask %v from", addr)
	}
	var n nonce
	if _, err := rand.Read(n[:]); err != nil {
		return err
	}
	p.mu.Lock()
	p.asked[n] = question{addr: addr, at: now}
	p.mu.Unlock()
	msg, err := appendProbe(p.buf[:0], local, addr, n, p.cfg.Transport, p.cfg.UserAgent)
	if err != nil {
		return err
	}
	p.buf = msg
	if err := p.cfg.Send(addr, msg); err != nil {
		p.mu.Lock()
		delete(p.asked, n)
		p.mu.Unlock()
		return err
	}
	return nil
}

// prune forgets old questions, so that a target that never answers costs what
// any other does.
func (p *Prober) prune(now time.Time) {
	interval := p.cfg.Pool.cfg.Interval.Abs()
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.pruned) < interval {
		return
	}
	p.pruned = now
	for n, q := range p.asked {
		if now.Sub(q.at) > remember*interval {
			delete(p.asked, n)
		}
	}
}

// Datagram is Response for what has not been parsed yet. It costs next to nothing
// for what is not a response to a probe.
func (p *Prober) Datagram(data []byte, from netip.AddrPort) bool {
	if !bytes.HasPrefix(data, []byte("SIP/2.0 ")) || !bytes.Contains(data[:min(len(data), within)], []byte(BranchPrefix)) {
		return false
	}
	var m wire.Message
	return m.Parse(data, nil) == nil && p.Response(&m, from)
}

// within is where the topmost Via of a response to a probe stands, which is
// short unless its sender has much to tell.
const within = 1024

// Response takes a response that came from inside, and reports whether it was
// to a probe; then it is nobody else's. m is lent for the call. Any final
// response says that the target is alive; a 503 with Retry-After also that it
// wants to be spared, see [Pool.Busy]. What identifies the response is its
// branch, which nobody else knows: the shared address of a pair may answer from
// another one, hence from is not compared.
func (p *Prober) Response(m *wire.Message, _ netip.AddrPort) bool {
	if m.IsRequest() {
		return false
	}
	n, ours := probeNonce(m.TopBranch())
	if !ours {
		return false
	}
	status := m.Status()
	if status < 200 || m.CSeqMethod() != wire.OPTIONS {
		return true
	}
	p.mu.Lock()
	q, ok := p.asked[n]
	delete(p.asked, n)
	p.mu.Unlock()
	if !ok {
		return true
	}
	now := p.cfg.Now()
	p.cfg.Pool.Result(now, q.addr, true)
	if after, ok := m.Uint32(wire.HdrRetryAfter); ok && status == 503 {
		p.cfg.Pool.Busy(now, q.addr, time.Duration(min(after, 1<<20))*time.Second)
	}
	return true
}
