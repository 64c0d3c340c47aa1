package rtpwire

import "encoding/binary"

// Feedback formats that carry SSRCs of their own (RFC 4585, RFC 5104 and the
// receiver estimate of WebRTC).
const (
	formatTMMBR = 3
	formatTMMBN = 4
	formatFIR   = 4
	formatAFB   = 15
)

// MapSSRC replaces every SSRC in a compound RTCP packet by what f makes of it:
// senders, reported sources, chunks, feedback targets. A relay that changes
// the SSRC of media must do so, or reports speak of sources nobody knows. It
// stops at the first packet that is malformed. Nothing is allocated when f is
// a literal.
func MapSSRC(b []byte, f func(uint32) uint32) {
	for len(b) > 0 {
		n, ok := rtcpLen(b)
		if !ok {
			return
		}
		mapPacket(b[:n], f)
		b = b[n:]
	}
}

// mapPacket works on one packet with its header.
func mapPacket(p []byte, f func(uint32) uint32) {
	count := int(p[0] & 0x1f)
	switch p[1] {
	case SenderReport:
		mapWord(p, 4, f)
		mapEach(p, 28, 24, count, f)
	case ReceiverReport:
		mapWord(p, 4, f)
		mapEach(p, 8, 24, count, f)
	case SourceDescription:
		mapChunks(p, count, f)
	case Goodbye:
		mapEach(p, 4, 4, count, f)
	case ApplicationDefined:
		mapWord(p, 4, f)
	case TransportFeedback, PayloadFeedback:
		mapWord(p, 4, f)
		if len(p) >= 12 && binary.BigEndian.Uint32(p[8:]) != 0 { // zero means: about no source
			mapWord(p, 8, f)
		}
		mapFeedback(p, count, f)
	case ExtendedReport:
		mapWord(p, 4, f)
		mapBlocks(p, f)
	}
}

func mapWord(p []byte, at int, f func(uint32) uint32) {
	if at+4 <= len(p) {
		binary.BigEndian.PutUint32(p[at:], f(binary.BigEndian.Uint32(p[at:])))
	}
}

func mapEach(p []byte, at, step, count int, f func(uint32) uint32) {
	for ; count > 0 && at+4 <= len(p); count-- {
		mapWord(p, at, f)
		at += step
	}
}

// mapChunks finds the chunks of a source description: an SSRC, items, zeros
// up to a word boundary.
func mapChunks(p []byte, count int, f func(uint32) uint32) {
	for at := 4; count > 0 && at+4 <= len(p); count-- {
		mapWord(p, at, f)
		at += 4
		for at < len(p) && p[at] != 0 {
			if at+2 > len(p) {
				return
			}
			at += 2 + int(p[at+1])
		}
		at = (at + 4) &^ 3
	}
}

func mapFeedback(p []byte, format int, f func(uint32) uint32) {
	every := len(p)
	switch {
	case p[1] == TransportFeedback && (format == formatTMMBR || format == formatTMMBN),
		p[1] == PayloadFeedback && format == formatFIR:
		mapEach(p, 12, 8, every, f)
	case p[1] == PayloadFeedback && format == formatAFB && len(p) >= 20 && string(p[12:16]) == "REMB":
		mapEach(p, 20, 4, int(p[16]), f)
	}
}

// mapBlocks finds the report blocks of RFC 3611 that name a source.
func mapBlocks(p []byte, f func(uint32) uint32) {
	for at := 8; at+4 <= len(p); {
		end := at + 4 + 4*int(binary.BigEndian.Uint16(p[at+2:]))
		if end > len(p) {
			return
		}
		switch p[at] {
		case 1, 2, 3, 6, 7: // run lengths of loss, duplicates, receipt times; summary; VoIP metrics
			mapWord(p[:end], at+4, f)
		case 5: // delay since the last receiver report
			mapEach(p[:end], at+4, 12, end, f)
		}
		at = end
	}
}
