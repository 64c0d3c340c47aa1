package relay

import (
	"slices"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/transcode"
)

// route is where the packets of a stream go: a flow of the plan.
type route struct {
	to       *stream
	open     bool // by the directions both parties stated
	verbatim bool // payload types stay
	raw      bool // protected packets pass as they are
	unknown  bool // payload types nobody listed pass
	table    *payloadTable
	coder    *coder // where payloads are worked on; nil: none
	// extensions gives header extensions other identifiers; nil: they stay.
	extensions *rtpwire.ExtensionTable
	// own: contents may differ from what the sender protected with the very
	// keys that are used towards the receiver, so that every source gets an
	// SSRC of its own: no key stream is used twice.
	own  bool
	ssrc ssrcMap
	// inject puts digits into the stream; shift is by how much its sequence
	// numbers have grown by that.
	inject *injection
	shift  uint16
}

// payloadTable says for each payload type what becomes of it.
type payloadTable [128]struct {
	known  bool
	coded  bool // by the route's coder
	action bridge.Action
	to     uint8
}

// ssrcMap gives the sources of one direction other SSRCs. The zero value
// changes nothing.
type ssrcMap struct {
	n     uint8
	pairs [4]struct{ in, out uint32 }
}

// set makes packets of one source leave under another SSRC. The oldest of
// four gives way.
func (m *ssrcMap) set(in, out uint32) {
	for i := range m.pairs[:m.n] {
		if m.pairs[i].in == in {
			m.pairs[i].out = out
			return
		}
	}
	if int(m.n) == len(m.pairs) {
		copy(m.pairs[:], m.pairs[1:])
		m.n--
	}
	m.pairs[m.n] = struct{ in, out uint32 }{in, out}
	m.n++
}

func (m *ssrcMap) out(in uint32) (uint32, bool) {
	for i := range m.pairs[:m.n] {
		if m.pairs[i].in == in {
			return m.pairs[i].out, true
		}
	}
	return in, false
}

// in is the reverse: whom a report on what we sent is about.
func (m *ssrcMap) in(out uint32) (uint32, bool) {
	for i := range m.pairs[:m.n] {
		if m.pairs[i].out == out {
			return m.pairs[i].in, true
		}
	}
	return out, false
}

// source is the SSRC under which packets of a source leave.
func (r *route) source(in uint32) (uint32, bool) {
	if out, ok := r.ssrc.out(in); ok || !r.own {
		return out, ok
	}
	out := randomSSRC()
	r.ssrc.set(in, out)
	return out, true
}

// separate finds the pairs of streams that share keys and whose contents are
// changed on the way, in either direction.
func (s *session) separate() {
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st == nil {
				continue
			}
			for i := range st.routes {
				r := &st.routes[i]
				if !r.raw || r.inject == nil && r.shift == 0 && !r.marks() && !st.extra.alters() && !r.to.extra.alters() && st.made == nil && r.to.made == nil {
					continue
				}
				r.own = true
				if back := r.to.routeTo(st); back != nil && back.raw {
					back.own = true
				}
			}
		}
	}
}

// marks tells whether header extensions are changed on the way.
func (r *route) marks() bool { return r.extensions != nil || r.to.midValue != nil }

// newRoute makes the route of a flow. What an earlier one of the same two
// streams knew is kept.
func newRoute(f *bridge.Flow, to *stream, before *route) route {
	r := route{to: to, open: f.Open, verbatim: f.Verbatim, raw: f.SameKeys, unknown: f.Unknown}
	if before != nil {
		r.ssrc, r.own = before.ssrc, before.own && f.SameKeys
		r.inject, r.shift = before.inject, before.shift
	}
	if f.Extensions != nil {
		r.extensions = new(rtpwire.ExtensionTable)
		for _, e := range f.Extensions {
			r.extensions[e.From] = e.To
		}
	}
	if !f.Verbatim {
		r.list(f)
	}
	return r
}

// list makes the table of the flow's payload types.
func (r *route) list(f *bridge.Flow) {
	r.table = new(payloadTable)
	for _, p := range f.Payloads {
		pt := p.From.PayloadType & 0x7f
		e := &r.table[pt]
		if e.known {
			continue
		}
		e.known, e.action, e.to = true, p.Action, p.To.PayloadType
	}
}

// assign marks the payload types that the coder takes.
func (r *route) assign(f *bridge.Flow, cfg *transcode.Config) {
	for _, p := range f.Payloads {
		e := &r.table[p.From.PayloadType&0x7f]
		takes := slices.ContainsFunc(cfg.Inputs, func(in transcode.Input) bool { return in.PayloadType == p.From.PayloadType })
		e.coded = e.action != bridge.Drop && (e.action != bridge.Pass || takes)
	}
}
