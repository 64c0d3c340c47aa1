package relay

import (
	"encoding/binary"
	"time"

	"github.com/class5-go/class5/media/rtpwire"
)

// reportInterval is how often the relay reports where it makes the reports.
const reportInterval = 5 * time.Second

// origin is a stream of packets the relay makes itself, as its receiver sees
// it.
type origin struct {
	ssrc      uint32
	packets   uint32
	octets    uint32
	timestamp uint32
	at        time.Duration // of the last packet
}

// generated is what reports of the relay itself need; on streams where RTCP
// ends here.
type generated struct {
	out      origin
	ssrc     uint32        // as a receiver that sends nothing
	next     time.Duration // of the next report
	expected uint64        // at the last report
	lost     uint64
	buf      []byte
}

// originate counts a packet for the party, before it is protected.
func (s *stream) originate(b []byte) {
	g := s.made
	h, payload, ok := rtpwire.Parse(b)
	if !ok {
		return
	}
	o := &g.out
	if o.ssrc != h.SSRC {
		*o = origin{ssrc: h.SSRC}
	}
	o.packets++
	o.octets += uint32(len(payload))
	o.timestamp, o.at = h.Timestamp, s.leg.session.heard.Sub(s.leg.session.r.base)
}

// reporter makes the stream one whose party gets reports of the relay.
func (s *stream) reporter() *generated {
	if s.made == nil {
		s.made = &generated{ssrc: randomSSRC()}
	}
	return s.made
}

// report sends a report to the party when it is time.
func (s *stream) sendReport(now time.Time) {
	g := s.made
	if g == nil || s.off || !s.said {
		return
	}
	at := now.Sub(s.leg.session.r.base)
	if at < g.next {
		return
	}
	g.next = at + reportInterval
	r := rtpwire.Report{SSRC: g.ssrc, CNAME: s.leg.session.cname(), MID: string(s.midValue)}
	if g.out.packets > 0 && at-g.out.at < 2*reportInterval {
		ntp := rtpwire.NTPTime(now)
		r.SSRC = g.out.ssrc
		r.Sender = &rtpwire.SenderInfo{NTP: ntp, Timestamp: g.out.timestamp + s.ticks(at-g.out.at), Packets: g.out.packets, Octets: g.out.octets}
		s.reports.note(rtpwire.NTPMiddle(ntp), at)
	}
	if b, ok := s.reception(at); ok {
		r.Receptions = append(r.Receptions, b)
	}
	if r.Sender == nil && r.Receptions == nil {
		return
	}
	if g.buf == nil {
		g.buf = make([]byte, 0, 512)
	}
	g.buf = r.Append(g.buf[:0])
	_, _ = s.emit(rtpwire.KindRTCP, g.buf, sender{session: s.leg.session}) // the next one says it again
}

// ticks converts a time to the clock of what the party receives.
func (s *stream) ticks(d time.Duration) uint32 {
	rate := int64(8000)
	for i := range s.clocks {
		if s.clocks[i].rate > 0 {
			rate = int64(s.clocks[i].rate)
			break
		}
	}
	return uint32(int64(d) * rate / int64(time.Second))
}

// reception is the block about what the party sends.
func (s *stream) reception(at time.Duration) (rtpwire.Reception, bool) {
	n := s.snapshot()
	if n.Packets == 0 {
		return rtpwire.Reception{}, false
	}
	g := s.made
	b := rtpwire.Reception{SSRC: n.SSRC, Lost: int32(min(n.Lost, 0x7fffff)), Highest: n.Highest, Jitter: n.JitterUnits}
	expected, lost := n.Expected-g.expected, int64(n.Lost)-int64(g.lost)
	g.expected, g.lost = n.Expected, n.Lost
	if expected > 0 && lost > 0 {
		b.Fraction = uint8(min(uint64(lost)*256/expected, 255))
	}
	if l := s.reports.last; l.at > 0 {
		b.LastReport, b.SinceThat = l.ntp, uint32((at-l.at)*65536/time.Second)
	}
	return b, true
}

func randomSSRC() uint32 {
	var b [4]byte
	fillRandom(b[:])
	return binary.BigEndian.Uint32(b[:])
}
