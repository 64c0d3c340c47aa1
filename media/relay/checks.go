package relay

import (
	"net/netip"
	"slices"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/ice"
	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/sdp"
)

// checks is the ICE agent of a carrier.
type checks struct {
	stream      *stream
	agent       *ice.Agent
	former      *ice.Agent // of before a restart, until the new one has a path
	generation  int
	lite        bool
	controlling bool
	remote      ice.Credentials
	given       []sdp.Candidate // of the peer, to the agent
	ended       bool            // no more candidates
	path        [2]bool         // there is a path for RTP, RTCP
}

// check makes what the descriptions say about ICE effective.
func (s *stream) check(m *bridge.ICE, mux bool, now time.Time) {
	h := s.shield
	if m == nil || s.set == nil {
		h.ice = nil
		return
	}
	c := h.ice
	if c == nil || c.generation != m.Generation || c.agent.Credentials(0).Ufrag != m.LocalUfrag {
		next := &checks{stream: s, generation: m.Generation}
		if err := next.begin(m, s.leg.session.r); err != nil {
			s.leg.session.r.log.Warn("ICE agent of a stream not made", "error", err)
			return
		}
		if c != nil {
			next.former, next.path = c.agent, c.path
		}
		c, h.ice = next, next
	}
	c.update(m, mux, now)
	s.leg.session.r.pacer.add(s.leg.session)
}

func (c *checks) begin(m *bridge.ICE, r *Relay) error {
	c.lite, c.controlling = m.Lite, m.Controlling
	c.agent = ice.New(c.config(r))
	var locals []ice.Local
	for component := 1; component <= max(m.Components, 1) && component <= 2; component++ {
		for _, p := range c.stream.set.pairs {
			l := ice.Local{Component: component, Base: p.media.socket.LocalAddr(), Addr: p.advertised(), Foundation: p.iface.foundation}
			if component == 2 {
				l.Base, l.Addr = p.control.socket.LocalAddr(), netip.AddrPortFrom(l.Addr.Addr(), l.Addr.Port()+1)
			}
			locals = append(locals, l)
		}
	}
	_, err := c.agent.AddStream(ice.Credentials{Ufrag: m.LocalUfrag, Password: m.LocalPwd}, locals)
	return err
}

// config is what an agent is made with.
func (c *checks) config(r *Relay) ice.Config {
	return ice.Config{Lite: c.lite, Controlling: c.controlling, Software: r.cfg.Software,
		Deny: func(a netip.Addr) bool { return r.denied(netip.AddrPortFrom(a, 0)) }}
}

// update gives the agent what is new of the peer.
func (c *checks) update(m *bridge.ICE, mux bool, now time.Time) {
	creds := ice.Credentials{Ufrag: m.RemoteUfrag, Password: m.RemotePwd}
	if creds.Ufrag == "" {
		return
	}
	if creds != c.remote || !slices.Equal(m.RemoteCandidates, c.given) {
		c.remote, c.given = creds, slices.Clone(m.RemoteCandidates)
		list := make([]ice.Candidate, len(m.RemoteCandidates))
		for i, r := range m.RemoteCandidates {
			list[i] = candidate(r)
		}
		// Candidates that cannot be used are no fault: others are tried.
		_, _ = c.agent.SetRemote(0, ice.Remote{Credentials: creds, Lite: m.RemoteLite, Mux: mux,
			Trickle: m.Trickle && !m.EndOfCandidates, Candidates: list}, now)
	}
	if m.EndOfCandidates && !c.ended {
		c.ended = true
		c.agent.EndOfRemote(0, now)
	}
	c.take(c.agent.Advance(now), now)
}

func candidate(r sdp.Candidate) ice.Candidate {
	c := ice.Candidate{Foundation: r.Foundation, Component: r.Component, Transport: r.Transport, Priority: r.Priority,
		Addr: r.Addr, Related: r.Related}
	switch r.Type {
	case "srflx":
		c.Type = ice.ServerReflexive
	case "prflx":
		c.Type = ice.PeerReflexive
	case "relay":
		c.Type = ice.Relayed
	}
	return c
}

// stun takes a STUN packet that arrived at a port.
func (s *stream) stun(p *port, pkt *udploop.Packet, now time.Time) (Drop, bool) {
	h := s.carrier.shield
	if h == nil || h.ice == nil {
		return DropICE, false
	}
	c := h.ice
	base := p.socket.LocalAddr()
	out := c.agent.Handle(pkt.Data, base, pkt.From, now)
	drop := out.Drop
	c.take(out, now)
	if drop != ice.DropNone && c.former != nil {
		out = c.former.Handle(pkt.Data, base, pkt.From, now)
		drop = out.Drop
		c.send(out)
	}
	if drop != ice.DropNone {
		return DropICE, false
	}
	s.otherIn.add(len(pkt.Data))
	return 0, true
}

// take sends what the agent wants to be sent and acts on its events.
func (c *checks) take(out ice.Output, now time.Time) {
	c.send(out)
	for _, e := range out.Events {
		switch e.Kind {
		case ice.EventConnected, ice.EventNominated:
			c.choose(e.Component, e.Path, now)
		case ice.EventConsentLost, ice.EventFailed:
			c.stream.lost(e.Kind, now)
		}
	}
	for i := range c.path {
		_, ok := c.agent.Path(0, i+1)
		if !ok && c.former != nil {
			_, ok = c.former.Path(0, i+1)
		}
		c.path[i] = ok
	}
	c.stream.leg.session.schedule()
}

func (c *checks) send(out ice.Output) {
	for _, d := range out.Datagrams {
		if p := c.stream.set.at(d.Local); p != nil {
			_ = p.socket.Send(d.Data, d.Remote) // counted by the socket
		}
	}
}

// choose makes a pair the way of a component's media.
func (c *checks) choose(component int, path ice.Path, now time.Time) {
	s := c.stream
	k := &s.media
	if component == 2 {
		k = &s.control
	}
	p := s.set.at(path.Local)
	if p == nil || !k.latch.Fix(path.Remote, now) {
		return
	}
	k.out, c.former = p, nil
	c.path[min(max(component-1, 0), 1)] = true
	s.learned(k, path.Remote, now)
	d := s.shield.dtls
	if component == 2 {
		d = s.shield.control.dtls
	}
	if d != nil {
		if d.run != nil {
			d.to.Store(&destination{p.socket, path.Remote})
		}
		d.begin()
	}
}

// admits tells whether media may come from an address.
func (c *checks) admits(p *port, from netip.AddrPort) bool {
	base := p.socket.LocalAddr()
	return c.agent.Admits(base, from) || c.former != nil && c.former.Admits(base, from)
}

// consents tells whether the peer wants to receive on a component.
func (c *checks) consents(rtcp bool) bool {
	if rtcp {
		return c.path[1]
	}
	return c.path[0]
}

// run does what is due.
func (c *checks) run(now time.Time) {
	if d := c.agent.Deadline(); !d.IsZero() && !d.After(now) {
		c.take(c.agent.Advance(now), now)
	}
}
