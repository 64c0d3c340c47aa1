package relay

import (
	"encoding/binary"

	"github.com/class5-go/class5/media/rtpwire"
)

// bundle tells the streams that share a carrier's ports apart (RFC 9143
// section 9.2): by the MID header extension, by SSRCs it taught, by payload
// type.
type bundle struct {
	members []*stream
	ssrcs   [32]struct {
		ssrc uint32
		to   *stream
	}
	known int
}

// gather collects the members of the carrier's bundle.
func (s *stream) gather() {
	var members []*stream
	for _, o := range s.leg.streams {
		if o != nil && o.carrier == s && !o.off {
			members = append(members, o)
		}
	}
	if len(members) < 2 {
		s.bundle = nil
		return
	}
	before := s.bundle
	s.bundle = &bundle{members: members}
	if before != nil {
		for i := range before.known {
			if e := before.ssrcs[i]; e.to.carrier == s {
				s.bundle.learn(e.ssrc, e.to)
			}
		}
	}
}

// find tells which member a packet belongs to; nil: none.
func (x *bundle) find(carrier *stream, kind rtpwire.Kind, h rtpwire.Header, b []byte) *stream {
	if kind == rtpwire.KindRTCP {
		if len(b) >= 8 {
			if t := x.bySSRC(binary.BigEndian.Uint32(b[4:])); t != nil {
				return t
			}
		}
		return carrier
	}
	named := false
	for _, m := range x.members {
		if m.midID == 0 {
			continue
		}
		mid, ok := rtpwire.Extension(b, m.midID)
		if ok && string(mid) == m.mid {
			x.learn(h.SSRC, m)
			return m
		}
		named = named || ok && len(mid) > 0
	}
	if named {
		return nil // of an m= line that there is not
	}
	if t := x.bySSRC(h.SSRC); t != nil {
		return t
	}
	var found *stream
	for _, m := range x.members {
		if m.clock(h.PayloadType) == nil {
			continue
		}
		if found != nil {
			return nil // two could be meant
		}
		found = m
	}
	if found != nil {
		x.learn(h.SSRC, found)
	}
	return found
}

func (x *bundle) bySSRC(ssrc uint32) *stream {
	for i := range x.known {
		if x.ssrcs[i].ssrc == ssrc {
			return x.ssrcs[i].to
		}
	}
	return nil
}

// learn remembers whose an SSRC is. When all places are taken the first half
// is forgotten: a sender that changes it that often teaches it anew.
func (x *bundle) learn(ssrc uint32, to *stream) {
	for i := range x.known {
		if x.ssrcs[i].ssrc == ssrc {
			x.ssrcs[i].to = to
			return
		}
	}
	if x.known == len(x.ssrcs) {
		x.known = copy(x.ssrcs[:], x.ssrcs[len(x.ssrcs)/2:])
	}
	x.ssrcs[x.known].ssrc, x.ssrcs[x.known].to = ssrc, to
	x.known++
}
