package bridge

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/class5-go/class5/media/sdp"
	"github.com/class5-go/class5/media/srtp/sdes"
)

// heard is what a description says about one m= line.
type heard struct {
	m         *sdp.Media
	d         *sdp.Description
	kind      string
	proto     string
	formats   []string
	rejected  bool
	untouched bool
	rtp, rtcp netip.AddrPort
	c         netip.Addr // of c=, its own or the session's
	muted     bool
	dir       sdp.Direction
	mux       bool
	mid       string
	bundled   bool // bundle-only
	codecs    []format
	ptime     time.Duration
	maxptime  time.Duration
	crypto    []sdes.Attribute
	dtls      dtlsSaid
	ice       iceSaid
	ext       []Extension
	inherited bool // ext are lines of the session
}

// listen reads what a body says, m= line by m= line.
func (w *work) listen(body []byte) ([]*sdp.Description, []*heard, error) {
	ds := w.parsed
	if ds == nil {
		var err error
		if ds, err = sdp.ParseAll(body, &w.cfg.Limits); err != nil {
			return nil, nil, err
		}
	}
	var list []*heard
	for _, d := range ds {
		lite := false
		if _, ok := d.Attr("ice-lite"); ok {
			lite = true
		}
		for _, m := range d.All() {
			h := w.hear(d, m)
			h.ice.lite = h.ice.lite || lite
			list = append(list, h)
		}
	}
	return ds, list, nil
}

func (w *work) hear(d *sdp.Description, m *sdp.Media) *heard {
	h := &heard{m: m, d: d, kind: m.Kind(), proto: protoName(m.Proto()), formats: slices.Clone(m.Formats()),
		rejected: m.Rejected(), rtp: m.Addr(), rtcp: m.RTCPAddr(), dir: m.Direction(), mux: m.RTCPMux()}
	h.c = h.rtp.Addr()
	h.untouched = strings.HasPrefix(strings.ToUpper(h.proto), "TCP")
	h.mid, _ = m.Attr("mid")
	_, h.bundled = m.Attr("bundle-only")
	h.rejected = h.rejected && !h.bundled
	h.ptime, h.maxptime = millis(m, "ptime"), millis(m, "maxptime")
	h.ice = hearICE(d, m)
	h.ext, h.inherited = hearExtensions(d, m)
	if isRTP(h.proto) {
		h.codecs = hearCodecs(m)
		h.crypto, _ = sdes.ParseAll(slices.Collect(m.Attrs("crypto"))) // what is not understood is passed over
	}
	h.dtls = hearDTLS(d, m)
	h.address(w.o)
	return h
}

// address settles where the party receives: what it wrote, or where its
// signalling came from, or what the options say.
func (h *heard) address(o *exchange) {
	if o.options.SIPSourceAddress && o.source.IsValid() {
		h.rtp = netip.AddrPortFrom(o.source, h.rtp.Port())
		h.rtcp = netip.AddrPortFrom(o.source, h.rtcp.Port())
	}
	a := h.rtp.Addr()
	h.muted = a.IsValid() && a.IsUnspecified() && !h.ice.offered()
	if rtcp := h.rtcp; rtcp.Addr().IsValid() && rtcp.Addr().IsUnspecified() && !a.IsUnspecified() {
		h.rtcp = netip.AddrPortFrom(a, h.rtp.Port()+1) // trickle ICE writes 9 IN IP4 0.0.0.0
	}
	if h.rtcp.IsValid() && h.rtcp == h.rtp && !a.IsUnspecified() {
		h.mux = true
	}
	if h.mux {
		h.rtcp = h.rtp
	}
}

// millis reads an attribute of whole milliseconds; the last one that is a
// number holds.
func millis(m *sdp.Media, name string) (d time.Duration) {
	for v := range m.Attrs(name) {
		if n, err := strconv.ParseUint(v, 10, 16); err == nil && n > 0 && n <= 1000 {
			d = time.Duration(n) * time.Millisecond
		}
	}
	return d
}

// maxExtensions bounds a=extmap lines: one-byte headers have 14 identifiers,
// two-byte headers 255.
const maxExtensions = 255

// hearExtensions lists the extensions of an m= line; those of the session when
// it has none.
func hearExtensions(d *sdp.Description, m *sdp.Media) (list []Extension, inherited bool) {
	add := func(v string) {
		if e, ok := readExtension(v); ok && len(list) < maxExtensions {
			list = append(list, e)
		}
	}
	for v := range m.Attrs("extmap") {
		add(v)
	}
	if len(list) > 0 {
		return list, false
	}
	for _, l := range d.Lines() {
		if v, ok := strings.CutPrefix(l, "a=extmap:"); ok {
			add(v)
		}
	}
	return list, len(list) > 0
}

// offered tells whether the description speaks ICE.
func (i *iceSaid) offered() bool { return i.ufrag != "" && i.pwd != "" }
