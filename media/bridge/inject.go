package bridge

import (
	"fmt"
	"slices"
)

// Mix is audio of a party that is heard by another one beside what that hears
// anyway.
type Mix struct {
	From, To           LegID
	FromMedia, ToMedia int // index into Leg.Media
}

// Inject mixes the audio of a party, named by its tag, into what another one
// hears. Nothing changes in what the party hears or who else hears it.
func (s *Session) Inject(source, to string) error {
	st := s.state.clone()
	from, into, err := st.injected(source, to)
	if err != nil {
		return err
	}
	w := &work{state: st, cfg: s.cfg}
	switch {
	case from == into:
		return fmt.Errorf("%w: a party is not mixed into what it hears itself", ErrMismatch)
	case slices.Contains(into.Mixed, from.ID):
		return fmt.Errorf("%w: %.64q is mixed into what %.64q hears already", ErrMismatch, source, to)
	case into.Peer == from.ID || slices.Contains(into.Hears, from.ID) || w.copies(from, into):
		return fmt.Errorf("%w: %.64q hears %.64q already", ErrMismatch, to, source)
	}
	into.Mixed = append(into.Mixed, from.ID)
	audio := func(l *leg) bool {
		return slices.ContainsFunc(l.Media, func(m *stream) bool { return m.Kind == "audio" && !m.Rejected })
	}
	if !audio(from) || !audio(into) {
		return fmt.Errorf("%w: no audio to be mixed", ErrMismatch)
	}
	if !slices.ContainsFunc(w.mixes(into), func(m Mix) bool { return m.From == from.ID }) {
		return fmt.Errorf("%w: the audio of %.64q and %.64q cannot be mixed", ErrNoCodec, source, to)
	}
	s.adjust(st, into.ID, func(l *leg) { l.Mixed = slices.Clone(into.Mixed) })
	return nil
}

// StopInject ends what Inject began.
func (s *Session) StopInject(source, to string) error {
	st := s.state.clone()
	from, into, err := st.injected(source, to)
	if err != nil {
		return err
	}
	i := slices.Index(into.Mixed, from.ID)
	if i < 0 {
		return fmt.Errorf("%w: %.64q is not mixed into what %.64q hears", ErrMismatch, source, to)
	}
	into.Mixed = slices.Delete(into.Mixed, i, i+1)
	s.adjust(st, into.ID, func(l *leg) { l.Mixed = slices.Clone(into.Mixed) })
	return nil
}

// adjust makes a state the present one in which one leg has changed. An offer
// can still be taken back.
func (s *Session) adjust(st *state, id LegID, change func(*leg)) {
	s.state = st
	if s.before == nil {
		return
	}
	b := s.before.clone()
	if l := b.leg(id); l != nil {
		change(l)
	}
	s.before = b
}

func (s *state) injected(source, to string) (from, into *leg, err error) {
	if from, into = s.byTag(source), s.byTag(to); from == nil {
		return nil, nil, fmt.Errorf("%w: no party %.64q", ErrUnknown, source)
	}
	if into == nil {
		return nil, nil, fmt.Errorf("%w: no party %.64q", ErrUnknown, to)
	}
	return from, into, nil
}

// copies tells whether a subscriber gets copies of what a party sends.
func (w *work) copies(from, to *leg) bool {
	return slices.ContainsFunc(to.Media, func(m *stream) bool { return m.Copy != nil && m.Copy.Leg == from.ID })
}

// mixes lists what is mixed into the streams of a leg, as far as both have
// audio now that can be decoded, and that of the receiver encoded.
func (w *work) mixes(to *leg) (list []Mix) {
	for _, id := range to.Mixed {
		from := w.leg(id)
		if from == nil {
			continue
		}
		for i, f := range from.Media {
			if !w.mixable(f) {
				continue
			}
			if j := w.receiving(f, i, to); j >= 0 {
				list = append(list, Mix{From: from.ID, To: to.ID, FromMedia: i, ToMedia: j})
			}
		}
	}
	return list
}

// receiving finds the stream that is heard together with one of another
// party: that of its MID, else of its place, else the first; -1: there is none.
func (w *work) receiving(f *stream, i int, to *leg) int {
	first := -1
	for j, t := range to.Media {
		switch {
		case !w.mixable(t):
		case f.MID != "" && t.MID == f.MID:
			return j
		case first < 0 || j == i:
			first = j
		}
	}
	return first
}

// mixable tells whether a stream is audio that can become samples, by the
// codec that the party prefers.
func (w *work) mixable(m *stream) bool {
	if m.Kind != "audio" || m.Rejected || m.Untouched || !isRTP(m.Proto) {
		return false
	}
	list := m.Codecs.Said
	if len(list) == 0 {
		list = m.Codecs.Told
	}
	first := find(list, func(f *format) bool { return !f.companion() })
	return first != nil && w.codes(first)
}
