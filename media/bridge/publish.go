package bridge

import (
	"fmt"
	"slices"
	"strings"
)

// Publication is an offer of a party that only sends, for subscribers.
type Publication struct {
	FromTag   string // required
	Label     string
	SDP       []byte // required
	Interface string
	Options   Options
	// Bidirectional: the party may receive as well, what bidirectional
	// subscribers say.
	Bidirectional bool
}

// Publish takes an offer and answers it: the relay receives. Of audio it takes
// the first codec that Options.Codec.Accept names, else the first that can be
// transcoded.
func (s *Session) Publish(p Publication, ports Ports) (Result, error) {
	if p.FromTag == "" {
		return Result{}, fmt.Errorf("%w: no tag", ErrMismatch)
	}
	st := s.state.clone()
	from := st.byTag(p.FromTag)
	if from == nil {
		var err error
		if from, err = st.newLeg(s.cfg.MaxLegs, 0); err != nil {
			return Result{}, err
		}
		from.tag(p.FromTag)
	} else if !from.Publishes {
		return Result{}, fmt.Errorf("%w: the tag of a party", ErrMismatch)
	}
	from.Publishes, from.Both = true, p.Bidirectional
	label(from, p.Label)
	options := p.Options.expand()
	options.PortLatching = true
	accept := options.Codec.Accept
	options.Codec.Accept = nil
	nobody := &leg{}
	w := &work{state: st, cfg: s.cfg, ports: ports, o: &exchange{offer: true, options: &options, from: from, to: nobody, fromInterface: p.Interface}}
	if _, err := w.exchange(p.SDP); err != nil {
		return Result{}, err
	}
	warnings := w.o.warnings
	w.o = &exchange{options: &options, from: nobody, to: from}
	b, err := w.exchange(w.taken(from, nobody, accept))
	if err != nil {
		return Result{}, err
	}
	for _, m := range from.Media {
		m.Codecs.Said = m.Codecs.Told
	}
	from.Answers = max(from.Answers, 1)
	s.add(st, from)
	return Result{SDP: b, From: from.ID, Warnings: append(warnings, w.o.warnings...)}, nil
}

// taken is the answer to a publication: everything is received that the relay
// can pass on.
func (w *work) taken(from, nobody *leg, accept specs) []byte {
	w.o.options.Replace.Origin = true // nobody wrote it
	lines := []string{"v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=" + w.cfg.Software, "t=0 0"}
	for i, m := range nobody.Media {
		p := from.Media[i]
		if p.Rejected || p.Untouched || !isRTP(p.Proto) {
			format := "0"
			if len(p.Formats) > 0 {
				format = strings.Join(p.Formats, " ")
			}
			lines = append(lines, "m="+p.Kind+" 0 "+p.Said+" "+format, "c="+network(zero(from.Family)))
			continue
		}
		m.RTP = p.RTP
		list := m.Codecs.Told
		if m.Kind == "audio" {
			list = w.chosen(list, accept)
		}
		lines = append(lines, m.mediaLines(list)...)
		lines = append(lines, "a="+flowing(from.Both && p.Dir.Receives(), !from.Both || p.Dir.Sends()).String())
		if m.MID != "" {
			lines = append(lines, "a=mid:"+m.MID)
		}
		if m.Mux.Told {
			lines = append(lines, "a=rtcp-mux")
		}
	}
	return written(lines)
}

// chosen is the one codec that is taken, with its companions.
func (w *work) chosen(list []format, accept specs) []format {
	best := func(ok func(*format) bool) bool {
		i := slices.IndexFunc(list, func(f format) bool { return !f.companion() && ok(&f) })
		if i > 0 {
			first := list[i]
			list = slices.Insert(slices.Delete(slices.Clone(list), i, i+1), 0, first)
		}
		return i >= 0
	}
	if !best(accept.has) && !best(w.codes) {
		best(func(f *format) bool { return f.Known })
	}
	return single(list)
}
