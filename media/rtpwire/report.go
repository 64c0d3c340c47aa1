package rtpwire

import (
	"encoding/binary"
	"time"
)

// Reception is one report block of a sender or receiver report (RFC 3550
// section 6.4.1).
type Reception struct {
	SSRC       uint32 // of the source reported on
	Fraction   uint8  // lost since the last report, in 1/256
	Lost       int32  // cumulative, 24 bits
	Highest    uint32 // extended highest sequence number
	Jitter     uint32 // timestamp units
	LastReport uint32 // middle 32 bits of the NTP time of the last sender report
	SinceThat  uint32 // delay since then, 1/65536 s
}

// Report is a sender report, or a receiver report when Sender is nil.
type Report struct {
	SSRC       uint32
	Sender     *SenderInfo
	Receptions []Reception
	CNAME      string // of the SDES packet behind it; at most 255 octets
	MID        string // likewise (RFC 9143 section 15); empty: none
}

// SenderInfo is what a sender report says about the sender.
type SenderInfo struct {
	NTP       uint64 // seconds since 1900, 32.32
	Timestamp uint32
	Packets   uint32
	Octets    uint32
}

// NTPTime converts a time to 64-bit NTP format.
func NTPTime(t time.Time) uint64 {
	const offset = 2208988800 // seconds from 1900 to 1970
	sec := uint64(t.Unix()) + offset
	frac := uint64(t.Nanosecond()) << 32 / uint64(time.Second)
	return sec<<32 | frac
}

// NTPMiddle is the part of an NTP time that report blocks quote.
func NTPMiddle(ntp uint64) uint32 { return uint32(ntp >> 16) }

// Append writes the report and its SDES packet, a valid compound, to dst.
func (r *Report) Append(dst []byte) []byte {
	kind, words := byte(ReceiverReport), 1
	if r.Sender != nil {
		kind, words = SenderReport, 6
	}
	n := min(len(r.Receptions), 31)
	dst = append(dst, 0x80|byte(n), kind)
	dst = binary.BigEndian.AppendUint16(dst, uint16(words+6*n))
	dst = binary.BigEndian.AppendUint32(dst, r.SSRC)
	if s := r.Sender; s != nil {
		dst = binary.BigEndian.AppendUint64(dst, s.NTP)
		for _, v := range [...]uint32{s.Timestamp, s.Packets, s.Octets} {
			dst = binary.BigEndian.AppendUint32(dst, v)
		}
	}
	for _, b := range r.Receptions[:n] {
		dst = binary.BigEndian.AppendUint32(dst, b.SSRC)
		dst = binary.BigEndian.AppendUint32(dst, uint32(b.Fraction)<<24|uint32(b.Lost)&0xffffff)
		for _, v := range [...]uint32{b.Highest, b.Jitter, b.LastReport, b.SinceThat} {
			dst = binary.BigEndian.AppendUint32(dst, v)
		}
	}
	return appendDescription(dst, r.SSRC, r.CNAME, r.MID)
}

// Reception reads the i-th report block of a sender or receiver report.
func (p RTCPPacket) Reception(i int) (Reception, bool) {
	at := 4 + 24*i
	if p.Type == SenderReport {
		at += 20
	} else if p.Type != ReceiverReport {
		return Reception{}, false
	}
	if i >= int(p.Count) || at+24 > len(p.Body) {
		return Reception{}, false
	}
	b := p.Body[at:]
	word := func(n int) uint32 { return binary.BigEndian.Uint32(b[4*n:]) }
	return Reception{SSRC: word(0), Fraction: b[4], Lost: int32(word(1)<<8) >> 8, Highest: word(2), Jitter: word(3),
		LastReport: word(4), SinceThat: word(5)}, true
}

// SenderInfo reads the sender part of a sender report.
func (p RTCPPacket) SenderInfo() (SenderInfo, bool) {
	if p.Type != SenderReport || len(p.Body) < 24 {
		return SenderInfo{}, false
	}
	return SenderInfo{NTP: binary.BigEndian.Uint64(p.Body[4:]), Timestamp: binary.BigEndian.Uint32(p.Body[12:]),
		Packets: binary.BigEndian.Uint32(p.Body[16:]), Octets: binary.BigEndian.Uint32(p.Body[20:])}, true
}
