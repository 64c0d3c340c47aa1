package rtpwire

// Kind is the protocol of a datagram on a media port.
type Kind uint8

// The kinds that RFC 7983 tells apart by the first octet, with RTP and RTCP
// told apart by the second (RFC 5761 section 4).
const (
	KindUnknown Kind = iota
	KindRTP
	KindRTCP
	KindSTUN
	KindDTLS
)

// String is a metrics label.
func (k Kind) String() string {
	switch k {
	case KindRTP:
		return "rtp"
	case KindRTCP:
		return "rtcp"
	case KindSTUN:
		return "stun"
	case KindDTLS:
		return "dtls"
	}
	return "unknown"
}

// Classify looks at the first two octets only.
func Classify(b []byte) Kind {
	if len(b) < 2 {
		return KindUnknown
	}
	switch first := b[0]; {
	case first >= 128 && first <= 191:
		if b[1] >= 192 && b[1] <= 223 {
			return KindRTCP
		}
		return KindRTP
	case first <= 3:
		return KindSTUN
	case first >= 20 && first <= 63:
		return KindDTLS
	}
	return KindUnknown
}
