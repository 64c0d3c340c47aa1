package srtp

import "strings"

// Suite is a crypto suite: cipher, key length and length of the
// authentication tag.
type Suite uint8

// The suites that SDES can name (RFC 4568, RFC 6188, RFC 7714), and the NULL
// ciphers, in the order of preference that rtpengine offers them in.
const (
	GCM256       Suite = iota + 1 // AEAD_AES_256_GCM
	GCM128                        // AEAD_AES_128_GCM
	AES256SHA180                  // AES_256_CM_HMAC_SHA1_80
	AES256SHA132                  // AES_256_CM_HMAC_SHA1_32
	AES192SHA180                  // AES_192_CM_HMAC_SHA1_80
	AES192SHA132                  // AES_192_CM_HMAC_SHA1_32
	AES128SHA180                  // AES_CM_128_HMAC_SHA1_80
	AES128SHA132                  // AES_CM_128_HMAC_SHA1_32
	F8SHA180                      // F8_128_HMAC_SHA1_80
	F8SHA132                      // F8_128_HMAC_SHA1_32
	NullSHA180                    // NULL_HMAC_SHA1_80
	NullSHA132                    // NULL_HMAC_SHA1_32
)

type cipherKind uint8

const (
	kindGCM cipherKind = iota
	kindCM
	kindF8
	kindNull
)

type suiteInfo struct {
	name    string
	kind    cipherKind
	key     int // octets of the master key
	salt    int // octets of the master salt
	tag     int // octets that authenticate an RTP packet
	tagRTCP int
}

// info is a function over a switch and not a table, so that nothing can be
// changed at run time.
func (s Suite) info() suiteInfo {
	switch s {
	case GCM256:
		return suiteInfo{"AEAD_AES_256_GCM", kindGCM, 32, 12, 16, 16}
	case GCM128:
		return suiteInfo{"AEAD_AES_128_GCM", kindGCM, 16, 12, 16, 16}
	case AES256SHA180:
		return suiteInfo{"AES_256_CM_HMAC_SHA1_80", kindCM, 32, 14, 10, 10}
	case AES256SHA132:
		return suiteInfo{"AES_256_CM_HMAC_SHA1_32", kindCM, 32, 14, 4, 10}
	case AES192SHA180:
		return suiteInfo{"AES_192_CM_HMAC_SHA1_80", kindCM, 24, 14, 10, 10}
	case AES192SHA132:
		return suiteInfo{"AES_192_CM_HMAC_SHA1_32", kindCM, 24, 14, 4, 10}
	case AES128SHA180:
		return suiteInfo{"AES_CM_128_HMAC_SHA1_80", kindCM, 16, 14, 10, 10}
	case AES128SHA132:
		return suiteInfo{"AES_CM_128_HMAC_SHA1_32", kindCM, 16, 14, 4, 10}
	case F8SHA180:
		return suiteInfo{"F8_128_HMAC_SHA1_80", kindF8, 16, 14, 10, 10}
	case F8SHA132:
		return suiteInfo{"F8_128_HMAC_SHA1_32", kindF8, 16, 14, 4, 10}
	case NullSHA180:
		return suiteInfo{"NULL_HMAC_SHA1_80", kindNull, 16, 14, 10, 10}
	case NullSHA132:
		return suiteInfo{"NULL_HMAC_SHA1_32", kindNull, 16, 14, 4, 10}
	}
	return suiteInfo{name: "unknown"}
}

// Suites returns all suites in order of preference.
func Suites() []Suite {
	all := make([]Suite, 0, NullSHA132)
	for s := GCM256; s <= NullSHA132; s++ {
		all = append(all, s)
	}
	return all
}

// SuiteByName finds a suite by its SDES name, in any case.
func SuiteByName(name string) (Suite, bool) {
	for s := GCM256; s <= NullSHA132; s++ {
		if strings.EqualFold(s.info().name, name) {
			return s, true
		}
	}
	return 0, false
}

// SuiteByProfile finds the suite of a DTLS-SRTP protection profile (RFC 5764
// section 4.1.2, RFC 7714 section 14.2).
func SuiteByProfile(id uint16) (Suite, bool) {
	for s := GCM256; s <= NullSHA132; s++ {
		if p := s.Profile(); p != 0 && p == id {
			return s, true
		}
	}
	return 0, false
}

// Profile is the suite's DTLS-SRTP protection profile, 0 if it has none.
func (s Suite) Profile() uint16 {
	switch s {
	case AES128SHA180:
		return 0x0001
	case AES128SHA132:
		return 0x0002
	case NullSHA180:
		return 0x0005
	case NullSHA132:
		return 0x0006
	case GCM128:
		return 0x0007
	case GCM256:
		return 0x0008
	}
	return 0
}

// String is the suite's name in SDP.
func (s Suite) String() string { return s.info().name }

// Valid tells whether s is one of the suites of this package.
func (s Suite) Valid() bool { return s >= GCM256 && s <= NullSHA132 }

// AEAD tells whether encryption and authentication are one (RFC 7714).
func (s Suite) AEAD() bool { return s == GCM128 || s == GCM256 }

// KeyLen is the length of the master key in octets.
func (s Suite) KeyLen() int { return s.info().key }

// SaltLen is the length of the master salt in octets.
func (s Suite) SaltLen() int { return s.info().salt }

// TagLen is what the suite adds to an RTP packet in octets, without an MKI.
func (s Suite) TagLen() int { return s.info().tag }

// TagLenRTCP is the length of the tag of an RTCP packet in octets, without the
// index word and an MKI.
func (s Suite) TagLenRTCP() int { return s.info().tagRTCP }
