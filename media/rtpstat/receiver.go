package rtpstat

import (
	"time"

	"github.com/class5-go/class5/media/rtpwire"
)

// tracked is the number of sources with live sequence state.
const tracked = 4

// Receiver measures what arrives on one port from one party. The zero value
// is ready.
type Receiver struct {
	packets, bytes uint64
	last           time.Duration
	pt             uint8
	current        int // index of the source of the last packet
	count          int // sources in use
	sources        [tracked]source
	begun          int
	folded         totals // of sources that were replaced or restarted
	jitterMax      time.Duration
	jitterSum      time.Duration
	jitterCount    uint64
}

// totals are the sums that survive a source.
type totals struct {
	expected, received, duplicates, reordered uint64
}

// Last is when the last packet arrived; zero: none did.
func (r *Receiver) Last() time.Duration { return r.last }

// Packet counts one packet. size is its length in octets, clockRate that of
// its payload type in timestamp units per second, or 0 to leave the packet
// out of the jitter (telephone events repeat their timestamp by design). at
// is the arrival time since any fixed moment.
func (r *Receiver) Packet(h rtpwire.Header, size int, clockRate uint32, at time.Duration) {
	r.packets++
	r.bytes += uint64(size)
	r.last, r.pt = at, h.PayloadType
	s := r.source(h)
	s.used = r.packets
	if s.begun {
		restarted, old := s.sequence(h.Sequence)
		if restarted {
			r.folded.add(old)
		}
	} else {
		s.begin(h.SSRC, h.Sequence)
		r.begun++
	}
	if clockRate == 0 {
		return
	}
	if j, ok := s.arrival(h.Timestamp, clockRate, at); ok {
		r.jitterMax = max(r.jitterMax, j)
		r.jitterSum += j
		r.jitterCount++
	}
}

// source finds the state for an SSRC, or makes room for it by folding the
// source that was silent for longest.
func (r *Receiver) source(h rtpwire.Header) *source {
	if s := &r.sources[r.current]; s.begun && s.ssrc == h.SSRC {
		return s
	}
	oldest := 0
	for i := range r.count {
		if r.sources[i].ssrc == h.SSRC {
			r.current = i
			return &r.sources[i]
		}
		if r.sources[i].used < r.sources[oldest].used {
			oldest = i
		}
	}
	if r.count < tracked {
		r.current = r.count
		r.count++
		return &r.sources[r.current]
	}
	r.folded.add(r.sources[oldest].totals())
	r.sources[oldest] = source{}
	r.current = oldest
	return &r.sources[oldest]
}

// Continues tells whether a packet could be one of the next of the source
// heard last: same SSRC, sequence number ahead by less than a minute's worth.
func (r *Receiver) Continues(h rtpwire.Header) bool {
	s := &r.sources[r.current]
	delta := h.Sequence - uint16(s.high)
	return s.begun && s.ssrc == h.SSRC && delta > 0 && delta < maxDropout
}

func (t *totals) add(o totals) {
	t.expected += o.expected
	t.received += o.received
	t.duplicates += o.duplicates
	t.reordered += o.reordered
}

// Snapshot is the state of a Receiver at one moment.
type Snapshot struct {
	Packets, Bytes uint64 // all that was counted
	Expected       uint64 // by sequence numbers, over all sources
	Lost           uint64 // expected and not seen
	Duplicates     uint64
	Reordered      uint64        // came behind a later one
	Highest        uint32        // extended highest sequence number of the present source, as reports have it
	JitterUnits    uint32        // of the present source, in timestamp units
	Jitter         time.Duration // of the present source, RFC 3550 estimate
	JitterMean     time.Duration // of the estimate, over all packets
	JitterMax      time.Duration
	SSRC           uint32        // of the last packet
	Sources        int           // how often a source began
	PayloadType    uint8         // of the last packet
	Last           time.Duration // arrival of the last packet
}

// LossRatio is Lost by Expected, 0 to 1.
func (s Snapshot) LossRatio() float64 {
	if s.Expected == 0 {
		return 0
	}
	return float64(s.Lost) / float64(s.Expected)
}

// Snapshot returns the figures so far.
func (r *Receiver) Snapshot() Snapshot {
	t := r.folded
	for i := range r.count {
		t.add(r.sources[i].totals())
	}
	s := Snapshot{
		Packets: r.packets, Bytes: r.bytes,
		Expected: t.expected, Lost: t.expected - t.received,
		Duplicates: t.duplicates, Reordered: t.reordered,
		JitterMax: r.jitterMax, Sources: r.begun, PayloadType: r.pt, Last: r.last,
	}
	if r.count > 0 {
		cur := &r.sources[r.current]
		s.SSRC, s.Jitter, s.JitterUnits, s.Highest = cur.ssrc, cur.jitterTime(), cur.jitter>>4, uint32(cur.high-1<<16)
	}
	if r.jitterCount > 0 {
		s.JitterMean = r.jitterSum / time.Duration(r.jitterCount)
	}
	return s
}
