package t38

// Counters are what a [Receiver] saw.
type Counters struct {
	Packets, Octets uint64
	Malformed       uint64 // no UDPTL
	TooLarge        uint64 // larger than the receiver said it takes
	Indicators      uint64
	Data            uint64
	Lost            uint64 // sequence numbers that were missing
	// Recoverable are those of Lost that a later packet had a copy of, or as
	// many parity packets for. It is an upper bound with parity.
	Recoverable uint64
	// Repeated sequence numbers: endpoints without error correction send
	// indicators several times, networks double packets.
	Repeated  uint64
	Reordered uint64 // late; they are not counted as lost any more
}

// restart is the distance of sequence numbers that is taken for a new
// beginning.
const restart = 1000

// Receiver counts the packets of one direction. The zero value is ready; it is
// not safe for concurrent use.
type Receiver struct {
	// MaxDatagram is what the receiving side announced as T38FaxMaxDatagram; 0:
	// any size. Larger packets are counted and refused.
	MaxDatagram int

	begun bool
	next  uint16
	seen  uint64 // bit i: sequence number next-1-i was received
	count Counters
}

// Take validates and counts a packet. ok tells whether it may be passed on.
func (r *Receiver) Take(b []byte) (p Packet, ok bool) {
	if p, ok = Parse(b); !ok {
		r.count.Malformed++
		return p, false
	}
	if r.MaxDatagram > 0 && len(b) > r.MaxDatagram {
		r.count.TooLarge++
		return p, false
	}
	r.count.Packets++
	r.count.Octets += uint64(len(b))
	switch k, _ := Classify(p.Primary); k {
	case Indicator:
		r.count.Indicators++
	case Data:
		r.count.Data++
	}
	r.sequence(p)
	return p, true
}

func (r *Receiver) sequence(p Packet) {
	ahead := int(int16(p.Sequence - r.next))
	switch {
	case !r.begun || ahead < -restart || ahead > restart:
		r.begun, r.seen = true, 1
	case ahead >= 0:
		r.count.Lost += uint64(ahead)
		r.count.Recoverable += uint64(min(ahead, p.Count))
		r.seen = r.seen<<1<<ahead | 1
	default:
		r.behind(-ahead - 1)
		return
	}
	r.next = p.Sequence + 1
}

// behind counts a packet n places behind the latest.
func (r *Receiver) behind(n int) {
	if n >= 64 || r.seen>>n&1 != 0 {
		r.count.Repeated++
		return
	}
	r.seen |= 1 << n
	r.count.Reordered++
	r.count.Lost-- // it was counted when the gap was seen
	r.count.Recoverable = min(r.count.Recoverable, r.count.Lost)
}

// Counters returns the figures so far.
func (r *Receiver) Counters() Counters { return r.count }
