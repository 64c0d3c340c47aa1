package ice

import (
	"net/netip"
	"time"
)

// Handle takes a STUN packet that a socket, named by its Base, received.
// Answering a check allocates nothing. The packet is not kept.
func (a *Agent) Handle(packet []byte, base, from netip.AddrPort, now time.Time) Output {
	a.begin(now)
	if d := a.handle(packet, base, unmap(from), now); d != DropNone {
		a.stats.Dropped[d]++
		a.out.Drop = d
	}
	a.settle(now)
	a.step(now)
	return a.end()
}

func (a *Agent) handle(b []byte, base, from netip.AddrPort, now time.Time) Drop {
	m, ok := parse(b)
	if !ok {
		return DropMalformed
	}
	s, l := a.at(base)
	switch {
	case l == nil:
		return DropLocal
	case m.method != methodBinding:
		return DropMethod
	case s.state == StateFailed:
		return DropEnded
	case a.cfg.Deny(from.Addr()):
		return DropDenied
	}
	switch m.class {
	case classRequest:
		return a.request(s, l, b, &m, from, now)
	case classIndication:
		a.stats.Keepalives++
		return DropNone
	}
	return a.response(s, l, b, &m, from, now)
}

// authenticate finds the generation a request is for, and checks that the
// sender knows our password.
func (s *stream) authenticate(b []byte, m *message) (*keys, Drop) {
	if !m.fingerprint || m.username == nil || m.mac == nil {
		return nil, DropUnauthenticated
	}
	k := s.generation(m.username)
	if k == nil {
		return nil, DropUsername
	}
	if !k.in.verify(b, m) {
		return nil, DropIntegrity
	}
	return k, DropNone
}

func (s *stream) generation(username []byte) *keys {
	if s.keys.addressed(username) {
		return s.keys
	}
	for _, k := range s.former {
		if k.addressed(username) {
			return k
		}
	}
	return nil
}

func (a *Agent) request(s *stream, l *local, b []byte, m *message, from netip.AddrPort, now time.Time) Drop {
	k, d := s.authenticate(b, m)
	if d != DropNone {
		return d
	}
	a.stats.Requests++
	start := len(a.buf)
	to := Path{Local: l.Base, Remote: from}
	switch {
	case m.unknowns > 0:
		c := compose(a.buf, classError, m.id)
		c.errorCode(codeUnknownAttribute, "Unknown Attribute")
		c.unknown(m.unknown[:m.unknowns])
		a.send(start, c.finish(k.in), to)
		return DropNone
	case k == s.keys && a.conflict(m):
		c := compose(a.buf, classError, m.id)
		c.errorCode(codeRoleConflict, "Role Conflict")
		a.send(start, c.finish(k.in), to)
		return DropNone
	}
	c := a.message(classSuccess, m.id)
	c.xorMapped(from)
	a.send(start, c.finish(k.in), to)
	if k == s.keys {
		a.learn(s, l, m, from, now)
	}
	return DropNone
}

// conflict settles who controls (RFC 8445 section 7.3.1.1); true: the peer has
// to give way. A lite agent cannot control a full one, and only those ask.
func (a *Agent) conflict(m *message) bool {
	switch {
	case m.role == attrControlling && a.controlling:
		a.stats.Conflicts++
		if !a.cfg.Lite && a.tie >= m.tie {
			return true
		}
		a.setRole(false)
	case m.role == attrControlled && !a.controlling:
		a.stats.Conflicts++
		if a.cfg.Lite || a.tie < m.tie {
			return true
		}
		a.setRole(true)
	}
	return false
}

// learn takes what a check of the peer tells: where it is, and whether it
// nominates.
func (a *Agent) learn(s *stream, l *local, m *message, from netip.AddrPort, now time.Time) {
	p := s.list.find(l, from)
	if p == nil {
		if p = a.discover(s, l, m, from); p == nil {
			return
		}
	}
	p.heard = true
	if a.cfg.Lite {
		p.state, p.valid = succeeded, true
		a.connected(s, p, now)
	} else if p.state != succeeded && (p.component.selected == nil || m.use && !a.controlling) {
		s.list.enqueue(p)
	}
	if m.use && !a.controlling {
		p.nominate, p.named = true, now
		if p.valid && s.keys.out != nil {
			a.nominated(s, p)
		}
	}
}

// discover makes a pair for an address that was not known, or not paired with
// this socket.
func (a *Agent) discover(s *stream, l *local, m *message, from netip.AddrPort) *pair {
	r := s.remote(l.Component, from)
	if r == nil {
		r = &remote{ufrag: string(m.username[len(s.keys.local.Ufrag)+1:]), Candidate: Candidate{
			Foundation: NewFoundation(a.cfg.Rand), Component: l.Component, Transport: "UDP",
			Priority: m.priority, Addr: from, Type: PeerReflexive}}
		if !a.remember(s, r) {
			a.stats.Ignored++
			return nil
		}
	}
	return a.addPair(s, l, r)
}
