package rtpstat

import (
	"math/bits"
	"time"
)

const (
	// maxDropout is the gap up to which a sequence is still the same one
	// (RFC 3550 A.1).
	maxDropout = 3000
	// windowSize is how far behind the highest sequence number a packet is
	// told from a duplicate, and thus the limit of misordering.
	windowSize = 128
	// noJump marks that no jump is being waited for: not a sequence number.
	noJump = 1 << 16
)

// source is the sequence and timing state of one SSRC.
//
// Sequence numbers are extended to 64 bits. They start at 2^16 + the first
// number, so that packets sent before the first one received fit below it.
type source struct {
	begun                 bool
	ssrc                  uint32
	used                  uint64    // packet count of the receiver at the last packet
	base, high            uint64    // lowest and highest extended number seen
	window                [2]uint64 // bit i: high-i was received
	received              uint64    // distinct packets; never more than high-base+1
	duplicates, reordered uint64
	jump                  uint32 // the number that would confirm a restart
	rate, transit         uint32
	jitter                uint32 // scaled by 16, in timestamp units
	timed                 bool   // transit is valid
}

func (s *source) begin(ssrc uint32, seq uint16) {
	*s = source{begun: true, ssrc: ssrc, used: s.used, jump: noJump}
	s.start(seq, 1)
}

// start makes seq the highest number, with n packets in sequence seen.
func (s *source) start(seq uint16, n uint64) {
	s.high = 1<<16 + uint64(seq)
	s.base = s.high + 1 - n
	s.received = n
	s.window = [2]uint64{1<<n - 1, 0}
	s.jump = noJump
}

func (s *source) totals() totals {
	if !s.begun {
		return totals{}
	}
	return totals{expected: s.high - s.base + 1, received: s.received, duplicates: s.duplicates, reordered: s.reordered}
}

// sequence counts a packet. When the sender turns out to have restarted its
// sequence, the totals until then are returned.
func (s *source) sequence(seq uint16) (restarted bool, old totals) {
	switch delta := seq - uint16(s.high); {
	case delta == 0:
		s.duplicates++
	case delta < maxDropout:
		s.high += uint64(delta)
		s.shift(uint(delta))
		s.window[0] |= 1
		s.received++
		s.jump = noJump
	case -delta < windowSize:
		s.late(uint(-delta))
	case uint32(seq) == s.jump:
		// Two in sequence far away: the packet before was the first of a new
		// sequence.
		old = s.totals()
		s.duplicates, s.reordered = 0, 0
		s.start(seq, 2)
		return true, old
	default:
		s.jump = uint32(seq + 1)
	}
	return false, old
}

// late counts a packet that is n behind the highest.
func (s *source) late(n uint) {
	bit := uint64(1) << (n % 64)
	if s.window[n/64]&bit != 0 {
		s.duplicates++
		return
	}
	s.window[n/64] |= bit
	s.reordered++
	s.received++
	s.base = min(s.base, s.high-uint64(n))
}

// shift moves the window by n numbers.
func (s *source) shift(n uint) {
	switch {
	case n >= windowSize:
		s.window = [2]uint64{}
	case n >= 64:
		s.window = [2]uint64{0, s.window[0] << (n - 64)}
	default:
		s.window[1] = s.window[1]<<n | s.window[0]>>(64-n)
		s.window[0] <<= n
	}
}

// arrival updates the jitter estimate of RFC 3550 A.8 and returns it.
func (s *source) arrival(timestamp, rate uint32, at time.Duration) (time.Duration, bool) {
	transit := units(at, rate) - timestamp
	if !s.timed || s.rate != rate {
		s.timed, s.rate, s.transit, s.jitter = true, rate, transit, 0
		return 0, false
	}
	d := int32(transit - s.transit)
	s.transit = transit
	if d < 0 {
		d = -d
	}
	if uint32(d) > 10*rate {
		return 0, false // the sender's clock was set anew
	}
	s.jitter += uint32(d) - (s.jitter+8)>>4
	return s.jitterTime(), true
}

func (s *source) jitterTime() time.Duration {
	if s.rate == 0 {
		return 0
	}
	return time.Duration(s.jitter>>4) * time.Second / time.Duration(s.rate)
}

// units converts a time to timestamp units, modulo 2^32.
func units(at time.Duration, rate uint32) uint32 {
	hi, lo := bits.Mul64(uint64(at), uint64(rate))
	q, _ := bits.Div64(hi%uint64(time.Second), lo, uint64(time.Second))
	return uint32(q)
}
