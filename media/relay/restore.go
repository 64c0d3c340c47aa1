package relay

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/ice"
	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/srtp"
)

// Import goes on with a session of another process, at the same ports. An
// error leaves nothing behind; it wraps ErrState, or is one of the errors of
// Offer. Whoever imports a state sees to it that it is not older than a few
// seconds: see [ErrStale].
func (r *Relay) Import(ctx context.Context, st State) error { return r.receive(ctx, &st, nil, 0) }

// receive imports a state. c is what came with it from a process that still
// runs; nil: that one is gone, and the state may be older than its end, by age.
func (r *Relay) receive(ctx context.Context, st *State, c *carried, age time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if st.Version < 1 || st.Version > StateVersion || st.CallID == "" {
		return fmt.Errorf("%w: version %d", ErrState, st.Version)
	}
	if st.stale(age) {
		return ErrStale
	}
	known, err := r.engine.Restore(st.Bridge)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	s, err := r.open(st.CallID, st.Source)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if len(s.legs) > 0 {
		return fmt.Errorf("%w: the call is here already", ErrState)
	}
	s.bridge = known
	r.mu.Lock()
	for _, name := range st.Aliases {
		if r.named(name) == nil {
			r.aliases[name] = s
			s.aliases = append(s.aliases, name)
		}
	}
	r.mu.Unlock()
	if err := s.restore(st, c, age); err != nil {
		r.discard(s, r.now())
		return err
	}
	if c == nil && st.seals() {
		s.save() // another death must not lead to the indices from here on
	}
	return nil
}

func (s *session) restore(st *State, c *carried, age time.Duration) error {
	now, skip := s.r.now(), skipped(age)
	if c != nil {
		skip = 0
	}
	s.created, s.signalled, s.answered, s.early, s.gone = st.Created, st.Signalled, st.Answered, st.Early, st.Gone
	s.overs = st.Over
	s.digitsTo, s.doomed, s.timedOut, s.name = st.DigitsTo, st.Doomed, st.TimedOut, st.CNAME
	s.heard = now // it is given its time
	if !s.timedOut.IsZero() {
		s.heard = s.timedOut
	}
	for i := range st.Ports {
		if err := s.rebind(&st.Ports[i], c); err != nil {
			return err
		}
	}
	for _, e := range st.Legs {
		l := s.ensure(e.ID)
		l.owner, l.source, l.learning, l.early, l.answered, l.generate = e.Owner, e.Source, e.Learning, e.Early, e.Answered, e.Generate
		l.strict, l.natWait, l.call = e.Strict, e.NATWait, e.Call
		l.mirror = e.Mirror
		l.handover, l.pierce, l.echo, l.delay = e.Handover, e.Pierce, echoing(e.Echo), e.Delay
	}
	s.restoring = true
	p := s.bridge.Plan()
	s.apply(&p, nil, now)
	for _, e := range st.Legs {
		for i := range e.Streams {
			x := s.leg(e.ID).stream(e.Streams[i].Index)
			if x == nil || x.carrier == x && x.set == nil && !x.off {
				return fmt.Errorf("%w: a stream without ports", ErrState)
			}
			if err := x.restore(&e.Streams[i], skip, c == nil, now); err != nil {
				return fmt.Errorf("%w: %w", ErrState, err)
			}
		}
	}
	s.restoring = false
	if c != nil {
		if err := c.goOn(s, now); err != nil {
			return err
		}
	}
	for _, e := range st.Legs {
		for i := range e.Streams {
			x := s.leg(e.ID).stream(e.Streams[i].Index)
			x.adopt(e.Streams[i].Offloaded)
			if h := x.shield; h != nil {
				h.dtls.begin()
				h.control.dtls.begin()
			}
		}
	}
	s.resettle()
	return nil
}

// rebind opens the very ports of a set, or takes the sockets that came along.
func (s *session) rebind(p *PortsState, c *carried) error {
	x := &socketSet{session: s, leg: p.Leg, media: p.Media, generation: p.Generation, kind: p.Kind, tos: p.TOS}
	for _, q := range p.Pairs {
		in := s.r.ifaces.at(q.Interface, q.Addr)
		if in == nil {
			return fmt.Errorf("%w: no interface %s/%v", ErrState, q.Interface, q.Addr)
		}
		if !in.ports.claim(q.Port, s.r.now()) {
			return fmt.Errorf("%w: port %d of %v is not free", ErrState, q.Port, q.Addr)
		}
		y := &pair{iface: in}
		y.media, y.control = port{set: x}, port{set: x, rtcp: true}
		if err := y.reopen(s.loop, q.Port, x.tos, c); err != nil {
			in.ports.release(q.Port, s.r.now())
			x.close(s.r.now())
			return fmt.Errorf("%w: %w", ErrPorts, err)
		}
		x.pairs = append(x.pairs, y)
	}
	if len(x.pairs) == 0 {
		return fmt.Errorf("%w: a set without ports", ErrState)
	}
	s.sets = append(s.sets, x)
	return nil
}

