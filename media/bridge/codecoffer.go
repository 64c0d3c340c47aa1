package bridge

import "slices"

// codecs decides the payload formats of one m= line.
func (w *work) codecs(p *pair) error {
	if !isRTP(p.h.proto) || !isRTP(p.to.Proto) || w.o.offer && w.o.options.T38.Force && p.h.kind == "audio" {
		return w.fax(p)
	}
	p.from.T38, p.to.T38 = t38State{}, t38State{}
	if w.o.offer {
		w.offerCodecs(p)
	} else {
		w.answerCodecs(p)
	}
	w.ptime(p)
	p.formats = formatNames(p.to.Codecs.Told)
	if len(p.formats) == 0 {
		p.formats = p.h.formats
	}
	return nil
}

// offerCodecs makes the list that an offer shows to the other party. What the
// offerer itself is taken to support stays in from.Codecs.Said: strip forgets
// a codec, mask and consume only hide it.
func (w *work) offerCodecs(p *pair) {
	o := &w.o.options.Codec
	orig := p.h.codecs
	said := strip(orig, specs(o.Strip), o)
	said.bundled = w.bundled(p)
	restore(said, orig, specs(o.Offer))
	said.companions()
	if !said.codecs() {
		said = newShelf(orig)
	}
	seen := said
	if len(o.Ignore) > 0 {
		if said = strip(said.list, specs(o.Ignore), o); !said.codecs() {
			said = seen
		}
	}
	w.accept(said, orig, o)
	from, to := &p.from.Codecs, &p.to.Codecs
	from.Said, from.Set = said.list, o.Set
	from.Inject, to.Inject = w.o.options.InjectDTMF, w.o.options.InjectDTMF
	from.Force, to.Force = w.o.options.ForceTranscoding, w.o.options.ForceTranscoding
	from.Detect, to.Detect = w.o.options.DetectDTMF, w.o.options.DetectDTMF

	told := hide(said, o)
	told.bundled = w.bundled(p)
	for i := range seen.list { // what is ignored is offered all the same
		if f := &seen.list[i]; specs(o.Ignore).has(f) && !specs(o.Mask).has(f) && !told.used(f.PayloadType) {
			told.add(*f)
		}
	}
	restore(told, orig, specs(o.Offer))
	if p.h.kind == "audio" {
		w.transcode(told, said, orig, o)
	}
	to.Transcode = told.find(func(f *format) bool { return f.New && !f.companion() }) != nil ||
		told.find(func(f *format) bool { return f.New && f.companion() }) != nil && len(o.Transcode) > 0
	to.Transcode = to.Transcode || told.find(func(f *format) bool { return !f.companion() && w.codes(f) && !said.used(f.PayloadType) }) != nil
	if to.Transcode || w.engages(said, told) || w.o.options.Ptime > 0 && p.h.kind == "audio" {
		w.drop(told)
	}
	told.companions()
	if !told.codecs() && said.codecs() {
		told = newShelf(orig)
		to.Transcode = false
	}
	list := told.list
	if w.o.options.ReuseCodecs && len(to.Said) > 0 {
		list = prefer(list, to.Said)
	}
	if w.o.options.StaticCodecs && len(to.Told) > 0 {
		list = to.Told
	}
	to.Told = list
}

// bare tells whether the options leave an m= line of an offer without a codec,
// and ask that it is rejected then.
func (w *work) bare(p *pair) bool {
	o := &w.o.options.Codec
	if !w.o.offer || !w.o.options.AllowNoCodecMedia || !isRTP(p.h.proto) || len(p.h.codecs) == 0 {
		return false
	}
	left := strip(p.h.codecs, specs(slices.Concat(o.Strip, o.Mask, o.Consume)), o)
	restore(left, p.h.codecs, specs(o.Offer))
	return !left.codecs() && len(o.Transcode) == 0
}

// strip takes codecs off a list, but for those that the options except.
func strip(list []format, off specs, o *CodecOptions) *shelf {
	s := newShelf(list)
	except := specs(o.Except)
	if off.all() {
		s.remove(func(f *format) bool { return !except.has(f) })
		return s
	}
	if len(off) > 0 {
		s.remove(func(f *format) bool { return off.has(f) && !except.has(f) })
	}
	return s
}

// restore brings codecs back that were taken off, in the order named.
func restore(s *shelf, orig []format, names specs) {
	for _, t := range names {
		p := parseSpec(t)
		if p.exact || s.find(p.matches) != nil {
			continue
		}
		for i := range orig {
			if p.matches(&orig[i]) && !s.used(orig[i].PayloadType) {
				s.add(orig[i])
			}
		}
	}
}

