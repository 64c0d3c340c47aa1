package ice

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// Agent is the ICE agent of one call leg: one role, one tie-breaker, and the
// streams of its description. Make one with [New]. It is not safe for
// concurrent use.
type Agent struct {
	cfg         Config
	controlling bool
	tie         uint64
	streams     []*stream
	turn        int       // stream to check next
	pace        time.Time // no new check before
	now         time.Time // latest that was given
	stats       Stats
	foundations map[netip.Addr]string

	out    Output
	given  bool // out was returned: it is emptied by the next call
	buf    []byte
	random [20]byte
}

// New returns an agent without streams.
func New(cfg Config) *Agent {
	if cfg.Ta <= 0 {
		cfg.Ta = defaultTa
	}
	if cfg.RTO <= 0 {
		cfg.RTO = defaultRTO
	}
	if cfg.Deny == nil {
		cfg.Deny = func(netip.Addr) bool { return false }
	}
	a := &Agent{cfg: cfg, controlling: cfg.Controlling, foundations: map[netip.Addr]string{}}
	a.newTie()
	return a
}

func (a *Agent) newTie() {
	fill(a.cfg.Rand, a.random[:8])
	a.tie = binary.BigEndian.Uint64(a.random[:])
}

// AddStream adds a stream with its sockets, those liked best first, and
// returns its index. Empty credentials are made up.
func (a *Agent) AddStream(c Credentials, locals []Local) (int, error) {
	if len(a.streams) >= MaxStreams || len(locals) > MaxLocals {
		return 0, fmt.Errorf("%w: %d streams, %d local candidates", ErrLimit, len(a.streams)+1, len(locals))
	}
	if c == (Credentials{}) {
		c = NewCredentials(a.cfg.Rand)
	}
	if err := c.Check(); err != nil {
		return 0, err
	}
	s := &stream{index: len(a.streams), keys: newKeys(c)}
	for _, l := range locals {
		if err := a.addLocal(s, l); err != nil {
			return 0, err
		}
	}
	a.streams = append(a.streams, s)
	return s.index, nil
}

func (a *Agent) addLocal(s *stream, l Local) error {
	if !l.Addr.IsValid() {
		l.Addr = l.Base
	}
	if !l.Base.IsValid() || l.Addr.Addr().IsUnspecified() || l.Component < 1 || l.Component > 256 {
		return fmt.Errorf("%w: component %d, %v", ErrLocal, l.Component, l.Addr)
	}
	if _, known := a.at(l.Base); known != nil || s.local(l.Base) != nil {
		return fmt.Errorf("%w: %v twice", ErrLocal, l.Base)
	}
	if l.Foundation == "" {
		if l.Foundation = a.foundations[l.Addr.Addr()]; l.Foundation == "" {
			l.Foundation = NewFoundation(a.cfg.Rand)
			a.foundations[l.Addr.Addr()] = l.Foundation
		}
	}
	n := uint16(0) // candidates of the component that are liked better
	for _, o := range s.locals {
		if o.Component == l.Component {
			n++
		}
	}
	c := s.component(l.Component)
	if c == nil {
		c = &component{id: l.Component}
		s.components = append(s.components, c)
	}
	s.locals = append(s.locals, &local{Local: l, component: c, preference: 65535 - n, priority: Priority(Host, 65535-n, l.Component)})
	return nil
}

// RemoveStream ends a stream, as when its media is rejected. Its index is not
// used again.
func (a *Agent) RemoveStream(i int) {
	if s := a.stream(i); s != nil {
		*s = stream{index: i, removed: true, keys: s.keys}
	}
}

func (a *Agent) stream(i int) *stream {
	if i < 0 || i >= len(a.streams) || a.streams[i].removed {
		return nil
	}
	return a.streams[i]
}

// at finds the local candidate of a socket.
func (a *Agent) at(base netip.AddrPort) (*stream, *local) {
	for _, s := range a.streams {
		if l := s.local(base); l != nil {
			return s, l
		}
	}
	return nil, nil
}

// Credentials are the local ones of a stream, for a=ice-ufrag and a=ice-pwd.
func (a *Agent) Credentials(i int) Credentials {
	if s := a.stream(i); s != nil {
		return s.keys.local
	}
	return Credentials{}
}

// Candidates are the local ones of a stream, for a=candidate.
func (a *Agent) Candidates(i int) []Candidate {
	s := a.stream(i)
	if s == nil {
		return nil
	}
	out := make([]Candidate, len(s.locals))
	for n, l := range s.locals {
		out[n] = l.candidate()
	}
	return out
}

// Controlling tells the present role.
func (a *Agent) Controlling() bool { return a.controlling }

// State tells how far a stream has come.
func (a *Agent) State(i int) StreamState {
	if s := a.stream(i); s != nil {
		return s.state
	}
	return StateFailed
}

// Stats returns the counters.
func (a *Agent) Stats() Stats { return a.stats }

// Path is where a component's media is sent: the nominated pair, or the best
// that works before one is nominated, or during a restart the one of before.
// false: nothing may be sent.
func (a *Agent) Path(i, componentID int) (Path, bool) {
	s := a.stream(i)
	if s == nil {
		return Path{}, false
	}
	c := s.component(componentID)
	switch {
	case c == nil || c.flow.lost:
		return Path{}, false
	case c.flow.keys != nil:
		return c.flow.path, true
	}
	if p := s.best(c); p != nil && s.state != StateFailed {
		return p.path(), true
	}
	return Path{}, false
}

// Admits tells whether media from a remote address at a socket comes from the
// peer: it proved there that it knows the credentials. It allocates nothing.
func (a *Agent) Admits(base, from netip.AddrPort) bool {
	s, l := a.at(base)
	if l == nil {
		return false
	}
	from = unmap(from)
	if f := &l.component.flow; f.keys != nil && f.path == (Path{Local: base, Remote: from}) {
		return true
	}
	p := s.list.find(l, from)
	return p != nil && (p.valid || p.heard)
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// begin starts a call: what the last one returned is over.
func (a *Agent) begin(now time.Time) {
	a.now = now
	if a.given {
		a.out.Datagrams, a.out.Events, a.out.Drop = a.out.Datagrams[:0], a.out.Events[:0], DropNone
		a.buf, a.given = a.buf[:0], false
	}
}

func (a *Agent) end() Output {
	a.given = true
	return a.out
}

func (a *Agent) report(k EventKind, s *stream, c *component, p Path) {
	e := Event{Kind: k, Stream: s.index, Path: p}
	if c != nil {
		e.Component = c.id
	}
	a.out.Events = append(a.out.Events, e)
}

// send hands a message to the caller. b is the whole buffer, the message
// begins at from.
func (a *Agent) send(from int, b []byte, p Path) {
	a.buf = b
	a.out.Datagrams = append(a.out.Datagrams, Datagram{Local: p.Local, Remote: p.Remote, Data: b[from:len(b):len(b)]})
}

func (a *Agent) newID() (id transactionID) {
	fill(a.cfg.Rand, a.random[:len(id)])
	copy(id[:], a.random[:])
	return id
}
