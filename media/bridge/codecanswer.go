package bridge

import (
	"slices"
	"strings"
)

// answerCodecs makes the list that the offerer is answered with.
func (w *work) answerCodecs(p *pair) {
	o := &w.o.options.Codec
	s := strip(p.h.codecs, specs(o.Strip), o)
	s.companions()
	if !s.codecs() {
		s = newShelf(p.h.codecs)
	}
	from, to := &p.from.Codecs, &p.to.Codecs
	from.Said = s.list
	m := w.mapping(from, to)
	if (p.from.Repack > 0 || p.to.Repack > 0) && w.bridges(m.said, m.offerer) {
		m.engaged, m.recoded = true, true
	}
	to.Told = m.answer()
	switch {
	case w.o.options.SymmetricCodecs:
		to.Told = m.first(to.Told, func(f *format) bool { return find(m.said, f.same) != nil })
	case w.o.options.ReorderCodecs:
		to.Told = prefer(to.Told, m.offerer)
	}
	if w.o.options.SingleCodec {
		to.Told = single(to.Told)
	}
	to.Inject, from.Inject = to.Inject || w.o.options.InjectDTMF, from.Inject || w.o.options.InjectDTMF
	force := to.Force || w.o.options.ForceTranscoding
	from.Force, to.Force = force, force
	to.Detect, from.Detect = to.Detect || w.o.options.DetectDTMF, from.Detect || w.o.options.DetectDTMF
}

// mapping says what becomes of the codecs of an answerer towards the offerer.
type mapping struct {
	w        *work
	said     []format // the answerer's
	offerer  []format // the offerer's
	engaged  bool     // the transcoder is in the path
	recoded  bool     // even what could pass is coded anew, for another packet length
	accepted *format  // everything goes to this codec of the offerer
}

func (w *work) mapping(answerer, offerer *codecState) *mapping {
	m := &mapping{w: w, said: answerer.Said, offerer: offerer.Said}
	m.accepted = find(m.offerer, func(f *format) bool { return f.Accept && !f.companion() })
	m.engaged = answerer.Transcode || find(m.offerer, func(f *format) bool { return f.Accept }) != nil
	if !m.engaged && !m.direct() && w.bridges(m.said, m.offerer) {
		m.engaged = true
	}
	return m
}

// bridges tells whether the transcoder can join two lists that have nothing in
// common.
func (w *work) bridges(a, b []format) bool {
	coded := func(f *format) bool { return !f.companion() && w.codes(f) }
	return find(a, coded) != nil && find(b, coded) != nil
}

// direct tells whether any codec of the answerer is one of the offerer, under
// the same payload type.
func (m *mapping) direct() bool {
	return slices.ContainsFunc(m.said, func(f format) bool { return !f.companion() && m.plain(&f) != nil })
}

// plain finds the offerer's format of the same type and encoding.
func (m *mapping) plain(f *format) *format {
	return find(m.offerer, func(o *format) bool { return o.PayloadType == f.PayloadType && o.same(f) })
}

// preferred is the offerer's codec that others are transcoded to.
func (m *mapping) preferred() *format {
	return find(m.offerer, func(f *format) bool { return !f.companion() && m.w.codes(f) })
}

// target is the offerer's codec for one of the answerer's, nil when there is
// none.
func (m *mapping) target(f *format) *format {
	if m.accepted != nil && m.w.codes(f) {
		return m.accepted
	}
	if o := m.plain(f); o != nil {
		return o
	}
	if o := find(m.offerer, f.same); o != nil {
		return o
	}
	if m.engaged && m.w.codes(f) {
		return m.preferred()
	}
	return nil
}

// answer is the list for the offerer.
func (m *mapping) answer() []format {
	if !m.engaged {
		return m.passed()
	}
	var out []format
	add := func(f format) {
		if find(out, func(o *format) bool { return o.PayloadType == f.PayloadType }) == nil {
			f.New, f.Accept = false, false
			out = append(out, f)
		}
	}
	for i := range m.said {
		f := &m.said[i]
		if f.companion() {
			continue
		}
		t := m.target(f)
		if t == nil {
			continue
		}
		if t.PayloadType == f.PayloadType && t.same(f) && !m.recoded {
			add(*f)
		} else {
			add(*t)
		}
	}
	for _, kind := range []string{noiseName, eventName} {
		for i := range m.offerer {
			c := &m.offerer[i]
			if strings.EqualFold(c.Name, kind) && m.keeps(c) {
				add(*c)
			}
		}
	}
	return out
}

// first puts the codecs that match before the others.
func (m *mapping) first(list []format, match func(*format) bool) []format {
	var front, back []format
	for i := range list {
		if f := list[i]; !f.companion() && match(&f) {
			front = append(front, f)
		} else {
			back = append(back, f)
		}
	}
	return append(front, back...)
}

// passed is the answerer's list as far as the offerer knows its formats; all
// of it when it knows none and the transcoder cannot help.
func (m *mapping) passed() []format {
	known := m.plain
	if m.w.o.options.AsymmetricCodecs {
		known = func(f *format) *format { return find(m.offerer, f.same) }
	}
	out := slices.DeleteFunc(slices.Clone(m.said), func(f format) bool { return known(&f) == nil })
	if len(out) == 0 {
		return m.said
	}
	return out
}

// keeps tells whether a companion of the offerer has a counterpart, or is
// rendered here.
func (m *mapping) keeps(c *format) bool {
	same := find(m.said, func(f *format) bool { return f.PayloadType == c.PayloadType && f.same(c) }) != nil
	for i := range m.said {
		f := &m.said[i]
		if f.companion() {
			continue
		}
		t := m.target(f)
		if t == nil {
			continue
		}
		if same && t.same(f) {
			return true // both pass as they are
		}
		if t.ClockRate != c.ClockRate {
			continue
		}
		if c.Accept {
			return true
		}
		if find(m.said, func(o *format) bool { return strings.EqualFold(o.Name, c.Name) && o.ClockRate == f.ClockRate }) != nil {
			return true
		}
	}
	return false
}

// single leaves the first codec with its companions.
func single(list []format) []format {
	first := find(list, func(f *format) bool { return !f.companion() })
	if first == nil {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(f format) bool {
		if f.companion() {
			return f.ClockRate != first.ClockRate
		}
		return f.PayloadType != first.PayloadType
	})
}
