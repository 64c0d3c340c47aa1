package bridge

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/class5-go/class5/media/sdp"
)

// tell composes what the other party gets to read.
func (w *work) tell(ds []*sdp.Description, pairs []*pair) ([]byte, error) {
	n := 0
	for i, d := range ds {
		mine := pairs[n : n+d.Len()]
		n += d.Len()
		w.spread(d, mine)
		w.tellSession(d, mine, i == 0)
		for k, m := range slices.Collect(mediaOf(d)) {
			w.tellMedia(m, mine[k])
		}
		w.removeDropped(d, mine)
		d.EditAttributes(&w.o.options.Attributes.Session)
	}
	if !w.o.offer {
		w.fill(ds[len(ds)-1], pairs)
	}
	w.version(ds)
	return joined(ds), nil
}

func joined(ds []*sdp.Description) []byte {
	n := 0
	for _, d := range ds {
		n += d.Size()
	}
	b := make([]byte, 0, n)
	for _, d := range ds {
		b = d.Append(b)
	}
	return b
}

func mediaOf(d *sdp.Description) func(func(*sdp.Media) bool) {
	return func(yield func(*sdp.Media) bool) {
		for _, m := range d.All() {
			if !yield(m) {
				return
			}
		}
	}
}

// removeDropped takes out the m= lines that the options remove.
func (w *work) removeDropped(d *sdp.Description, mine []*pair) {
	for k := len(mine) - 1; k >= 0; k-- {
		if mine[k].dropped {
			d.RemoveMedia(k)
		}
	}
}

// fill puts rejected m= lines into an answer where the offer had lines that
// were not passed on.
func (w *work) fill(d *sdp.Description, pairs []*pair) {
	told := make(map[int]bool, len(pairs))
	last := -1
	for _, p := range pairs {
		told[p.j] = true
		last = max(last, p.j)
	}
	unanswered := func(j int) bool {
		return slices.ContainsFunc(w.o.missing, func(i int) bool { return w.o.from.partner(i, w.o.to) == j })
	}
	for j, m := range w.o.to.Media {
		if told[j] || !unanswered(j) && (!m.Rejected || w.o.from.knows(j, w.o.to)) {
			continue
		}
		proto, format := m.Said, "0"
		if unanswered(j) && len(m.Formats) > 0 {
			format = m.Formats[0]
		}
		if proto == "" {
			proto = "RTP/AVP"
		}
		lines := []string{"m=" + m.Kind + " 0 " + proto + " " + format}
		if _, ok := d.Connection(); !ok { // RFC 8866 section 5.7: then each has its own
			lines = append(lines, "c="+network(w.where(nil)))
		}
		d.AddMedia(min(j, d.Len()), lines)
	}
}

// knows tells whether leg l has a stream for the j-th of leg o.
func (l *leg) knows(j int, o *leg) bool {
	if o.Owner == l.ID {
		return true
	}
	return slices.ContainsFunc(l.Media, func(m *stream) bool { return m.Partner == j })
}

// where is the address a stream is told at, in c= and o=.
func (w *work) where(p *pair) netip.Addr {
	if a := w.o.options.MediaAddress; a.IsValid() {
		return a
	}
	if p != nil && !p.dropped {
		if a, ok := w.localOf(p); ok {
			return a.Addr
		}
	}
	for _, m := range w.o.to.Media {
		if l := m.local(); l != nil {
			return l.In().Addr
		}
	}
	return zero(w.o.family)
}

func zero(f Family) netip.Addr {
	if f == IPv6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// localOf is the address and ports a stream is told at: its own, or those of
// the head of its bundle.
func (w *work) localOf(p *pair) (LocalAddr, bool) {
	m := p.to
	if m.Bundle != p.j && m.Bundle < len(w.o.to.Media) {
		m = w.o.to.Media[m.Bundle]
	}
	l := m.local()
	if l == nil || len(l.Addrs) == 0 {
		return LocalAddr{}, false
	}
	return l.In(), true
}

// connection is the c= line of a stream. The unspecified address that the
// party wrote is passed on unless it is to be replaced.
func (w *work) connection(p *pair) string {
	a := w.where(p)
	if p.h.muted && !w.o.options.Replace.ZeroAddress {
		a = zero(familyOf(a))
	}
	return "c=" + network(a)
}

func network(a netip.Addr) string {
	if familyOf(a) == IPv4 {
		return "IN IP4 " + a.Unmap().String()
	}
	return "IN IP6 " + a.String()
}

// tellSession writes the session-level lines.
func (w *work) tellSession(d *sdp.Description, mine []*pair, first bool) {
	o := w.o.options
	var forced, lite bool
	var inherits *pair // the first stream that has no c= of its own
	for _, p := range mine {
		if p.dropped || p.h.untouched {
			continue
		}
		forced = forced || p.to.ICE.Forced
		lite = lite || p.to.ICE.On && p.to.ICE.Lite
		if inherits == nil && !ownConnection(p.h.m) {
			inherits = p
		}
	}
	lines := make([]string, 0, 16)
	for _, l := range d.Lines() {
		switch {
		case strings.HasPrefix(l, "o="):
			l = w.origin(l, mine)
		case strings.HasPrefix(l, "s="):
			l = w.sessionName(l)
		case strings.HasPrefix(l, "c=") && !forced:
			if inherits != nil {
				l = w.connection(inherits)
			} else if o.Replace.SessionConnection && len(mine) > 0 {
				l = w.connection(mine[0])
			}
		case strings.HasPrefix(l, "a="):
			if w.dropsSession(l[2:], forced) {
				continue
			}
		}
		lines = append(lines, l)
	}
	if g := w.group(forced); g != "" && first {
		lines = append(lines, g)
	}
	if lite {
		lines = append(lines, "a=ice-lite")
	}
	if o.LoopProtect && first {
		lines = append(lines, "a="+loopAttribute+":"+w.cfg.Instance)
	}
	d.SetLines(lines)
}

const loopAttribute = "rtpengine"

func ownConnection(m *sdp.Media) bool {
	return slices.ContainsFunc(m.Lines(), func(l string) bool { return strings.HasPrefix(l, "c=") })
}

// group is the a=group:BUNDLE line, if there is one.
func (w *work) group(forced bool) string {
	if g := w.o.to.Groups; len(g) > 0 && !forced {
		return "a=group:BUNDLE " + strings.Join(g, " ")
	}
	return ""
}

func split(attr string) (name, value string) {
	name, value, _ = strings.Cut(attr, ":")
	return strings.ToLower(strings.TrimRight(name, " \t")), value
}

// dropsSession tells which session-level attributes are not passed on.
func (w *work) dropsSession(attr string, forced bool) bool {
	name, value := split(attr)
	switch name {
	case "sendrecv", "sendonly", "recvonly", "inactive":
		return !w.o.options.OriginalDirection
	case "extmap":
		return w.strips(value) || w.o.sessionExt != nil
	case "group":
		semantics, _, _ := strings.Cut(value, " ")
		return strings.EqualFold(semantics, "BUNDLE") && !forced
	case "fingerprint", "setup", "tls-id", "crypto", "rtcp", "rtcp-mux", "mid", "ptime":
		return !forced
	case loopAttribute:
		return true
	}
	return !forced && iceAttribute(name)
}

// iceAttribute tells whether an attribute belongs to ICE or names an address
// that leads around the relay (RFC 6947, RFC 4570).
func iceAttribute(name string) bool {
	switch name {
	case "candidate", "remote-candidates", "end-of-candidates", "altc", "source-filter":
		return true
	}
	return strings.HasPrefix(name, "ice-")
}
