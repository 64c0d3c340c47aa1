package ice

import (
	"net/netip"
	"time"
)

// Advance does what is due: checks, retransmissions, nomination, consent,
// keepalives, time-outs. It is called at [Agent.Deadline], and after
// SetRemote, AddRemote, EndOfRemote and Restart.
func (a *Agent) Advance(now time.Time) Output {
	a.begin(now)
	for _, s := range a.streams {
		if s.removed {
			continue
		}
		if !s.until.IsZero() && now.After(s.until) {
			s.former, s.until = nil, time.Time{}
		}
		for _, c := range s.components {
			a.maintain(s, c, now)
		}
		if s.running() {
			a.repeat(s, now)
		}
	}
	a.settle(now)
	a.step(now)
	return a.end()
}

// Deadline is when Advance has to be called next; zero: never, unless
// something else happens.
func (a *Agent) Deadline() time.Time {
	var d deadline
	if !a.given && (len(a.out.Datagrams) > 0 || len(a.out.Events) > 0) {
		d.add(a.now)
	}
	work := false
	for _, s := range a.streams {
		if s.removed {
			continue
		}
		for _, c := range s.components {
			if f := &c.flow; f.keys != nil && !f.lost {
				d.add(f.next)
				if !a.cfg.Lite {
					d.add(f.expires)
				}
			}
		}
		if a.cfg.Lite || !s.running() {
			continue
		}
		work = work || a.pick(s) != nil
		a.deadline(s, &d)
	}
	if work {
		d.add(later(a.pace, a.now))
	}
	return d.t
}

// deadline is that of a running checklist.
func (a *Agent) deadline(s *stream, d *deadline) {
	for _, p := range s.list.pairs {
		if p.tx.alive {
			d.add(p.tx.next)
		}
	}
	if s.state != StateChecking {
		return
	}
	if end := s.started.Add(Grace); a.now.Before(end) {
		d.add(end)
	}
	for _, c := range s.components {
		if a.controlling && c.selected == nil && !c.since.IsZero() && a.now.Before(c.since.Add(Patience)) {
			d.add(c.since.Add(Patience))
		}
	}
}

type deadline struct{ t time.Time }

func (d *deadline) add(t time.Time) {
	if d.t.IsZero() || t.Before(d.t) {
		d.t = t
	}
}

func later(t, u time.Time) time.Time {
	if t.After(u) {
		return t
	}
	return u
}

// repeat retransmits checks and ends those that were not answered.
func (a *Agent) repeat(s *stream, now time.Time) {
	for _, p := range s.list.pairs {
		switch {
		case !p.tx.alive || now.Before(p.tx.next):
		case p.tx.sent >= attempts:
			p.fail()
		default:
			a.transmit(s, p, now)
		}
	}
}

// settle nominates and gives up where it is time.
func (a *Agent) settle(now time.Time) {
	if a.cfg.Lite {
		return
	}
	for _, s := range a.streams {
		if s.running() && s.state == StateChecking {
			a.nominate(s, now)
			a.giveUp(s, now)
		}
	}
}

// nominate is the controlling agent's choice (regular nomination): the best
// pair, or the best so far when that one takes its time.
func (a *Agent) nominate(s *stream, now time.Time) {
	if !a.controlling {
		return
	}
	for _, c := range s.components {
		if c.selected != nil || c.since.IsZero() {
			continue
		}
		p := s.best(c)
		if p == nil || s.nominating(c) || now.Before(c.since.Add(Patience)) && s.better(p) {
			continue
		}
		p.nominate = true
		s.list.enqueue(p)
	}
}

func (s *stream) nominating(c *component) bool {
	for _, p := range s.list.pairs {
		if p.component == c && p.nominate {
			return true
		}
	}
	return false
}

// giveUp ends a stream when nothing is left to try.
func (a *Agent) giveUp(s *stream, now time.Time) {
	if s.more || now.Before(s.started.Add(Grace)) || !s.hopeless() {
		return
	}
	s.state = StateFailed
	a.report(EventFailed, s, nil, Path{})
}

// step sends one new check when the pace allows it, the streams taking turns.
func (a *Agent) step(now time.Time) {
	if a.cfg.Lite || now.Before(a.pace) {
		return
	}
	for range a.streams {
		s := a.streams[a.turn%len(a.streams)]
		a.turn = (a.turn + 1) % len(a.streams)
		if !s.running() {
			continue
		}
		p := a.pick(s)
		if p == nil {
			continue
		}
		s.list.dequeue(p)
		p.state = inProgress
		p.tx = transaction{id: a.newID(), role: a.role(), tie: a.tie, use: a.controlling && p.nominate, wait: a.rto(s), alive: true}
		a.transmit(s, p, now)
		a.pace = now.Add(a.cfg.Ta)
		return
	}
}

// pick chooses the next pair to check: triggered ones, then by priority, then
// one that no other of its foundation stands for (RFC 8445 section 6.1.4.2). A
// turn that would pass unused goes to the best frozen pair, as it did in RFC 5245
// (section 5.8): RTCP need not wait while a check of RTP was lost, or goes where
// the peer is not.
func (a *Agent) pick(s *stream) *pair {
	if len(s.list.triggered) > 0 {
		return s.list.triggered[0]
	}
	for _, p := range s.list.pairs {
		if p.state == waiting {
			return p
		}
	}
	var last *pair
	for _, p := range s.list.pairs {
		if p.state != frozen {
			continue
		}
		if busy, _ := a.foundation(p); !busy {
			return p
		}
		if last == nil {
			last = p
		}
	}
	return last
}

// rto grows with what is under way, so that retransmissions do not exceed the
// pace (RFC 8445 section 14.3).
func (a *Agent) rto(s *stream) time.Duration {
	busy := 0
	for _, p := range s.list.pairs {
		if p.state == waiting || p.state == inProgress {
			busy++
		}
	}
	return max(a.cfg.RTO, a.cfg.Ta*time.Duration(busy*len(a.streams)))
}

func (a *Agent) role() uint16 {
	if a.controlling {
		return attrControlling
	}
	return attrControlled
}

// transmit sends a pair's check, the first time or again.
func (a *Agent) transmit(s *stream, p *pair, now time.Time) {
	tx := &p.tx
	a.ask(s.keys, p.local, p.remote.Addr, tx)
	tx.sent++
	tx.next = now.Add(tx.wait)
	if tx.sent == attempts {
		tx.next = now.Add(lastWait * a.cfg.RTO)
	}
	tx.wait *= 2
}

// ask writes a Binding request.
func (a *Agent) ask(k *keys, l *local, to netip.AddrPort, tx *transaction) {
	start := len(a.buf)
	m := a.message(classRequest, tx.id)
	m.text(attrUsername, k.name)
	m.uint32(attrPriority, Priority(PeerReflexive, l.preference, l.Component))
	m.uint64(tx.role, tx.tie)
	if tx.use {
		m.flag(attrUseCandidate)
	}
	a.send(start, m.finish(k.out), Path{Local: l.Base, Remote: to})
	a.stats.Checks++
}
