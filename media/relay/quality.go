package relay

import (
	"strings"
	"time"

	"github.com/class5-go/class5/media/rtpstat"
)

// Quality sums up what a stream sounded like, from one sample a second while
// packets came.
type Quality struct {
	Samples int     `json:"samples"`
	MOS     float64 `json:"mos"` // mean
	Lowest  Sample  `json:"lowest"`
	Highest Sample  `json:"highest"`
	Last    Sample  `json:"last"`
}

// Sample is the quality of one second.
type Sample struct {
	At        time.Time     `json:"at"`
	MOS       float64       `json:"mos"`
	Loss      float64       `json:"loss"` // share, 0 to 1
	Jitter    time.Duration `json:"jitter"`
	RoundTrip time.Duration `json:"round_trip,omitempty"` // to the party and back; 0: not known
}

// sample is a Sample without what can be computed.
type sample struct {
	at        time.Duration
	mos, loss float32
	jitter    time.Duration
	rtt       time.Duration
}

func (s sample) export(base time.Time) Sample {
	return Sample{At: base.Add(s.at), MOS: float64(s.mos), Loss: float64(s.loss), Jitter: s.jitter, RoundTrip: s.rtt}
}

// quality is the running sum of a stream.
type quality struct {
	expected, lost        uint64 // at the last sample
	packets               uint64
	n                     int
	sum                   float64
	lowest, highest, last sample
}

// sampleQuality takes the sample of the last second of an audio stream; false
// when nothing came.
func (s *stream) sampleQuality(at time.Duration) bool {
	q := &s.quality
	if s.kind != "audio" || !s.rtp {
		return false
	}
	n := s.snapshot()
	if n.Packets == q.packets {
		return false
	}
	expected, lost := n.Expected-q.expected, int64(n.Lost)-int64(q.lost)
	q.packets, q.expected, q.lost = n.Packets, n.Expected, n.Lost
	loss := 0.0
	if expected > 0 && lost > 0 {
		loss = min(float64(lost)/float64(expected), 1)
	}
	m := sample{at: at, loss: float32(loss), jitter: n.Jitter, rtt: s.reports.rtt}
	m.mos = float32(rtpstat.MOS(rtpstat.Quality{Loss: loss, Jitter: n.Jitter, Delay: m.rtt / 2, Packet: s.packetTime(),
		Codec: s.impairment(n.PayloadType)}))
	q.add(m)
	return true
}

func (q *quality) add(m sample) {
	if q.n == 0 || m.mos < q.lowest.mos {
		q.lowest = m
	}
	if q.n == 0 || m.mos > q.highest.mos {
		q.highest = m
	}
	q.last = m
	q.n++
	q.sum += float64(m.mos)
}

func (q *quality) export(base time.Time) *Quality {
	if q.n == 0 {
		return nil
	}
	return &Quality{Samples: q.n, MOS: q.sum / float64(q.n), Lowest: q.lowest.export(base), Highest: q.highest.export(base),
		Last: q.last.export(base)}
}

func (s *stream) packetTime() time.Duration { return 20 * time.Millisecond }

// impairment is what the codec itself costs (ITU-T G.113).
func (s *stream) impairment(pt uint8) rtpstat.Impairment {
	if c := s.clock(pt); c != nil && strings.EqualFold(c.name, "G729") {
		return rtpstat.Impairment{Ie: 11, Bpl: 19}
	}
	return rtpstat.Impairment{}
}
