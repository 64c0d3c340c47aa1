package bridge

import (
	"fmt"
	"slices"
)

// Join makes one session of two, neither of which changes: the legs of the
// second come behind those of the first, their numbers higher by the one
// returned. What they said and were told, and who talks to whom, stays; an
// offer that is not answered can no longer be taken back. Nobody may be in both.
func (e *Engine) Join(first, second *Session) (*Session, LegID, error) {
	a, b := first.state.clone(), second.state.clone()
	if n := len(a.Legs) + len(b.Legs); n > e.cfg.MaxLegs {
		return nil, 0, fmt.Errorf("%w: %d legs", ErrLimit, n)
	}
	for _, l := range b.Legs {
		for _, t := range l.Tags {
			if a.byTag(t) != nil {
				return nil, 0, fmt.Errorf("%w: %.64q is in both sessions", ErrMismatch, t)
			}
		}
		l.renumber(a.Next)
	}
	by := a.Next
	a.Legs, a.Next = append(a.Legs, b.Legs...), a.Next+b.Next
	return &Session{cfg: &e.cfg, state: a}, by, nil
}

// renumber makes all numbers of legs higher.
func (l *leg) renumber(by LegID) {
	for _, id := range []*LegID{&l.ID, &l.Owner, &l.Peer} {
		if *id != 0 {
			*id += by
		}
	}
	for _, list := range [][]LegID{l.Mixed, l.Hears} {
		for i := range list {
			list[i] += by
		}
	}
	for _, m := range l.Media {
		if m.Copy != nil {
			m.Copy = &copied{m.Copy.Leg + by, m.Copy.Index}
		}
		for i := range m.Gens {
			if m.Gens[i].Peer != 0 {
				m.Gens[i].Peer += by
			}
		}
	}
	if l.Heard != nil {
		l.Heard.renumber(by)
	}
}

// Hear lets a party, named by its tag, get what others send beside what it gets
// anyway, each in a stream of its own; no others: everybody. With both they get
// what it sends too. Who talks to whom stays as it is; who is heard already is
// left out. [Session.Mute] ends it.
func (s *Session) Hear(to string, from []string, both bool) error {
	st := s.state.clone()
	q := Subscription{Tags: from}
	legs, err := st.wanted(&q)
	if err != nil {
		return err
	}
	l := st.byTag(to)
	switch {
	case l == nil:
		return fmt.Errorf("%w: no party %.64q", ErrUnknown, to)
	case l.subscribes() || !l.described():
		return fmt.Errorf("%w: %.64q is no party that receives", ErrMismatch, to)
	}
	w, some := &work{state: st, cfg: s.cfg}, false
	for _, o := range legs {
		if o == l {
			continue
		}
		if len(w.heard(o, l)) == 0 {
			continue
		}
		some = true
		l.hear(o)
		if both {
			o.hear(l)
		}
	}
	if !some {
		return fmt.Errorf("%w: no media of one kind", ErrMismatch)
	}
	s.before, s.state = nil, st
	return nil
}

// Mute ends what Hear began: for one of those that are heard, or with none
// named for all of them; with both also the other way.
func (s *Session) Mute(to, from string, both bool) error {
	st := s.state.clone()
	l, o := st.byTag(to), st.byTag(from)
	switch {
	case l == nil:
		return fmt.Errorf("%w: no party %.64q", ErrUnknown, to)
	case from != "" && o == nil:
		return fmt.Errorf("%w: no party %.64q", ErrUnknown, from)
	}
	ended := false
	for _, id := range slices.Clone(l.Hears) {
		if o == nil || id == o.ID {
			l.Hears = slices.DeleteFunc(l.Hears, func(h LegID) bool { return h == id })
			ended = true
			if x := st.leg(id); both && x != nil {
				x.Hears = slices.DeleteFunc(x.Hears, func(h LegID) bool { return h == l.ID })
			}
		}
	}
	if !ended {
		return fmt.Errorf("%w: %.64q hears nobody in particular", ErrMismatch, to)
	}
	s.before, s.state = nil, st
	return nil
}

func (l *leg) hear(o *leg) {
	if l.Peer != o.ID && !slices.Contains(l.Hears, o.ID) {
		l.Hears = append(l.Hears, o.ID)
	}
}

// heard connects the streams of a party to those of its kind of another one,
// those of the same MID or place first.
func (w *work) heard(from, to *leg) (list []Flow) {
	for i, m := range from.Media {
		if m.Rejected || m.Untouched || !isRTP(m.Proto) || m.local() == nil && m.Bundle == i {
			continue
		}
		j := to.alike(m, i)
		if j < 0 {
			continue
		}
		f, t := m.alone(), to.Media[j]
		fl := Flow{From: from.ID, To: to.ID, FromMedia: i, ToMedia: j, Extensions: mapExtensions(f, t), Open: w.open(f, t)}
		w.routes(&fl, f, t, false)
		list = append(list, fl)
	}
	return list
}

// alike finds the stream that takes one of another party; -1: there is none.
func (l *leg) alike(m *stream, at int) int {
	found := -1
	for j, t := range l.Media {
		switch {
		case t.Kind != m.Kind || t.Rejected || t.Untouched || !isRTP(t.Proto):
		case m.MID != "" && t.MID == m.MID:
			return j
		case found < 0 || j == at:
			found = j
		}
	}
	return found
}

// alone is a stream without what was agreed with its partner: that is not the
// business of others who get it.
func (m *stream) alone() *stream {
	f := *m
	f.Codecs.Transcode, f.Codecs.Detect, f.Repack = false, false, 0
	f.Codecs.Said = slices.Clone(f.Codecs.Said)
	for i := range f.Codecs.Said {
		f.Codecs.Said[i].Accept = false
	}
	return &f
}
