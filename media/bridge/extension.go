package bridge

import (
	"slices"
	"strconv"
	"strings"

	"github.com/class5-go/class5/media/sdp"
)

// maxElementID is the last identifier that one-byte headers can have (RFC 8285
// section 4.2); those above make packets longer.
const maxElementID = 14

// extensions decides which header extensions the other party is told, and
// under which identifiers. A mapping that was told stays for the session, and
// an answer has those of its offer (RFC 8285 section 6).
func (w *work) extensions(p *pair) {
	t := p.to
	p.ext = make([]Extension, len(p.h.ext))
	before := slices.Concat(t.Ext, t.ToldExt, w.bundledExtensions(p))
	var told []Extension
	if w.o.offer {
		p.from.MaskedExt = nil
	}
	for i, e := range p.h.ext {
		if w.stripsExtension(e.URI) {
			continue
		}
		if w.masksExtension(e.URI) {
			if w.o.offer {
				p.from.MaskedExt = append(p.from.MaskedExt, e.URI)
			}
			continue
		}
		known := slices.IndexFunc(before, func(o Extension) bool { return o.URI == e.URI })
		switch {
		case known >= 0 && before[known].ID != 0:
			e.ID = before[known].ID
		case known < 0 && !w.o.offer:
			continue // nobody offered it
		case e.ID != 0 && taken(before, e):
			e.ID = free(slices.Concat(before, told, p.h.ext))
		}
		p.ext[i] = e
		told = append(told, e)
	}
	t.ToldExt, t.TellsExt = told, true
	for _, e := range w.ownExtensions(p, told) {
		if e.ID == 0 {
			e.ID = free(slices.Concat(before, t.ToldExt))
		}
		t.ToldExt = append(t.ToldExt, e)
		p.added = append(p.added, e)
	}
}

// bundledExtensions are those that the other party is told in m= lines before
// this one which share its ports: an identifier means the same in all of them.
func (w *work) bundledExtensions(p *pair) (list []Extension) {
	if !w.o.offer || !w.shares(p) {
		return nil
	}
	for _, q := range w.o.pairs {
		if q == p {
			break
		}
		if !q.dropped && w.shares(q) {
			list = append(list, q.to.ToldExt...)
		}
	}
	return list
}

// ownExtensions are those that this side speaks with the party whatever the
// other one does: those masked, which the relay takes out, and the MID of a
// bundle, which it puts in.
func (w *work) ownExtensions(p *pair, told []Extension) (list []Extension) {
	t := p.to
	missing := func(uri string) bool {
		return !slices.ContainsFunc(told, func(e Extension) bool { return e.URI == uri })
	}
	if !w.o.offer {
		for _, e := range t.Ext {
			if missing(e.URI) && (slices.Contains(t.MaskedExt, e.URI) || e.URI == midURI && w.shares(p)) {
				list = append(list, e)
			}
		}
		return list
	}
	if missing(midURI) && w.shares(p) {
		list = append(list, Extension{ID: w.midID(told), URI: midURI})
	}
	return list
}

// shares tells whether an RTP stream is told to share its ports with another one.
func (w *work) shares(p *pair) bool {
	g := w.o.to.Groups
	return len(g) > 1 && p.to.MID != "" && slices.Contains(g, p.to.MID) && isRTP(p.h.proto)
}

// midID is an identifier for the MID that is not used in any stream of the
// bundle: there it has to be the same for all (RFC 8843 section 14).
func (w *work) midID(told []Extension) uint8 {
	used := slices.Clone(told)
	for _, q := range w.o.pairs {
		if q.dropped || !w.shares(q) {
			continue
		}
		for _, e := range slices.Concat(q.to.Ext, q.to.ToldExt) {
			if e.URI == midURI && e.ID != 0 {
				return e.ID
			}
		}
		used = slices.Concat(used, q.to.Ext, q.to.ToldExt, q.h.ext)
	}
	return free(used)
}

// taken tells whether an identifier means another extension already.
func taken(list []Extension, e Extension) bool {
	return slices.ContainsFunc(list, func(o Extension) bool { return o.ID == e.ID && o.URI != e.URI })
}

// free is an identifier that none of the list has; 0 when all are used.
func free(list []Extension) uint8 {
	for id := uint8(1); id < 255; id++ {
		if id != maxElementID+1 && !slices.ContainsFunc(list, func(e Extension) bool { return e.ID == id }) {
			return id
		}
	}
	return 0
}

