package ice

import (
	"fmt"
	"slices"
	"time"
)

// SetRemote takes the peer's description of a stream. Credentials that differ
// from the last ones are a restart by the peer; unless [Agent.Restart] was
// called since, new local credentials are made, to be told in the answer, and
// restarted is true. The same credentials again add candidates. What is to be
// sent comes from [Agent.Advance].
func (a *Agent) SetRemote(i int, r Remote, now time.Time) (restarted bool, err error) {
	a.begin(now)
	s := a.stream(i)
	if s == nil {
		return false, fmt.Errorf("%w: %d", ErrStream, i)
	}
	if err := r.Credentials.checkPeer(); err != nil {
		return false, err
	}
	if s.keys.out != nil && s.keys.remote != r.Credentials {
		a.restart(s)
		restarted = true
	}
	a.settleRole(r.Lite)
	if s.keys.out == nil {
		a.start(s, r, now)
	}
	s.more = r.Trickle
	s.narrow(r)
	for _, c := range r.Candidates {
		if e := a.addRemote(s, c); e != nil {
			err = e
		}
	}
	if a.cfg.Lite && s.lite {
		a.agree(s)
	}
	return restarted, err
}

// settleRole: a lite agent is controlled by a full one.
func (a *Agent) settleRole(lite bool) {
	if a.cfg.Lite != lite && a.controlling == a.cfg.Lite {
		a.setRole(!a.cfg.Lite)
	}
}

// start begins checks with a generation's remote credentials. Checks that came
// before may be those of another branch of a fork.
func (a *Agent) start(s *stream, r Remote, now time.Time) {
	s.keys.setRemote(r.Credentials)
	s.lite, s.state, s.started = r.Lite, StateChecking, now
	s.remotes = slices.DeleteFunc(s.remotes, func(c *remote) bool { return c.ufrag != r.Ufrag })
	s.list.drop(func(p *pair) bool { return p.remote.ufrag != r.Ufrag })
	for _, p := range slices.Clone(s.list.pairs) {
		if p.valid {
			a.connected(s, p, now)
		}
		if p.valid && p.nominate {
			a.nominated(s, p)
		}
	}
}

// narrow takes components out of use that the peer does not have.
func (s *stream) narrow(r Remote) {
	has := map[int]bool{}
	for _, c := range r.Candidates {
		has[c.Component] = true
	}
	for _, c := range slices.Clone(s.components) {
		if c.id > 1 && (r.Mux || !r.Trickle && len(has) > 0 && !has[c.id]) {
			s.retire(c.id)
		}
	}
}

// AddRemote takes a candidate that came later (trickle ICE, RFC 8840). One
// that cannot be checked, such as a TCP candidate, is ignored.
func (a *Agent) AddRemote(i int, c Candidate, now time.Time) error {
	a.begin(now)
	s := a.stream(i)
	if s == nil || s.keys.out == nil {
		return fmt.Errorf("%w: %d", ErrStream, i)
	}
	err := a.addRemote(s, c)
	if a.cfg.Lite && s.lite {
		a.agree(s)
	}
	return err
}

// EndOfRemote says that no more candidates come (a=end-of-candidates).
func (a *Agent) EndOfRemote(i int, now time.Time) {
	a.begin(now)
	if s := a.stream(i); s != nil {
		s.more = false
	}
}

func (a *Agent) addRemote(s *stream, c Candidate) error {
	c.Addr = unmap(c.Addr)
	if !c.UDP() || s.component(c.Component) == nil || a.cfg.Deny(c.Addr.Addr()) {
		a.stats.Ignored++
		return nil
	}
	if known := s.remote(c.Component, c.Addr); known != nil {
		if known.Type == PeerReflexive && known.ufrag != "" {
			known.Candidate, known.ufrag = c, "" // its check was faster than its description
			a.rerank(s)
		}
		return nil
	}
	r := &remote{Candidate: c}
	if !a.remember(s, r) {
		a.stats.Ignored++
		return fmt.Errorf("%w: %d remote candidates", ErrLimit, len(s.remotes))
	}
	for _, l := range s.locals {
		if l.Component == c.Component && l.component.selected == nil && l.reaches(c.Addr.Addr()) {
			a.addPair(s, l, r)
		}
	}
	return nil
}

