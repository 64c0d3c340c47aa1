package bridge

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/class5-go/class5/media/sdp"
)

// Trickle takes candidates that a party sends after its description: an SDP
// fragment (RFC 8840 section 9). from is the party's tag. It changes no
// description, there is nothing to tell the other party, and an offer that is
// not answered yet stays so. What is of another generation of ICE than the one
// agreed is passed over, and so is an m= line that is not the party's; the
// warnings say so. ErrUnknown: there is no such party; ErrMismatch: it does not
// speak ICE with us.
func (s *Session) Trickle(from string, fragment []byte) (Result, error) {
	body := fragment
	if !bytes.HasPrefix(body, []byte("v=")) { // a fragment has no head
		body = append([]byte("v=0\r\n"), fragment...)
	}
	d, err := sdp.Parse(body, &s.cfg.Limits)
	if err != nil {
		return Result{}, err
	}
	st := s.state.clone()
	l := st.byTag(from)
	if l == nil {
		return Result{}, fmt.Errorf("%w: no party of that tag", ErrUnknown)
	}
	if !slices.ContainsFunc(l.Media, func(m *stream) bool { return m.ICE.trickles() }) {
		return Result{}, fmt.Errorf("%w: the party does not speak ICE", ErrMismatch)
	}
	res := Result{From: l.ID, To: l.Peer}
	warn := func(format string, args ...any) { res.Warnings = append(res.Warnings, fmt.Sprintf(format, args...)) }
	if _, end := d.Attr("end-of-candidates"); end { // of all m= lines
		var said iceSaid
		said.ufrag, _ = d.Attr("ice-ufrag")
		said.pwd, _ = d.Attr("ice-pwd")
		for _, m := range l.Media {
			m.ICE.End = m.ICE.End || said.fits(&m.ICE)
		}
	}
	for i, m := range d.All() {
		own := l.trickled(i, m)
		if own == nil {
			warn("no m= line %d of a fragment in the description", i+1)
			continue
		}
		said := hearICE(d, m)
		if !own.ICE.trickles() || !said.fits(&own.ICE) {
			warn("candidates of m= line %d are of another generation", i+1)
			continue
		}
		if !own.ICE.add(said) {
			return Result{}, fmt.Errorf("%w: more than %d candidates of m= line %d", sdp.ErrLimit, maxCandidates, i+1)
		}
	}
	s.state = st
	return res, nil
}

// trickled is the stream that a section of a fragment is about, or the head of
// its bundle, by whose ports its candidates are reached.
func (l *leg) trickled(i int, m *sdp.Media) *stream {
	if mid, ok := m.Attr("mid"); ok {
		i = slices.IndexFunc(l.Media, func(o *stream) bool { return o.MID == mid })
	}
	if i < 0 || i >= len(l.Media) {
		return nil
	}
	if b := l.Media[i].Bundle; b < len(l.Media) {
		return l.Media[b]
	}
	return l.Media[i]
}

// trickles tells whether candidates of the party are of use.
func (i *iceState) trickles() bool { return i.On && i.TheirUfrag != "" }

// fits tells whether a fragment is of the generation agreed. One that names
// none is taken for it.
func (h *iceSaid) fits(i *iceState) bool {
	return (h.ufrag == "" || h.ufrag == i.TheirUfrag) && (h.pwd == "" || h.pwd == i.TheirPwd)
}

// add files candidates that are new; false: there would be too many.
func (i *iceState) add(said iceSaid) bool {
	for _, c := range said.candidates {
		if !slices.Contains(i.Candidates, c) {
			i.Candidates = append(slices.Clip(i.Candidates), c) // others share the list
		}
	}
	i.End = i.End || said.end
	return len(i.Candidates) <= maxCandidates
}
