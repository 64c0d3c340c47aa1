package relay

import (
	"strconv"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// How INVITEs are timed: the edge keeps nothing, so the time stands in its Via of
// one in sixteen, in milliseconds, and comes back with the responses.
const (
	timeParam   = ";ts="
	timedOneIn  = 16
	longestTime = 10 * time.Minute // what is older is no measurement
)

// timed reports whether a request is one that is timed. The branch decides, so
// that a retransmission is timed as well.
func (r *Relay) timed(s *Scratch) bool {
	return r.answered != nil && s.m.Method() == wire.INVITE && s.m.ToTag() == nil && s.branch[len(s.branch)-1]%timedOneIn == 0
}

// appendTime appends the parameter with the time of a request.
func appendTime(dst []byte, at time.Time) []byte {
	return strconv.AppendUint(append(dst, timeParam...), uint64(uint32(at.UnixMilli())), 16)
}

// tellTime tells how long a timed INVITE has waited for this response.
func (r *Relay) tellTime(s *Scratch) {
	if r.answered == nil || s.m.CSeqMethod() != wire.INVITE {
		return
	}
	v, ok := s.via.Params.Get("ts")
	if !ok || len(v) == 0 || len(v) > 8 {
		return
	}
	var sent uint32
	for _, c := range v {
		switch {
		case c >= '0' && c <= '9':
			sent = sent<<4 | uint32(c-'0')
		case c >= 'a' && c <= 'f':
			sent = sent<<4 | uint32(c-'a'+10)
		default:
			return
		}
	}
	d := time.Duration(uint32(s.at.UnixMilli())-sent) * time.Millisecond
	if d <= longestTime {
		r.answered(s.m.Status(), d)
	}
}
