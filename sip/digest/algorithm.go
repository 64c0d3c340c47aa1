package digest

import (
	"crypto/md5" //nolint:gosec // RFC 3261 phones know nothing else
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
)

// Algorithm is a digest algorithm of RFC 7616 §6.1. The session variants
// ("-sess") are not offered and not accepted.
type Algorithm uint8

// The algorithms, weakest first.
const (
	MD5       Algorithm = iota + 1 // RFC 3261 phones
	SHA256                         // RFC 8760
	SHA512256                      // RFC 8760, SHA-512/256 of FIPS 180-4
)

// String is the token used in headers: "MD5", "SHA-256", "SHA-512-256".
func (a Algorithm) String() string {
	switch a {
	case MD5:
		return "MD5"
	case SHA256:
		return "SHA-256"
	case SHA512256:
		return "SHA-512-256"
	}
	return "unknown"
}

// Size is the length of the raw digest in octets; its hexadecimal form has
// twice as many. It is 0 for an unknown algorithm.
func (a Algorithm) Size() int {
	switch a {
	case MD5:
		return md5.Size
	case SHA256, SHA512256:
		return sha256.Size
	}
	return 0
}

// ParseAlgorithm reads the token of an algorithm parameter in any case.
func ParseAlgorithm(token []byte) (Algorithm, bool) {
	for a := MD5; a <= SHA512256; a++ {
		if equalFold(token, a.String()) {
			return a, true
		}
	}
	return 0, false
}

// appendSum appends the digest of data in lower-case hexadecimal digits.
func (a Algorithm) appendSum(dst, data []byte) []byte {
	switch a {
	case MD5:
		sum := md5.Sum(data) //nolint:gosec // see the import
		return hex.AppendEncode(dst, sum[:])
	case SHA256:
		sum := sha256.Sum256(data)
		return hex.AppendEncode(dst, sum[:])
	case SHA512256:
		sum := sha512.Sum512_256(data)
		return hex.AppendEncode(dst, sum[:])
	}
	return dst
}

// HA1 is the digest of user:realm:password in hexadecimal digits: what a
// directory stores in place of a password, once for each algorithm. Whoever
// has it can authenticate in that realm, so it is a secret like a password.
func HA1(a Algorithm, user, realm, password string) string {
	data := make([]byte, 0, len(user)+len(realm)+len(password)+2)
	data = append(append(data, user...), ':')
	data = append(append(data, realm...), ':')
	data = append(data, password...)
	return string(a.appendSum(nil, data))
}

// QOP is a quality of protection (RFC 7616 §3.4).
type QOP uint8

// The qualities of protection.
const (
	QOPNone QOP = iota // no qop parameter: RFC 2069 digest, no nonce count
	QOPAuth            // "auth": method and URI
	QOPInt             // "auth-int": the body as well
)

// String is the token used in headers, "" for QOPNone.
func (q QOP) String() string {
	switch q {
	case QOPAuth:
		return "auth"
	case QOPInt:
		return "auth-int"
	}
	return ""
}

func parseQOP(token []byte) (QOP, bool) {
	switch {
	case equalFold(token, "auth"):
		return QOPAuth, true
	case equalFold(token, "auth-int"):
		return QOPInt, true
	}
	return QOPNone, false
}

// input is what goes into a response value beside HA1.
type input struct {
	algorithm  Algorithm
	qop        QOP
	method     []byte
	uri, body  []byte
	nonce      []byte
	nc, cnonce []byte
}

// appendResponse appends the response value of RFC 7616 §3.4.1 in hexadecimal
// digits to dst. ha1 is in lower-case hexadecimal digits; tmp is room to work
// in, returned for reuse. dst and tmp must not overlap.
func (in *input) appendResponse(dst, tmp, ha1 []byte) (response, scratch []byte) {
	tmp = append(append(append(tmp[:0], in.method...), ':'), in.uri...)
	if in.qop == QOPInt {
		tmp = append(tmp, ':')
		tmp = in.algorithm.appendSum(tmp, in.body)
	}
	var room [64]byte
	ha2 := in.algorithm.appendSum(room[:0], tmp)
	tmp = append(append(tmp[:0], ha1...), ':')
	tmp = append(append(tmp, in.nonce...), ':')
	if in.qop != QOPNone {
		tmp = append(append(tmp, in.nc...), ':')
		tmp = append(append(tmp, in.cnonce...), ':')
		tmp = append(append(tmp, in.qop.String()...), ':')
	}
	tmp = append(tmp, ha2...)
	return in.algorithm.appendSum(dst, tmp), tmp
}

func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if lower(b[i]) != lower(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
