package bridge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/class5-go/class5/media/srtp/sdes"
)

// fit compares an answer with what its party was offered last (RFC 3264 section
// 6): as many m= lines, of the same media types and protocols, with a codec that
// can be made one of the other's, and with keys where keys were offered. What does
// not fit is rejected and told by warnings; when nothing is left, the answer is an
// error.
func (w *work) fit(pairs []*pair) error {
	from := w.o.from
	if w.o.offer || from.Lines == 0 {
		return nil
	}
	var first error
	refuse := func(i int, kind error, why string) {
		w.o.warnings = append(w.o.warnings, fmt.Sprintf("m= line %d of the answer is rejected: %s", i+1, why))
		if first == nil {
			first = fmt.Errorf("%w: m= line %d of the answer: %s", kind, i+1, why)
		}
	}
	for _, p := range pairs {
		if p.h.rejected || p.h.untouched || p.from.Untouched {
			continue
		}
		if why, kind := w.unfit(p); kind != nil {
			p.h.rejected = true
			refuse(p.i, kind, why)
		}
	}
	for i := len(pairs); i < min(from.Lines, len(from.Media)); i++ {
		if m := from.Media[i]; !m.Rejected && !m.Untouched {
			m.Rejected = true
			w.o.missing = append(w.o.missing, i)
			refuse(i, ErrMismatch, "it is missing")
		}
	}
	if slices.ContainsFunc(pairs, func(p *pair) bool { return !p.h.rejected }) {
		return nil
	}
	return first
}

// unfit tells why what is answered is not what was offered; nil: it is.
func (w *work) unfit(p *pair) (why string, kind error) {
	h, f := p.h, p.from
	switch {
	case f.Kind != "" && !strings.EqualFold(h.kind, f.Kind):
		return fmt.Sprintf("%.32q where %.32q was offered", h.kind, f.Kind), ErrMismatch
	case f.Proto != "" && (!isRTP(h.proto) || !isRTP(f.Proto)) && !strings.EqualFold(h.proto, f.Proto):
		return fmt.Sprintf("protocol %.64q where %.64q was offered", h.proto, f.Proto), ErrMismatch
	case isSecure(h.proto) && !isSecure(f.Proto) && f.Proto != "" && (!f.SDES.On && !f.DTLS.On || len(h.crypto) == 0 && h.dtls.fingerprint == ""):
		return fmt.Sprintf("protocol %.64q where %.64q was offered", h.proto, f.Proto), ErrMismatch
	case isRTP(h.proto) && !w.common(h.codecs, f.Codecs.Told, p.to.Codecs.Said):
		return "no codec that was offered", ErrNoCodec
	case isSecure(h.proto) && isSecure(f.Proto) && (f.SDES.On || f.DTLS.On) && len(h.crypto) == 0 && h.dtls.fingerprint == "":
		return "no keys of a suite that was offered, and no fingerprint", ErrNoSuite
	case (f.SDES.On || f.DTLS.On) && len(h.crypto) > 0 && h.dtls.fingerprint == "":
		keys := f.SDES.chosen(h.crypto)
		if len(keys) == 0 {
			return fmt.Sprintf("keys for %v, which was not offered", h.crypto[0]), ErrNoSuite
		}
		h.crypto = keys
	}
	return "", nil
}

// chosen are those of the keys that are answered whose suite was offered under
// their tag (RFC 4568 section 5.1.3).
func (s *sdesState) chosen(answered []sdes.Attribute) (keys []sdes.Attribute) {
	for _, a := range answered {
		if s.On && slices.ContainsFunc(s.Leg.Out, func(o sdes.Attribute) bool { return o.Suite == a.Suite && o.Tag == a.Tag }) {
			keys = append(keys, a)
		}
	}
	return keys
}

// common tells whether any codec that is answered is one that was offered, or can
// be made one.
func (w *work) common(answered, told, offered []format) bool {
	codec := func(f *format) bool { return !f.companion() }
	if len(answered) == 0 && len(offered) > 0 {
		return false
	}
	if find(answered, codec) == nil || find(offered, codec) == nil {
		return true // nothing can be said
	}
	for i := range answered {
		f := &answered[i]
		like := func(o *format) bool {
			return f.same(o) || (f.Name == "" || o.Name == "") && f.PayloadType == o.PayloadType
		}
		if codec(f) && (find(told, like) != nil || find(offered, like) != nil) {
			return true
		}
	}
	return w.bridges(answered, offered)
}
