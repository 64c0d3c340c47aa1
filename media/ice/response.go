package ice

import (
	"net/netip"
	"time"
)

// response takes the answer to a check or to a consent check.
func (a *Agent) response(s *stream, l *local, b []byte, m *message, from netip.AddrPort, now time.Time) Drop {
	if f := &l.component.flow; f.asked(m.id) {
		return a.consented(s, l, b, m, from, now)
	}
	p, tx := s.list.transaction(m.id)
	if p == nil || s.keys.out == nil {
		return DropTransaction
	}
	if m.mac == nil {
		return DropUnauthenticated
	}
	if !s.keys.out.verify(b, m) {
		return DropIntegrity
	}
	a.stats.Responses++
	tx.alive = false
	switch {
	case m.class == classError && m.code == codeRoleConflict:
		a.yield(tx)
		s.list.enqueue(p)
	case m.class == classError, l != p.local, from != p.remote.Addr:
		// An answer that comes from elsewhere is a sign of a network that cannot
		// be relied upon (RFC 8445 section 7.2.5.2.1).
		p.fail()
	default:
		a.works(s, p, tx.use, now)
	}
	return DropNone
}

// transaction finds the check that a response belongs to.
func (l *checklist) transaction(id transactionID) (*pair, *transaction) {
	for _, p := range l.pairs {
		if p.tx.alive && p.tx.id == id {
			return p, &p.tx
		}
		if p.former.alive && p.former.id == id {
			return p, &p.former
		}
	}
	return nil, nil
}

// yield takes the other role, unless that has happened since the check was
// sent (RFC 8445 section 7.2.5.1).
func (a *Agent) yield(tx *transaction) {
	a.stats.Conflicts++
	if sent := tx.role == attrControlling; sent == a.controlling {
		a.setRole(!sent)
		a.newTie()
	}
}

func (p *pair) fail() {
	p.state, p.valid, p.nominate = failed, false, false
	p.tx.alive = false
}

// works: a check has succeeded.
func (a *Agent) works(s *stream, p *pair, nominating bool, now time.Time) {
	p.valid, p.heard = true, true
	if pending := a.controlling && p.nominate && !nominating; !pending {
		p.state, p.tx.alive, p.former.alive = succeeded, false, false
		s.list.dequeue(p)
	}
	a.unfreeze(p)
	a.connected(s, p, now)
	switch {
	case a.controlling && nominating:
		p.nominate = false
		if p.component.selected == nil {
			a.elect(s, p)
		}
	case !a.controlling && p.nominate:
		a.nominated(s, p)
	}
}

func (l *checklist) dequeue(p *pair) {
	if !p.queued {
		return
	}
	p.queued = false
	for i, q := range l.triggered {
		if q == p {
			l.triggered = append(l.triggered[:i], l.triggered[i+1:]...)
			return
		}
	}
}

// unfreeze: what has the foundation of a working pair is likely to work.
func (a *Agent) unfreeze(p *pair) {
	for _, s := range a.streams {
		for _, q := range s.list.pairs {
			if q.state == frozen && q.like(p) {
				q.state = waiting
			}
		}
	}
}

// connected reports the first pair of a component that works.
func (a *Agent) connected(s *stream, p *pair, now time.Time) {
	if c := p.component; c.since.IsZero() && s.keys.out != nil {
		c.since = now
		if c.flow.keys == nil {
			a.report(EventConnected, s, c, p.path())
		}
	}
}

// nominated: the controlling peer chose a pair, and it works. Several may be
// chosen at once (aggressive nomination of RFC 5245): then the one of highest
// priority is meant; later, the last one.
func (a *Agent) nominated(s *stream, p *pair) {
	old := p.component.selected
	if old != nil && old != p && p.priority < old.priority && p.named.Sub(old.named) < raceWindow {
		return
	}
	if old != p {
		a.elect(s, p)
	}
}

// elect makes a pair the one of its component.
func (a *Agent) elect(s *stream, p *pair) {
	c := p.component
	c.selected = p
	p.state, p.valid = succeeded, true
	c.flow = flow{path: p.path(), keys: s.keys, local: p.local}
	a.schedule(&c.flow)
	c.flow.expires = a.now.Add(ConsentTimeout)
	a.report(EventNominated, s, c, c.flow.path)
	// The others are not needed; those that are being checked may still end.
	s.list.drop(func(q *pair) bool { return q.component == c && q != p && (q.state == frozen || q.state == waiting) })
	for _, q := range s.list.pairs {
		if q.component == c && q.state == inProgress && q != p {
			q.former, q.tx = q.tx, transaction{}
			q.state = failed
		}
	}
	for _, o := range s.components {
		if o.selected == nil {
			return
		}
	}
	// The peer may not know yet that the restart is over.
	s.until = a.now.Add(ConsentTimeout)
	if s.state != StateCompleted {
		s.state = StateCompleted
		a.report(EventCompleted, s, nil, Path{})
	}
}