// remember stores a remote candidate. When there are too many, one that was
// learned and whose pairs came to nothing gives way.
func (a *Agent) remember(s *stream, r *remote) bool {
	if len(s.remotes) >= MaxCandidates {
		i := slices.IndexFunc(s.remotes, func(o *remote) bool {
			return o.ufrag != "" && !slices.ContainsFunc(s.list.pairs, func(p *pair) bool {
				return p.remote == o && (p.state != failed || p.component.selected == p)
			})
		})
		if i < 0 {
			return false
		}
		gone := s.remotes[i]
		s.remotes = slices.Delete(s.remotes, i, i+1)
		s.list.drop(func(p *pair) bool { return p.remote == gone })
	}
	s.remotes = append(s.remotes, r)
	return true
}

// addPair forms a pair; nil when the list is full of better ones. The first of
// a foundation may be checked, the others wait for what becomes of it (RFC
// 8445 section 6.1.2.6).
func (a *Agent) addPair(s *stream, l *local, r *remote) *pair {
	p := &pair{component: l.component, local: l, remote: r}
	p.rank(a.controlling)
	busy, done := a.foundation(p)
	if done || !busy {
		p.state = waiting
	}
	if !s.list.add(p) {
		a.stats.Ignored++
		return nil
	}
	return p
}

// foundation tells whether pairs with the foundation of p are about to be
// checked, and whether one works.
func (a *Agent) foundation(p *pair) (busy, done bool) {
	for _, s := range a.streams {
		for _, q := range s.list.pairs {
			if q != p && q.like(p) {
				busy = busy || q.state == waiting || q.state == inProgress
				done = done || q.valid
			}
		}
	}
	return busy, done
}

func (a *Agent) rerank(s *stream) {
	for _, p := range s.list.pairs {
		p.rank(a.controlling)
	}
	s.list.sort()
}

// setRole changes the role; pair priorities depend on it, and who nominates.
func (a *Agent) setRole(controlling bool) {
	a.controlling = controlling
	for _, s := range a.streams {
		for _, p := range s.list.pairs {
			p.nominate = false
		}
		a.rerank(s)
	}
}

// Restart begins a new generation of a stream (RFC 8445 section 9) and returns
// its credentials. Media goes on by the old pair until a new one is nominated,
// and the peer's checks of the old generation are answered until then and for
// [ConsentTimeout] more.
func (a *Agent) Restart(i int, now time.Time) (Credentials, error) {
	a.begin(now)
	s := a.stream(i)
	if s == nil {
		return Credentials{}, fmt.Errorf("%w: %d", ErrStream, i)
	}
	a.restart(s)
	return s.keys.local, nil
}

// maxFormer bounds the generations that are still answered while one restart
// follows the other.
const maxFormer = 4

func (a *Agent) restart(s *stream) {
	if s.keys.out != nil {
		s.former = slices.Insert(s.former, 0, s.keys)
		s.until = time.Time{}
		s.forget()
	}
	s.keys = newKeys(NewCredentials(a.cfg.Rand))
	s.state, s.remotes, s.list, s.more = StateNew, nil, checklist{}, false
	for _, c := range s.components {
		c.selected, c.since = nil, time.Time{}
	}
}

// forget keeps the former generations bounded: those that media goes by, and
// the latest.
func (s *stream) forget() {
	for i := len(s.former) - 1; i >= 0 && len(s.former) > maxFormer; i-- {
		used := func(c *component) bool { return c.flow.keys == s.former[i] }
		if !slices.ContainsFunc(s.components, used) {
			s.former = slices.Delete(s.former, i, i+1)
		}
	}
}

// agree is what two lite agents do: they send no checks and take the best pair
// of each component.
func (a *Agent) agree(s *stream) {
	for _, c := range s.components {
		i := slices.IndexFunc(s.list.pairs, func(p *pair) bool { return p.component == c })
		if i >= 0 && c.selected == nil {
			a.elect(s, s.list.pairs[i])
		}
	}
}
