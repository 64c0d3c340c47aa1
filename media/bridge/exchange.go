package bridge

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/class5-go/class5/media/sdp"
)

// work is one offer or answer being worked on, on a copy of the state.
type work struct {
	*state
	cfg   *Config
	ports Ports
	o     *exchange
	// parsed is the body, when somebody looked at it before.
	parsed []*sdp.Description
}

// exchange is who says something to whom, and with what wishes.
type exchange struct {
	offer    bool
	options  *Options
	source   netip.Addr
	from, to *leg
	pairs    []*pair
	// sessionExt are values of a=extmap at session level that are told m= line
	// by m= line.
	sessionExt []string
	chooses    bool // the answerer had the choice of profiles
	// The interfaces asked for; empty keeps what was said before.
	fromInterface, toInterface string
	family                     Family // that the other party is told
	warnings                   []string
	missing                    []int // streams of from that its answer leaves out
}

// pair is one m= line on its way: the stream of who says it and of who is told.
type pair struct {
	h        *heard
	from, to *stream
	i, j     int // indexes at from and to
	dropped  bool
	ext      []Extension // of h.ext as told; without URI: not told
	added    []Extension // told beside them
	formats  []string    // what stands in the m= line told; nil: as heard
}

// exchange hears a body and returns what the other party is told.
func (w *work) exchange(body []byte) ([]byte, error) {
	ds, list, err := w.listen(body)
	if err != nil {
		return nil, err
	}
	for _, l := range ds[0].Lines() {
		switch {
		case strings.HasPrefix(l, "o="):
			w.o.from.Origin = l
		case strings.HasPrefix(l, "s="):
			w.o.from.Name = l
		}
	}
	pairs, err := w.pair(list)
	if err != nil {
		return nil, err
	}
	if err := w.fit(pairs); err != nil {
		return nil, err
	}
	w.address(list)
	w.o.pairs = pairs
	w.bundles(ds, pairs)
	for _, p := range pairs {
		if p.dropped {
			continue
		}
		if err := w.negotiate(p); err != nil {
			return nil, err
		}
	}
	w.faxes()
	if w.o.offer {
		w.o.to.Lines = 0
		for _, p := range pairs {
			if !p.dropped {
				w.o.to.Lines++
			}
		}
	}
	return w.tell(ds, pairs)
}