// spread takes the a=extmap lines of the session when they cannot stand as they
// are: some m= line has to be told other identifiers, or not all of them. They
// become lines of the m= lines then.
func (w *work) spread(d *sdp.Description, mine []*pair) {
	w.o.sessionExt = nil
	for _, p := range mine {
		if p.dropped || !p.h.inherited || p.ext == nil {
			continue
		}
		for i, e := range p.h.ext {
			if p.ext[i] == e || p.ext[i].URI == "" && (w.stripsExtension(e.URI) || w.masksExtension(e.URI)) {
				continue
			}
			for _, l := range d.Lines() {
				if v, ok := strings.CutPrefix(l, "a=extmap:"); ok {
					w.o.sessionExt = append(w.o.sessionExt, v)
				}
			}
			return
		}
	}
}

// spreadLines are those of one m= line.
func (w *work) spreadLines(p *pair) (lines []string) {
	if !p.h.inherited || p.ext == nil {
		return nil
	}
	for _, v := range w.o.sessionExt {
		if l, ok := w.extensionLine(p, v); ok {
			lines = append(lines, l)
		}
	}
	return lines
}

// extensionLine is an a=extmap as the other party is told it; false: it is not.
func (w *work) extensionLine(p *pair, value string) (string, bool) {
	said, ok := readExtension(value)
	if !ok || p.ext == nil {
		return "a=extmap:" + value, !w.stripsExtension(said.URI) && !w.masksExtension(said.URI)
	}
	i := slices.Index(p.h.ext, said)
	if i < 0 || p.ext[i].URI == "" {
		return "", i < 0
	}
	if p.ext[i].ID == said.ID {
		return "a=extmap:" + value, true
	}
	n := strings.IndexAny(value, "/ ")
	return "a=extmap:" + strconv.Itoa(int(p.ext[i].ID)) + value[n:], true
}

// readExtension reads the value of an a=extmap. An identifier of 4096 and more
// says that the answerer is to choose one; it is 0 here.
func readExtension(value string) (e Extension, ok bool) {
	id, rest, _ := strings.Cut(value, " ")
	id, _, _ = strings.Cut(id, "/") // direction
	n, err := strconv.ParseUint(id, 10, 16)
	e.URI, _, _ = strings.Cut(strings.TrimLeft(rest, " "), " ")
	if err != nil || n == 0 || n > 255 && n < 4096 || e.URI == "" {
		return e, false
	}
	if n <= 255 {
		e.ID = uint8(n)
	}
	return e, true
}

func names(list []string, uri string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return s == uri || strings.EqualFold(s, "all") })
}

func (w *work) stripsExtension(uri string) bool { return names(w.o.options.StripExtensions, uri) }
func (w *work) masksExtension(uri string) bool  { return names(w.o.options.MaskExtensions, uri) }

// strips tells whether the value of an extmap at session level names an
// extension to leave out.
func (w *work) strips(value string) bool {
	e, _ := readExtension(value)
	return w.stripsExtension(e.URI) || w.masksExtension(e.URI)
}

// agreed lists what the party and this side both named; before one of them
// has spoken, what the other did.
func (m *stream) agreed() (list []Extension) {
	switch {
	case m.Said == "":
		return slices.Clone(m.ToldExt)
	case !m.TellsExt:
		return slices.Clone(m.Ext)
	}
	for _, e := range m.Ext {
		i := slices.IndexFunc(m.ToldExt, func(o Extension) bool { return o.URI == e.URI })
		if i < 0 {
			continue
		}
		if e.ID == 0 {
			e.ID = m.ToldExt[i].ID
		}
		list = append(list, e)
	}
	return list
}

// mapExtensions says how the identifiers of one party become those of another;
// nil when all are the same.
func mapExtensions(f, t *stream) []ExtensionRoute {
	var list []ExtensionRoute
	there := t.agreed()
	change := false
	for _, e := range f.agreed() {
		r := ExtensionRoute{From: e.ID}
		for _, o := range there {
			if o.URI == e.URI {
				r.To = o.ID
			}
		}
		change = change || r.From != r.To
		list = append(list, r)
	}
	if !change {
		return nil
	}
	return list
}
