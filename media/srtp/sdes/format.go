package sdes

import (
	"encoding/base64"
	"math/big"
	"math/bits"
	"strconv"
)

// Format writes the value of the crypto attribute. The base64 padding is left
// out unless pad is set: RFC 4568 section 6.1 can be read both ways, and Parse
// takes both.
func (a Attribute) Format(pad bool) string {
	b := make([]byte, 0, 160)
	b = strconv.AppendInt(b, int64(a.Tag), 10)
	b = append(b, ' ')
	b = append(b, a.Suite.String()...)
	b = append(b, ' ')
	for i, k := range a.Keys {
		if i > 0 {
			b = append(b, ';')
		}
		b = k.append(b, pad)
	}
	if a.Session.UnencryptedRTP {
		b = append(b, " UNENCRYPTED_SRTP"...)
	}
	if a.Session.UnencryptedRTCP {
		b = append(b, " UNENCRYPTED_SRTCP"...)
	}
	if a.Session.UnauthenticatedRTP {
		b = append(b, " UNAUTHENTICATED_SRTP"...)
	}
	if a.Window > 0 {
		b = append(b, " WSH="...)
		b = strconv.AppendInt(b, int64(a.Window), 10)
	}
	return string(b)
}

func (k Key) append(b []byte, pad bool) []byte {
	enc := base64.RawStdEncoding
	if pad {
		enc = base64.StdEncoding
	}
	b = append(b, "inline:"...)
	b = enc.AppendEncode(b, append(append(make([]byte, 0, 46), k.Key...), k.Salt...))
	if k.Lifetime > 0 {
		b = append(b, '|')
		if bits.OnesCount64(k.Lifetime) == 1 {
			b = append(b, "2^"...)
			b = strconv.AppendInt(b, int64(bits.TrailingZeros64(k.Lifetime)), 10)
		} else {
			b = strconv.AppendUint(b, k.Lifetime, 10)
		}
	}
	if len(k.MKI) > 0 {
		b = append(b, '|')
		b = new(big.Int).SetBytes(k.MKI).Append(b, 10)
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(len(k.MKI)), 10)
	}
	return b
}

// String is the attribute without its keys, for logs.
func (a Attribute) String() string {
	return strconv.Itoa(a.Tag) + " " + a.Suite.String()
}
