package srtp

import (
	"encoding/binary"
	"fmt"
)

// Params is what an [Engine] is made of. Suite, Key and Salt have been
// checked against each other.
type Params struct {
	Suite Suite
	Key   []byte // master key
	Salt  []byte // master salt
	Session
}

// TagLen is what the engine adds to an RTP packet in octets.
func (p Params) TagLen() int {
	if p.UnauthenticatedRTP {
		return 0
	}
	return p.Suite.TagLen()
}

// Engine transforms single packets under one master key. It has no state
// between packets: the [Context] above it estimates indices, keeps the replay
// windows, bounds the SSRCs and handles the MKI. It need not be safe for
// concurrent use, must not keep the slices, and must not create state for a
// packet that fails authentication.
type Engine interface {
	// SealRTP encrypts the RTP packet buf[:n] in place and appends the tag; buf
	// has room for it. header is the length of the RTP header with CSRC list and
	// extension, index the 48-bit packet index. It returns the new length.
	SealRTP(buf []byte, header, n int, index uint64) (int, error)
	// OpenRTP is the reverse. It returns [ErrAuth] if the tag is wrong; the
	// packet may then be destroyed.
	OpenRTP(pkt []byte, header int, index uint64) (int, error)
	// SealRTCP encrypts the RTCP packet buf[:n] in place and appends the word
	// with the 31-bit index and the tag, in the suite's order.
	SealRTCP(buf []byte, n int, index uint32) (int, error)
	// OpenRTCP is the reverse; the index is read from the packet.
	OpenRTCP(pkt []byte) (int, error)
}

// NewEngine makes an engine. It returns an error that wraps [ErrSuite] for
// parameters that it does not support.
type NewEngine func(Params) (Engine, error)

const (
	rtcpHeader = 8 // octets of an RTCP packet that stay in the clear
	indexWord  = 4
	encrypted  = 1 << 31 // the E flag of the index word
)

// Native is this package's own engine: all suites, in place, no allocation.
func Native(p Params) (Engine, error) {
	switch p.Suite.info().kind {
	case kindGCM:
		return newGCM(p)
	case kindCM, kindF8, kindNull:
		if p.Suite.Valid() {
			return newHMACEngine(p)
		}
	}
	return nil, fmt.Errorf("%w: %v", ErrSuite, p.Suite)
}

// wordRTCP reads the index word of an SRTCP packet without MKI: the last four
// octets with an AEAD, those before the tag otherwise.
func wordRTCP(suite Suite, pkt []byte) uint32 {
	end := len(pkt)
	if !suite.AEAD() {
		end -= suite.TagLenRTCP()
	}
	return binary.BigEndian.Uint32(pkt[end-indexWord:])
}
