package relay

// Drop is a cause for not passing a packet on. Its String is the metrics label
// and the key in [StreamReport.Dropped].
type Drop uint8

const (
	// DropMalformed means: not RTP, RTCP or what else the stream may carry.
	DropMalformed Drop = iota
	// DropOversize means: larger than 2,048 octets.
	DropOversize
	// DropICE means: a STUN packet; this relay took ICE out of the descriptions.
	DropICE
	// DropWaiting means: the party is not known yet and this source is not a likely one.
	DropWaiting
	// DropForeign means: not from the party (an injection attempt, or a stream of
	// an earlier call).
	DropForeign
	// DropDenied means: from an address in the deny list.
	DropDenied
	// DropUnconnected means: from a party whose branch is not the connected one, or
	// before the answer.
	DropUnconnected
	// DropRejected means: the stream is rejected (port 0) at the moment.
	DropRejected
	// DropNowhere means: the other party's address is not known or must not be used,
	// or it wants to receive nothing.
	DropNowhere

	drops = iota
)

// String is the name as used in metrics and reports.
func (d Drop) String() string {
	switch d {
	case DropMalformed:
		return "malformed"
	case DropOversize:
		return "oversize"
	case DropICE:
		return "ice"
	case DropWaiting:
		return "waiting"
	case DropForeign:
		return "foreign"
	case DropDenied:
		return "denied"
	case DropUnconnected:
		return "unconnected"
	case DropRejected:
		return "rejected"
	case DropNowhere:
		return "nowhere"
	}
	return "unknown"
}

func dropMap(counts *[drops]uint64) map[string]uint64 {
	var m map[string]uint64
	for i, n := range counts {
		if n > 0 {
			if m == nil {
				m = make(map[string]uint64)
			}
			m[Drop(i).String()] += n
		}
	}
	return m
}