// reopen is listen, at sockets that came along where there are any.
func (p *pair) reopen(loop *udploop.Loop, n uint16, tos int, c *carried) error {
	fd, ok := c.socket(netip.AddrPortFrom(p.iface.Addr, n))
	if !ok {
		return p.listen(loop, n, tos)
	}
	var err error
	if p.media.socket, err = loop.Adopt(fd, &p.media); err != nil {
		return err
	}
	if fd, ok = c.socket(netip.AddrPortFrom(p.iface.Addr, n+1)); ok {
		p.control.socket, err = loop.Adopt(fd, &p.control)
	} else {
		err = fmt.Errorf("no socket for port %d", n+1)
	}
	if err != nil {
		p.media.socket.Close()
	}
	return err
}

// at finds the interface of a bound address.
func (in *interfaces) at(name string, addr netip.Addr) (found *iface) {
	for _, i := range in.list {
		if i.Addr == addr && (found == nil || i.Name == name) {
			found = i
		}
	}
	return found
}

func (s *stream) restore(e *StreamState, skip uint16, orphan bool, now time.Time) error {
	if e.Remote.IsValid() {
		s.media.latch.Fix(e.Remote, now)
	}
	if e.RemoteRTCP.IsValid() {
		s.control.latch.Fix(e.RemoteRTCP, now)
	}
	f := &e.Figures
	s.past = kernelPast{f.Packets, f.Bytes, f.Expected, f.Lost, f.Duplicates, f.Reordered}
	s.sent, s.rtcpIn, s.rtcpOut = counterOf(f.Sent), counterOf(f.ReceivedRTCP), counterOf(f.SentRTCP)
	for d, n := range f.Dropped {
		if d < drops {
			s.dropped[d] = n
		}
	}
	if err := s.restoreShield(e, orphan, now); err != nil {
		return err
	}
	i := 0
	for k := range s.routes {
		if c := s.routes[k].coder; c != nil && i < len(e.Coders) {
			c.Import(e.Coders[i], skip, now)
			s.leg.session.wake(c.Next())
			i++
		}
	}
	if s.mixing != nil && s.mixing.alone != nil && e.Alone != nil {
		s.mixing.alone.Import(*e.Alone, skip, now)
	}
	for k := range min(len(s.routes), len(e.Routes)) {
		s.routes[k].restore(&e.Routes[k], skip)
	}
	s.restoreExtra(e.Extra)
	s.made.restore(e.Reporter)
	return nil
}

// restoreShield goes on with keys and indices; orphan: of a process that died.
func (s *stream) restoreShield(e *StreamState, orphan bool, now time.Time) error {
	h := s.shield
	if h == nil {
		return nil
	}
	if e.InKey != nil && e.OutKey != nil {
		if err := h.install(e.InKey, e.OutKey); err != nil {
			return err
		}
		if h.dtls != nil {
			h.dtls.settled = true
		}
	}
	if e.InKeyRTCP != nil && e.OutKeyRTCP != nil {
		if err := h.installControl(e.InKeyRTCP, e.OutKeyRTCP); err != nil {
			return err
		}
		if h.control.dtls != nil {
			h.control.dtls.settled = true
		}
	}
	for _, c := range []struct {
		to    *srtp.Context
		state []byte
	}{{h.in, e.In}, {h.control.in, e.InRTCP}, {h.control.out, e.OutRTCP}} {
		if c.to != nil && c.state != nil {
			if err := c.to.Import(c.state); err != nil {
				return err
			}
		}
	}
	if err := h.importOut(e, orphan); err != nil {
		return err
	}
	if h.ice == nil || e.ICE == nil {
		return nil
	}
	a, err := ice.Import(h.ice.config(s.leg.session.r), *e.ICE, now)
	if err != nil {
		return err
	}
	h.ice.agent = a
	for i := range h.ice.path {
		if p, ok := a.Path(0, i+1); ok {
			h.ice.choose(i+1, p, now)
			h.ice.path[i] = true
		}
	}
	s.leg.session.r.pacer.add(s.leg.session)
	s.leg.session.wake(now)
	return nil
}

func (h *shield) importOut(e *StreamState, orphan bool) error {
	if h.out == nil {
		return nil
	}
	h.orphan, h.renamed = orphan || e.Orphan, nil
	for _, p := range e.Renamed {
		if len(h.renamed) < srtp.MaxSSRC {
			h.renamed = append(h.renamed, renaming{p[0], p[1]})
		}
	}
	if e.Out == nil {
		return nil
	}
	return h.out.Import(e.Out)
}

// install makes keys of a handshake those of the carrier.
func (h *shield) install(in, out *bridge.Crypto) error {
	a, err := newContext(in)
	if err != nil {
		return err
	}
	b, err := newContext(out)
	if err != nil {
		return err
	}
	h.setOut(b)
	h.in, h.inKey, h.outKey, h.handshaken = a, *in, *out, true
	return nil
}

// installControl makes keys of a handshake those of RTCP.
func (h *shield) installControl(in, out *bridge.Crypto) (err error) {
	c := &h.control
	if c.in, err = newContext(in); err != nil {
		return err
	}
	c.out, err = newContext(out)
	c.inKey, c.outKey = *in, *out
	return err
}

// adopt goes on with a flow that the kernel kept forwarding.
func (s *stream) adopt(local netip.AddrPort) {
	o := s.leg.session.r.cfg.Offload
	if o == nil || !local.IsValid() || o.Claim(local) != nil {
		return
	}
	s.kernel = &kernelFlow{active: true}
	s.kernel.flow.Local = local // the rest is written anew by the next Install
	s.leg.session.r.flows.put(local, s)
}

func counterOf(p [2]uint64) counter { return counter{p[0], p[1]} }
