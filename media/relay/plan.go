package relay

import (
	"slices"
	"time"

	"github.com/class5-go/class5/media/bridge"
)

// apply makes a plan effective: legs, ports, addresses, keys, flows. hold
// names legs that are in conversation and whose offer is not answered yet:
// what they said is not believed before.
func (s *session) apply(p *bridge.Plan, hold func(*leg) bool, now time.Time) {
	s.prune(p)
	for i := range p.Legs {
		s.applyLeg(&p.Legs[i], p, hold, now)
	}
	s.closeUnused(p, now)
	s.planMixes(p, now)
	s.connectFlows(p, hold)
	s.connectMixes(p, now)
	s.chooseReports()
	s.held = s.isHeld()
	s.recordStreams()
	s.separate()
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st != nil {
				st.settle()
			}
		}
	}
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st != nil {
				st.admitEarly(now)
			}
		}
	}
}

// prune ends the legs that the plan does not name.
func (s *session) prune(p *bridge.Plan) {
	for _, l := range slices.Clone(s.legs) {
		if !slices.ContainsFunc(p.Legs, func(q bridge.Leg) bool { return q.ID == l.id }) {
			s.drop(l)
		}
	}
}

func (s *session) applyLeg(q *bridge.Leg, p *bridge.Plan, hold func(*leg) bool, now time.Time) {
	l := s.leg(q.ID)
	if l == nil {
		l = &leg{session: s, id: q.ID, early: true, learning: s.r.cfg.Learning}
		s.legs = append(s.legs, l)
	}
	held := hold != nil && hold(l)
	l.tags, l.branch, l.label = q.Tags, q.Branch, q.Label
	l.subscriber, l.publisher = q.Subscriber, q.Publisher
	if !held {
		l.peer = q.Peer
	}
	for i := range q.Media {
		s.applyMedia(l, q, &q.Media[i], p, held, now)
	}
	if held {
		return
	}
	for i, st := range l.streams {
		if st != nil && i >= len(q.Media) {
			st.off = true
		}
	}
}

func (s *session) applyMedia(l *leg, q *bridge.Leg, m *bridge.Media, p *bridge.Plan, held bool, now time.Time) {
	st := l.stream(m.Index)
	if st == nil {
		if len(m.Local.Addrs) == 0 {
			return
		}
		st = l.newStream(m.Index)
		held = false
	}
	s.link(st, q.ID, m)
	if held {
		return
	}
	st.describe(m)
	st.carrier = st
	if m.Bundle != m.Index {
		if head := l.stream(m.Bundle); head != nil {
			st.carrier = head
		}
	}
	if len(m.Local.Addrs) > 0 && st.carrier == st {
		st.use(s.set(q.ID, m.Index, m.Local.Generation), m.Local.Use)
	}
	open := l.publisher
	for i := range p.Flows {
		f := &p.Flows[i]
		open = open || f.From == q.ID && f.FromMedia == m.Index && f.Open
	}
	st.open = open
	if m.RTP.IsValid() || m.Muted {
		st.hear(m, l.source, l.early || !open, now)
		st.startPiercing(now)
		st.delays()
	}
	st.protect(m, now)
}

// link makes what arrives at any of the stream's ports its own: at those of
// before, and at those that the party was told but whose offer is not
// answered yet.
func (s *session) link(st *stream, leg bridge.LegID, m *bridge.Media) {
	for _, x := range s.sets {
		if x.leg == leg && x.media == m.Index && x.stream == nil && names(m, x.generation) {
			x.stream = st
		}
	}
}

// closeUnused closes the ports that the plan does not name.
func (s *session) closeUnused(p *bridge.Plan, now time.Time) {
	s.sets = slices.DeleteFunc(s.sets, func(x *socketSet) bool {
		for i := range p.Legs {
			if l := &p.Legs[i]; l.ID == x.leg {
				for k := range l.Media {
					if m := &l.Media[k]; m.Index == x.media && names(m, x.generation) {
						return false
					}
				}
			}
		}
		x.close(now)
		return true
	})
}

func names(m *bridge.Media, generation int) bool {
	if len(m.Local.Addrs) > 0 && m.Local.Generation == generation {
		return true
	}
	return slices.ContainsFunc(m.Old, func(l bridge.Local) bool { return l.Generation == generation })
}

// connectFlows makes the routes. Those of held legs stay, but for those to
// subscribers.
func (s *session) connectFlows(p *bridge.Plan, hold func(*leg) bool) {
	for _, l := range s.legs {
		held := hold != nil && hold(l)
		for _, st := range l.streams {
			if st != nil {
				s.connectStream(st, p, held)
			}
		}
	}
}

// chooseReports makes the relay write the RTCP of streams whose packets it
// makes, in both directions, and of legs where that is asked for.
func (s *session) chooseReports() {
	made := map[*stream]bool{}
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st == nil {
				continue
			}
			if st.mixing != nil && st.mixing.alone != nil {
				made[st] = true
				s.r.pacer.add(s)
			}
			for i := range st.routes {
				if r := &st.routes[i]; r.coder != nil || r.to == st || l.generate || r.to.leg.generate {
					// Reports about a copy end at the relay; the parties' own go on.
					made[st], made[r.to] = made[st] || !r.to.leg.subscriber, true
					s.r.pacer.add(s)
				}
			}
		}
	}
	for _, l := range s.legs {
		for _, st := range l.streams {
			switch {
			case st == nil:
			case made[st]:
				st.reporter()
			default:
				st.made = nil
			}
		}
	}
}

func (s *session) connectStream(st *stream, p *bridge.Plan, held bool) {
	var routes []route
	if held {
		routes = slices.DeleteFunc(slices.Clone(st.routes), func(r route) bool { return r.to.leg.subscriber })
	}
	for i := range p.Flows {
		f := &p.Flows[i]
		if f.From != st.leg.id || f.FromMedia != st.index {
			continue
		}
		other := s.leg(f.To)
		if other == nil || held && !other.subscriber || st.leg.peer == other.id && other.peer != st.leg.id {
			continue // a branch that is not the connected one
		}
		to := other.stream(f.ToMedia)
		if to == nil {
			continue
		}
		var before *route
		for k := range st.routes {
			if st.routes[k].to == to {
				before = &st.routes[k]
			}
		}
		r := newRoute(f, to, before)
		if held && before != nil && s.bridge.Pending() {
			r.open = before.open // what the source says now is not answered yet
		}
		var into *mixing
		if s.mixesInto(f, p) {
			into = to.mixing
		}
		if err := s.equip(f, &r, before, into); err != nil {
			s.r.log.Warn("payloads of a stream cannot be worked on", "error", err)
		}
		routes = append(routes, r)
	}
	st.routes = st.echoed(routes)
}

// isHeld tells whether silence is no fault: every stream is on hold in one
// direction at least.
func (s *session) isHeld() bool {
	streams := 0
	for _, l := range s.legs {
		if !l.connected() {
			continue
		}
		for _, st := range l.streams {
			if st == nil || st.off || !st.said {
				continue
			}
			streams++
			quiet := st.quiet()
			for i := range st.routes {
				quiet = quiet || st.routes[i].to.quiet()
			}
			if !quiet {
				return false
			}
		}
	}
	return streams > 0
}

// quiet tells whether the party said that one direction may well be silent.
func (s *stream) quiet() bool { return s.muted || !s.direction.Sends() || !s.direction.Receives() }
