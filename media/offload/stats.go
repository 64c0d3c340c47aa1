package offload

import "time"

// Up is why a packet of a flow went to user space.
type Up uint8

// The reasons, in the order of the program's.
const (
	UpRTCP Up = iota
	UpSTUN
	UpDTLS
	UpMalformed // no protocol of a media port, or not well-formed RTP
	UpSource    // not the expected source
	UpSSRC      // not the expected SSRC
	UpPayload   // payload type not listed
	UpReleased
	UpExpired // the lease is over
	UpHops    // time to live of 1 or 0
	UpSize    // larger than the MTU of the outgoing interface
	UpRoute   // no route, or the outgoing interface is gone
	Ups
)

// String is a metrics label.
func (u Up) String() string {
	names := [Ups]string{"rtcp", "stun", "dtls", "malformed", "source", "ssrc", "payload", "released",
		"expired", "hops", "size", "route"}
	if u < Ups {
		return names[u]
	}
	return "unknown"
}

// Counted tells whether packets that went up for this reason are part of
// Stats.Received: RTP of the expected source.
func (u Up) Counted() bool {
	switch u {
	case UpPayload, UpReleased, UpHops, UpSize, UpRoute:
		return true
	}
	return false
}

// Count is a number of packets and the octets of their UDP payload.
type Count struct{ Packets, Octets uint64 }

// Stats are the figures of a flow since it was first installed.
type Stats struct {
	Received  Count // well-formed RTP of the expected source
	Forwarded Count // of these, sent on by the kernel
	Up        [Ups]uint64
	Dropped   uint64 // of other sources, with ForeignDrop

	Expected   uint64 // by sequence numbers, over all SSRCs
	Lost       uint64 // expected and not received
	Duplicates uint64
	Reordered  uint64
	Highest    uint64 // extended sequence number of the present SSRC; begins at 2^16 + its first

	Jitter     time.Duration // of the present SSRC, RFC 3550 estimate
	JitterMean time.Duration // of the estimate, over all packets
	JitterMax  time.Duration

	Last        time.Time // when the last counted packet came; zero: none
	SSRC        uint32    // of the last packet, as the next ones
	Sequence    uint16    // the highest, as sent by the source
	Timestamp   uint32
	PayloadType uint8
	Sources     int // how often an SSRC began
}
