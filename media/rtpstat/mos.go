package rtpstat

import "time"

// Quality is what the E-model needs to know about a stream of speech.
type Quality struct {
	Loss   float64       // share of packets lost, 0 to 1
	Jitter time.Duration // mean; a receiver's buffer is assumed to hold twice that
	Delay  time.Duration // one-way network delay, when known
	Packet time.Duration // audio per packet; 0: 20 ms
	// Codec is the impairment of the codec; the zero value is G.711.
	Codec Impairment
}

// Impairment is how a codec sounds without loss and how it bears loss (ITU-T
// G.113 appendix I).
type Impairment struct {
	Ie  float64 // equipment impairment factor
	Bpl float64 // packet-loss robustness; 0: 25.1, G.711 with loss concealment
}

// MOS estimates the mean opinion score of listeners, from 1 (bad) to 4.5
// (excellent). It is ITU-T G.107 with all values not given here at their
// defaults:
//
//	d      = Delay + Packet + 2·Jitter, in milliseconds
//	Id     = 0.024·d + 0.11·(d − 177.3)·[d > 177.3]
//	Ie,eff = Ie + (95 − Ie)·Ppl / (Ppl + Bpl)       Ppl: loss in per cent
//	R      = 93.2 − Id − Ie,eff
//	MOS    = 1 + 0.035·R + R·(R − 60)·(100 − R)·7·10⁻⁶
//
// Loss is taken as random. The score is an estimate for comparison between
// calls, not a measurement of a call.
func MOS(q Quality) float64 {
	if q.Packet == 0 {
		q.Packet = 20 * time.Millisecond
	}
	if q.Codec.Bpl == 0 {
		q.Codec.Bpl = 25.1
	}
	d := float64(q.Delay+q.Packet+2*q.Jitter) / float64(time.Millisecond)
	id := 0.024 * d
	if d > 177.3 {
		id += 0.11 * (d - 177.3)
	}
	ppl := 100 * min(max(q.Loss, 0), 1)
	r := 93.2 - id - (q.Codec.Ie + (95-q.Codec.Ie)*ppl/(ppl+q.Codec.Bpl))
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}
