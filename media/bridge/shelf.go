package bridge

import (
	"slices"
	"strings"
)

// shelf is a list of formats under construction. Companions (telephone-event,
// CN) stand behind the codecs; what is added goes before the companion that
// came first.
type shelf struct {
	list   []format
	anchor uint8 // payload type of the first companion
	has    bool  // there is one
	// clocks whose codecs or companions changed.
	touched map[uint32]bool
	every   bool // all clocks: a companion was added or removed
	// bundled are the formats of other m= lines, whose payload types mean them
	// here too (RFC 9143 section 9.1).
	bundled []format
}

func newShelf(list []format) *shelf {
	s := &shelf{list: slices.Clone(list), touched: make(map[uint32]bool)}
	s.moor()
	return s
}

// moor finds the anchor when there is none.
func (s *shelf) moor() {
	if s.has && slices.ContainsFunc(s.list, func(f format) bool { return f.PayloadType == s.anchor }) {
		return
	}
	s.has = false
	for i := range s.list {
		if s.list[i].companion() {
			s.anchor, s.has = s.list[i].PayloadType, true
			return
		}
	}
}

func (s *shelf) touch(f *format) {
	if f.companion() {
		s.every = s.every || f.New
		return
	}
	s.touched[f.ClockRate] = true
}

func (s *shelf) add(f format) {
	s.touch(&f)
	i := len(s.list)
	if s.has {
		i = slices.IndexFunc(s.list, func(o format) bool { return o.PayloadType == s.anchor })
	}
	s.list = slices.Insert(s.list, i, f)
	s.moor()
}

// remove drops the formats that match.
func (s *shelf) remove(match func(*format) bool) {
	s.list = slices.DeleteFunc(s.list, func(f format) bool {
		if !match(&f) {
			return false
		}
		s.touch(&f)
		return true
	})
	s.moor()
}

func (s *shelf) find(match func(*format) bool) *format { return find(s.list, match) }

// keep marks the formats that match as asked for by name, and tells whether
// there are any.
func (s *shelf) keep(match func(*format) bool) (any bool) {
	for i := range s.list {
		if match(&s.list[i]) {
			s.list[i].kept, any = true, true
		}
	}
	return any
}

func (s *shelf) codecs() bool {
	return s.find(func(f *format) bool { return !f.companion() }) != nil
}

// used tells whether a payload type stands on the shelf.
func (s *shelf) used(pt uint8) bool {
	return s.find(func(f *format) bool { return f.PayloadType == pt }) != nil
}

// number gives a payload type to a format: its static one, or the first
// dynamic one that is free here and in avoid.
func (s *shelf) number(f *format, avoid []format) bool {
	if pt, ok := static(f); ok && !s.used(pt) {
		f.PayloadType = pt
		return true
	}
	free := func(pt uint8) bool {
		is := func(o *format) bool { return o.PayloadType == pt }
		return !s.used(pt) && find(avoid, is) == nil && find(s.bundled, is) == nil
	}
	for pt := uint8(96); pt < 128; pt++ {
		if free(pt) {
			f.PayloadType = pt
			return true
		}
	}
	for pt := uint8(35); pt < 64; pt++ { // RFC 3551 section 6: unassigned, clear of RTCP
		if free(pt) {
			f.PayloadType = pt
			return true
		}
	}
	return false
}

// companions makes the companions fit the codecs: every kind that is there is
// there for every clock that changed, and none for a clock without codec.
func (s *shelf) companions() {
	clocks := s.clocks()
	var changed []uint32
	for _, c := range clocks {
		if s.every || s.touched[c] {
			changed = append(changed, c)
		}
	}
	for _, kind := range []string{noiseName, eventName} {
		if s.find(func(f *format) bool { return strings.EqualFold(f.Name, kind) }) == nil {
			continue
		}
		for _, c := range changed {
			if s.find(func(f *format) bool { return strings.EqualFold(f.Name, kind) && f.ClockRate == c }) != nil {
				continue
			}
			f := format{Known: true, New: true}
			f.Name, f.ClockRate, f.Channels = kind, c, 1
			if kind == eventName {
				f.Fmtp = "0-15"
			}
			if s.number(&f, nil) {
				s.add(f)
			}
		}
	}
	s.list = slices.DeleteFunc(s.list, func(f format) bool {
		return f.companion() && (s.every || s.touched[f.ClockRate]) && !slices.Contains(clocks, f.ClockRate)
	})
	s.moor()
}

// clocks lists the clock rates of the codecs, ascending.
func (s *shelf) clocks() []uint32 {
	var clocks []uint32
	for i := range s.list {
		f := &s.list[i]
		if f.Known && !f.companion() && !slices.Contains(clocks, f.ClockRate) {
			clocks = append(clocks, f.ClockRate)
		}
	}
	slices.Sort(clocks)
	return clocks
}
