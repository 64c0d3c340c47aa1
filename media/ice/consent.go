package ice

import (
	"net/netip"
	"time"
)

// flow is where a component's media goes, with the consent of the peer (RFC
// 7675). It outlives a restart until another pair is nominated.
type flow struct {
	path    Path
	local   *local
	keys    *keys // nil: there is none
	ids     [8]transactionID
	count   int
	next    time.Time // consent check, or keepalive of a lite agent
	expires time.Time
	lost    bool
}

// asked tells whether a consent check had that identifier.
func (f *flow) asked(id transactionID) bool {
	for i := range min(f.count, len(f.ids)) {
		if f.ids[i] == id {
			return true
		}
	}
	return false
}

// schedule sets the time of the next consent check or keepalive.
func (a *Agent) schedule(f *flow) {
	if a.cfg.Lite {
		f.next = a.now.Add(KeepaliveInterval)
		return
	}
	fill(a.cfg.Rand, a.random[:2])
	share := time.Duration(a.random[0])<<8 | time.Duration(a.random[1])
	f.next = a.now.Add(ConsentInterval*8/10 + ConsentInterval*4/10*share/0xffff)
}

// maintain sends what a flow needs, and ends it when consent has expired.
func (a *Agent) maintain(s *stream, c *component, now time.Time) {
	f := &c.flow
	if f.keys == nil || f.lost {
		return
	}
	if !a.cfg.Lite && !now.Before(f.expires) {
		f.lost = true
		a.report(EventConsentLost, s, c, f.path)
		return
	}
	if now.Before(f.next) {
		return
	}
	a.schedule(f)
	if a.cfg.Lite {
		start := len(a.buf)
		m := compose(a.buf, classIndication, a.newID())
		a.send(start, m.finish(nil), f.path)
		return
	}
	id := a.newID()
	f.ids[f.count%len(f.ids)] = id
	f.count++
	if f.count == 2*len(f.ids) {
		f.count = len(f.ids) // all slots stay in use
	}
	a.ask(f.keys, f.local, f.path.Remote, &transaction{id: id, role: a.role(), tie: a.tie, use: a.controlling})
}

// consented takes the answer to a consent check.
func (a *Agent) consented(s *stream, l *local, b []byte, m *message, from netip.AddrPort, now time.Time) Drop {
	f := &l.component.flow
	if m.mac == nil {
		return DropUnauthenticated
	}
	if !f.keys.out.verify(b, m) {
		return DropIntegrity
	}
	if l != f.local || from != f.path.Remote {
		return DropTransaction
	}
	a.stats.Responses++
	switch {
	case m.class == classSuccess:
		f.expires = now.Add(ConsentTimeout)
	case m.code == codeRoleConflict && f.keys == s.keys:
		a.yield(&transaction{role: a.role()})
	}
	return DropNone
}
