package offload

import (
	"encoding/binary"
	"net/netip"
)

const redirect = 7 // TCX_REDIRECT

// rtp is a packet to be made.
type rtp struct {
	pt     uint8
	marker bool
	seq    uint16
	ts     uint32
	ssrc   uint32
}

// packet is RTP with n octets of payload.
func (r rtp) packet(n int) []byte {
	b := make([]byte, 12+n)
	b[0], b[1] = 0x80, r.pt
	if r.marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], r.seq)
	binary.BigEndian.PutUint32(b[4:], r.ts)
	binary.BigEndian.PutUint32(b[8:], r.ssrc)
	for i := range n {
		b[12+i] = byte(i) + byte(r.seq)
	}
	return b
}

// frame is a UDP packet in an Ethernet frame between hardware addresses of
// zeros, with a checksum.
func frame(from, to netip.AddrPort, payload []byte) []byte {
	udp := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint16(udp, from.Port())
	binary.BigEndian.PutUint16(udp[2:], to.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(8+len(payload)))
	udp = append(udp, payload...)
	check := ^sum(pseudo(from.Addr(), to.Addr(), len(udp)), udp)
	if check == 0 {
		check = 0xffff // RFC 768: zero means that there is none
	}
	binary.BigEndian.PutUint16(udp[6:], check)
	eth := make([]byte, 14, 128)
	if from.Addr().Is4() {
		eth[12], eth[13] = 8, 0
		ip := make([]byte, 20)
		ip[0], ip[6], ip[8], ip[9] = 0x45, 0x40, 64, 17
		binary.BigEndian.PutUint16(ip[2:], uint16(20+len(udp)))
		copy(ip[12:], from.Addr().AsSlice())
		copy(ip[16:], to.Addr().AsSlice())
		binary.BigEndian.PutUint16(ip[10:], ^sum(0, ip))
		return append(append(eth, ip...), udp...)
	}
	eth[12], eth[13] = 0x86, 0xdd
	ip := make([]byte, 40)
	ip[0], ip[6], ip[7] = 0x60, 17, 64
	binary.BigEndian.PutUint16(ip[4:], uint16(len(udp)))
	copy(ip[8:], from.Addr().AsSlice())
	copy(ip[24:], to.Addr().AsSlice())
	return append(append(eth, ip...), udp...)
}

// hops sets the time to live, with the checksum.
func hops(frame []byte, n byte) []byte {
	if frame[12] == 0x86 {
		frame[14+7] = n
		return frame
	}
	ip := frame[14:34]
	ip[8], ip[10], ip[11] = n, 0, 0
	binary.BigEndian.PutUint16(ip[10:], ^sum(0, ip))
	return frame
}

// pseudo is the sum of the pseudo header.
func pseudo(from, to netip.Addr, n int) uint16 {
	return sum(0, append(append(from.AsSlice(), to.AsSlice()...), 0, 17, byte(n>>8), byte(n)))
}

// sum is that of RFC 1071, not yet complemented.
func sum(start uint16, b []byte) uint16 {
	n := uint32(start)
	for i := 0; i+1 < len(b); i += 2 {
		n += uint32(b[i])<<8 | uint32(b[i+1])
	}
	if len(b)%2 == 1 {
		n += uint32(b[len(b)-1]) << 8
	}
	for n > 0xffff {
		n = n&0xffff + n>>16
	}
	return uint16(n)
}