// pair finds the streams of all m= lines.
func (w *work) pair(list []*heard) ([]*pair, error) {
	from, to := w.o.from, w.o.to
	if !w.o.offer && len(list) > len(from.Media) {
		return nil, fmt.Errorf("%w: answer has %d media, offer %d", ErrMismatch, len(list), len(from.Media))
	}
	pairs := make([]*pair, 0, len(list))
	for i, h := range list {
		p := &pair{h: h, i: i}
		if w.o.offer && w.removes(h.kind) {
			if j := from.partner(i, to); j == len(to.Media) {
				from.media(i).Kind = h.kind
				from.media(i).Rejected = true
				p.dropped = true
				pairs = append(pairs, p)
				continue
			}
			h.rejected = true // told before: it keeps its place
		}
		p.from = from.media(i)
		p.j = from.partner(i, to)
		fresh := p.j == len(to.Media)
		p.to = to.media(p.j)
		if fresh {
			if from.Owner == to.ID {
				p.from.Partner = p.j
			} else {
				p.to.Partner = i
			}
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

func (w *work) removes(kind string) bool {
	for _, k := range w.o.options.RemoveMedia {
		if k == kind || k == "other" && !registered(kind) {
			return true
		}
	}
	return false
}

// registered tells whether a media type is one of the registry of RFC 8866.
func registered(kind string) bool { return new(AttributeEdits).Of(kind) != nil }

// address settles interface and family of both legs. A party is spoken to in
// the family of its own address, as long as it has none in the other's.
func (w *work) address(list []*heard) {
	o := w.o
	for _, h := range list {
		if h.c.IsValid() {
			o.from.Family = familyOf(h.c)
			break
		}
	}
	switch {
	case o.options.Family != AnyFamily:
		o.family = o.options.Family
	case o.to.Family != AnyFamily:
		o.family = o.to.Family
	default:
		o.family = o.from.Family
	}
	if o.fromInterface != "" {
		o.from.Interface = o.fromInterface
	}
	if o.toInterface != "" {
		o.to.Interface = o.toInterface
	}
}

// negotiate takes over what was said about one stream and decides what the
// other party is told of it.
func (w *work) negotiate(p *pair) error {
	p.h.rejected = p.h.rejected || w.bare(p)
	w.hearMedia(p)
	if p.h.untouched {
		p.from.Untouched, p.to.Untouched = true, true
		return nil
	}
	w.protocol(p)
	if p.h.rejected || !w.o.offer && p.to.Rejected {
		w.reject(p)
		return nil
	}
	w.mux(p)
	w.direction(p)
	w.extensions(p)
	if err := w.codecs(p); err != nil {
		return err
	}
	if err := w.secure(p); err != nil {
		return err
	}
	w.agents(p)
	if err := w.gather(p); err != nil {
		return err
	}
	return w.credentials(p.to)
}

// hearMedia files what the party said.
func (w *work) hearMedia(p *pair) {
	h, f := p.h, p.from
	f.Kind, f.Formats, f.Rejected = h.kind, h.formats, h.rejected
	if p.to.Kind == "" {
		p.to.Kind = h.kind
	}
	if !h.rejected {
		f.RTP, f.RTCP, f.Muted = h.rtp, h.rtcp, h.muted
	}
	f.Dir = h.dir
	if h.ptime > 0 {
		f.Ptime, f.ToldPtime = h.ptime, h.ptime
	}
	f.MaxPtime = h.maxptime
	f.Ext = h.ext
	if h.mid != "" {
		f.MID = h.mid
	}
	if w.o.offer && f.MID != "" && p.to.MID == "" {
		p.to.MID = f.MID
	}
}

func familyOf(a netip.Addr) Family {
	if a.Unmap().Is4() {
		return IPv4
	}
	return IPv6
}

// reject passes on that a stream is not wanted. What was agreed of it before
// is kept, in case it returns.
func (w *work) reject(p *pair) {
	if w.o.offer {
		p.to.Rejected = false
		p.from.Codecs.Said = p.h.codecs
		return
	}
	var known []string
	for _, f := range p.h.formats {
		if find(p.to.Codecs.Said, func(o *format) bool { return strconv.Itoa(int(o.PayloadType)) == f }) != nil {
			known = append(known, f)
		}
	}
	if len(known) == 0 && len(p.to.Codecs.Said) > 0 {
		known = formatNames(p.to.Codecs.Said[:1])
	}
	if isRTP(p.h.proto) {
		p.formats = known
	}
}

// protocol settles the transport protocol of both sides. What a party speaks
// is what it wrote in an offer; what is spoken to the other is kept until the
// offerer changes its mind or the options say otherwise.
func (w *work) protocol(p *pair) {
	f, t, o := p.from, p.to, w.o.options
	if changed := f.Said != p.h.proto; changed {
		f.Said = p.h.proto
		if w.o.offer || o.TransportAccept {
			f.Proto = p.h.proto
			t.Proto = ""
		} else if w.o.chooses {
			f.Proto = p.h.proto
		}
	}
	if f.Proto == "" {
		f.Proto = p.h.proto
	}
	if want := wanted(o.Transport); want != "" && isRTP(p.h.proto) && isRTP(want) {
		t.Proto = want
	}
	if w.o.offer && isRTP(p.h.proto) != isRTP(t.Proto) {
		t.Proto = "" // fax became audio, or audio fax
	}
	if t.Proto == "" {
		t.Proto = f.Said
	}
	if w.o.offer {
		t.Kind = p.h.kind
	}
}

// direction files which way media flows. A party that gives the unspecified
// address cannot receive.
func (w *work) direction(p *pair) {
	if p.from.Muted {
		p.from.Dir = p.from.Dir.And(sdp.SendOnly)
	}
}
