package relay

import (
	"net/netip"
	"slices"
	"time"

	"github.com/class5-go/class5/media/ice"
)

// settle chooses the path of the stream's packets after something changed.
func (s *stream) settle() {
	s.gather()
	s.raw = s.rawRoutes()
	if s.plain = s.isPlain(); !s.plain {
		s.pullUp()
	}
}

// isPlain tells whether there is nothing to do but to forward.
func (s *stream) isPlain() bool {
	if s.carrier != s || s.bundle != nil || s.shield != nil || s.extra != nil || len(s.routes) != 1 || len(s.feeds) > 0 {
		return false
	}
	r := &s.routes[0]
	t := r.to
	if t.playing != nil || t.waits() || r.marks() || s.made != nil || t.made != nil || r.table != nil || r.ssrc.n > 0 || r.own || r.inject != nil || r.shift > 0 || t.carrier != t || t.shield != nil || t.extra != nil {
		return false
	}
	back := t.routeTo(s)
	return back == nil || back.ssrc.n == 0
}

// rawRoutes tells whether packets go on as they came, protection included.
func (s *stream) rawRoutes() bool {
	if s.extra != nil || len(s.routes) == 0 || len(s.feeds) > 0 {
		return false
	}
	for i := range s.routes {
		if r := &s.routes[i]; r.marks() || r.to.made != nil || r.to.playing != nil || r.coder != nil || !r.raw || r.table != nil || r.ssrc.n > 0 || r.own || r.inject != nil || r.shift > 0 {
			return false
		}
	}
	return true
}

// stop ends what runs for the stream.
func (s *stream) stop() {
	s.forgetEarly()
	s.leaveKernel()
	s.routes = nil
	for _, x := range slices.Clone(s.feeds) {
		x.close()
	}
	if s.mixing != nil {
		s.mixing.close()
	}
	s.unshield()
}

// learned tells that packets for the party go to another address.
func (s *stream) learned(c *component, to netip.AddrPort, now time.Time) {
	if c != &s.media {
		return
	}
	s.leaveKernel() // its flow is for another source
	s.leg.session.notify(Event{Kind: Learned, Tags: s.leg.tags, Stream: s.index, Addr: to, At: now})
}

// lost tells that ICE found no way to the party, or its consent ended.
func (s *stream) lost(why ice.EventKind, now time.Time) {
	s.leg.session.notify(Event{Kind: ConsentLost, Tags: s.leg.tags, Stream: s.index, Text: why.String(), At: now})
}
