package bridge

import (
	"slices"
	"strconv"
	"strings"

	"github.com/class5-go/class5/media/sdp"
)

// midURI is the header extension that carries a MID (RFC 9143 section 15).
const midURI = "urn:ietf:params:rtp-hdrext:sdes:mid"

// bundles decides which m= lines share their ports, on either leg, and gives
// names to those that need one.
func (w *work) bundles(ds []*sdp.Description, pairs []*pair) {
	o := &w.o.options.Bundle
	groups := hearGroups(ds)
	w.hearBundle(groups, pairs)
	to := w.o.to
	if o.Reject {
		to.Groups = nil
	}
	if w.o.offer {
		w.name(pairs)
		w.offerBundle(pairs)
		return
	}
	w.answerBundle(pairs)
}

// hearGroups lists the MIDs of the first a=group:BUNDLE.
func hearGroups(ds []*sdp.Description) []string {
	for _, d := range ds {
		for _, l := range d.Lines() {
			if v, ok := strings.CutPrefix(l, "a=group:BUNDLE"); ok {
				return strings.Fields(v)
			}
		}
	}
	return nil
}

// hearBundle files which of its streams a party bundled.
func (w *work) hearBundle(group []string, pairs []*pair) {
	offer := w.o.offer
	if offer && !w.o.options.Bundle.Accept {
		group = nil
	}
	head := -1
	for _, p := range pairs {
		if p.dropped {
			continue
		}
		member := slices.Contains(group, p.h.mid) && p.h.mid != "" && (!p.h.rejected || p.h.bundled)
		if !offer {
			member = member && slices.Contains(w.o.from.Groups, p.from.MID)
		}
		p.h.rejected = p.h.rejected || p.h.bundled && p.h.m.Rejected() && !member
		if !member {
			p.from.Bundle = p.i
			continue
		}
		if head < 0 {
			head = p.i
		}
		p.from.Bundle = head
		if head != p.i { // the address of the bundle is that of its head
			h := pairs[head].h
			p.h.rtp, p.h.rtcp, p.h.mux, p.h.rejected = h.rtp, h.rtcp, h.mux, false
		}
	}
	if offer {
		w.o.from.Groups = group
	}
}

// name gives a MID to streams that need one and have none.
func (w *work) name(pairs []*pair) {
	o := w.o.options
	b := o.Bundle
	if !o.GenerateMID && !b.Offer && !b.Require && !b.Strict {
		return
	}
	for _, p := range pairs {
		if p.dropped || p.to.MID != "" {
			continue
		}
		if p.to.MID = p.h.mid; p.to.MID != "" {
			continue
		}
		for n := p.j + 1; ; n++ {
			mid := strconv.Itoa(n)
			if !slices.ContainsFunc(pairs, func(q *pair) bool { return !q.dropped && (q.to.MID == mid || q.h.mid == mid) }) {
				p.to.MID = mid
				break
			}
		}
	}
}

// offerBundle bundles what the other party is offered. Unless it is required,
// every stream has its own ports until the party accepts.
func (w *work) offerBundle(pairs []*pair) {
	o, to := w.o.options.Bundle, w.o.to
	wants := o.Offer || o.Require || o.Strict || len(to.Groups) > 0
	if !wants || o.Reject {
		for _, p := range pairs {
			if !p.dropped {
				p.to.Bundle = p.j
			}
		}
		to.Groups = nil
		return
	}
	var group []string
	var formats []format
	head := -1
	for _, p := range pairs {
		if p.dropped || p.h.rejected || p.h.untouched || p.to.MID == "" {
			continue
		}
		if collide(formats, p.h.codecs) {
			p.to.Bundle = p.j
			continue
		}
		formats = append(formats, p.h.codecs...)
		group = append(group, p.to.MID)
		if head < 0 {
			head = p.j
		}
		if o.Require || o.Strict {
			p.to.Bundle = head
		}
	}
	to.Groups = group
}

// collide tells whether a payload type means one thing in an m= line and another
// in one of those before: they cannot share a transport then (RFC 9143 section
// 9.1).
func collide(before, list []format) bool {
	return find(list, func(f *format) bool {
		return find(before, func(o *format) bool { return o.PayloadType == f.PayloadType && (!o.same(f) || o.Fmtp != f.Fmtp) }) != nil
	}) != nil
}

// bundled lists what payload types mean in the other m= lines of the bundle that
// an m= line is offered in.
func (w *work) bundled(p *pair) (list []format) {
	if !slices.Contains(w.o.to.Groups, p.to.MID) {
		return nil
	}
	for _, q := range w.o.pairs {
		if q != p && !q.dropped && slices.Contains(w.o.to.Groups, q.to.MID) {
			list = append(append(list, q.h.codecs...), q.to.Codecs.Told...)
		}
	}
	return list
}

// answerBundle answers an offerer's bundle with the streams that stand.
func (w *work) answerBundle(pairs []*pair) {
	to := w.o.to
	var group []string
	head := -1
	for _, p := range pairs {
		if p.dropped || p.h.rejected || p.to.Rejected || !slices.Contains(to.Groups, p.to.MID) || p.to.MID == "" {
			continue
		}
		if head < 0 {
			head = p.j
		}
		group = append(group, p.to.MID)
		p.to.Bundle = head
	}
	to.Groups = group
	if len(w.o.from.Groups) > 0 { // what we offered, and what was accepted of it
		from := w.o.from
		from.Groups = slices.DeleteFunc(slices.Clone(from.Groups), func(mid string) bool {
			return !slices.ContainsFunc(pairs, func(p *pair) bool {
				return !p.dropped && p.from.MID == mid && p.from.Bundle != p.i || p.from.MID == mid && isHead(pairs, p.i)
			})
		})
	}
}

func isHead(pairs []*pair, i int) bool {
	return slices.ContainsFunc(pairs, func(p *pair) bool { return !p.dropped && p.i != i && p.from.Bundle == i })
}