// accept marks the codecs that the offerer is to have even if the answerer
// refuses them. Consumed ones come back if they had been stripped.
func (w *work) accept(s *shelf, orig []format, o *CodecOptions) {
	consume, accept := specs(o.Consume), specs(o.Accept)
	all := accept.all() || w.o.options.AlwaysTranscode
	for i := range orig {
		if (consume.has(&orig[i]) || consume.all()) && !s.used(orig[i].PayloadType) && w.codes(&orig[i]) {
			s.list = append(s.list, orig[i])
		}
	}
	for i := range s.list {
		f := &s.list[i]
		if (all || accept.has(f) || consume.has(f) || consume.all()) && w.codes(f) {
			f.Accept = true
		}
	}
	s.moor()
}

// hide is the offerer's list without what is masked or consumed.
func hide(said *shelf, o *CodecOptions) *shelf {
	hidden := slices.Concat(o.Mask, o.Consume)
	told := strip(said.list, specs(hidden), o)
	told.touched = said.touched
	for i := range said.list { // clocks of what was hidden
		if !told.used(said.list[i].PayloadType) {
			told.touch(&said.list[i])
		}
	}
	return told
}

// transcode adds codecs that the offerer does not have, or that were taken off
// by name. What is named and the offerer's own stays even where nothing here can
// code it: it passes as it is when the answerer takes it. Nothing is added to
// what an offerer said of which nothing can be coded: there would be no way back.
func (w *work) transcode(s, said *shelf, orig []format, o *CodecOptions) {
	all := specs(o.Mask).all() || specs(o.Strip).all() || specs(o.Consume).all()
	full := specs(o.Mask).full() || specs(o.Strip).full() || specs(o.Consume).full()
	for _, t := range o.Transcode {
		p := parseSpec(t)
		if p.name == "" || !p.exact && s.keep(p.matches) {
			continue
		}
		if all && !full && !p.exact && find(orig, p.matches) != nil {
			for i := range orig {
				if p.matches(&orig[i]) && !s.used(orig[i].PayloadType) {
					s.add(orig[i])
				}
			}
			s.keep(p.matches)
			continue
		}
		f := p.make()
		switch {
		case !w.codes(&f):
			w.warn("codec not supported: " + p.name)
			continue
		case !f.companion() && said.find(func(f *format) bool { return !f.companion() && w.codes(f) }) == nil:
			w.warn("no codec of the offer can be transcoded to " + p.name)
			continue
		}
		if s.number(&f, orig) {
			s.add(f)
		}
	}
}

// drop takes off what the transcoder cannot do: once it is engaged, any of the
// list may have to be decoded. What was asked for by name stays.
func (w *work) drop(s *shelf) {
	if s.find(func(f *format) bool { return !f.companion() && w.codes(f) }) == nil {
		return
	}
	s.remove(func(f *format) bool { return !f.kept && !w.codes(f) })
}

// engages tells whether a codec that the offerer is to have may meet another
// that the answerer chooses.
func (w *work) engages(said, told *shelf) bool {
	for i := range told.list {
		y := &told.list[i]
		if y.companion() || !w.codes(y) {
			continue
		}
		if said.find(func(x *format) bool { return x.Accept && !x.companion() && x.PayloadType != y.PayloadType }) != nil {
			return true
		}
	}
	return false
}

// prefer puts the formats of before first, in their order.
func prefer(list, before []format) []format {
	out := make([]format, 0, len(list))
	for i := range before {
		if f := find(list, before[i].same); f != nil && !f.companion() {
			out = append(out, *f)
		}
	}
	for i := range list {
		if find(out, func(f *format) bool { return f.PayloadType == list[i].PayloadType }) == nil {
			out = append(out, list[i])
		}
	}
	return out
}

// ptime decides a=ptime. What an offer asks for is enforced by repacketising,
// whatever the answer says.
func (w *work) ptime(p *pair) {
	f, t, o := p.from, p.to, w.o.options
	defer func() { t.Announced = t.ToldPtime }()
	if p.h.kind != "audio" {
		if t.ToldPtime = f.Ptime; w.o.offer && o.Ptime > 0 {
			t.ToldPtime = o.Ptime
		}
		return
	}
	if w.o.offer {
		if o.Ptime > 0 {
			t.Repack = o.Ptime
		}
		if o.PtimeReverse > 0 {
			f.Repack = o.PtimeReverse
		}
		switch {
		case o.Ptime > 0:
			t.ToldPtime = o.Ptime
		case p.h.ptime > 0:
			t.ToldPtime = p.h.ptime
		}
		return
	}
	switch {
	case t.Repack > 0:
		t.ToldPtime = t.Repack
	case f.Repack == 0 && p.h.ptime > 0:
		t.ToldPtime = p.h.ptime
	}
}

func (w *work) warn(s string) {
	if len(w.o.warnings) < 16 {
		w.o.warnings = append(w.o.warnings, s)
	}
}
