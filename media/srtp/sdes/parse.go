package sdes

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/class5-go/class5/media/srtp"
)

const maxLifetime = 1 << 48

// Parse reads the value of a crypto attribute: what follows "a=crypto:".
// Errors wrap [ErrSyntax] or [ErrUnsupported] and never contain a key.
func Parse(value string) (Attribute, error) {
	if len(value) > MaxLine {
		return Attribute{}, fmt.Errorf("%w: %d octets", ErrSyntax, len(value))
	}
	fields := strings.Fields(value)
	if len(fields) < 3 {
		return Attribute{}, fmt.Errorf("%w: %d fields", ErrSyntax, len(fields))
	}
	tag, err := decimal(fields[0], MaxTag)
	if err != nil {
		return Attribute{}, fmt.Errorf("%w: tag", ErrSyntax)
	}
	suite, ok := srtp.SuiteByName(fields[1])
	if !ok {
		return Attribute{}, fmt.Errorf("%w: suite", ErrUnsupported)
	}
	a := Attribute{Tag: int(tag), Suite: suite}
	if a.Keys, err = parseKeys(fields[2], suite); err != nil {
		return Attribute{}, err
	}
	for _, p := range fields[3:] {
		if err := a.parameter(p); err != nil {
			return Attribute{}, err
		}
	}
	if suite.AEAD() && (a.Session.UnencryptedRTP || a.Session.UnauthenticatedRTP) {
		return Attribute{}, fmt.Errorf("%w: session parameters of an AEAD suite", ErrUnsupported)
	}
	return a, nil
}

// ParseAll reads the crypto attributes of a media section in order. One that
// cannot be used, or repeats a tag, is left out and its error is returned.
func ParseAll(values []string) (attributes []Attribute, refused []error) {
	for i, v := range values {
		if i == MaxAttributes {
			return attributes, append(refused, fmt.Errorf("%w: more than %d", ErrSyntax, MaxAttributes))
		}
		a, err := Parse(v)
		for _, b := range attributes {
			if err == nil && b.Tag == a.Tag {
				err = fmt.Errorf("%w: tag %d twice", ErrSyntax, a.Tag)
			}
		}
		if err != nil {
			refused = append(refused, err)
			continue
		}
		attributes = append(attributes, a)
	}
	return attributes, refused
}

func decimal(s string, most uint64) (uint64, error) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, ErrSyntax
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > most {
		return 0, ErrSyntax
	}
	return n, nil
}

func parseKeys(field string, suite srtp.Suite) ([]Key, error) {
	var keys []Key
	for param := range strings.SplitSeq(field, ";") {
		method, info, ok := strings.Cut(param, ":")
		switch {
		case !ok:
			return nil, fmt.Errorf("%w: key parameter", ErrSyntax)
		case !strings.EqualFold(method, "inline"):
			return nil, fmt.Errorf("%w: key method", ErrUnsupported)
		case len(keys) == srtp.MaxKeys:
			return nil, fmt.Errorf("%w: more than %d keys", ErrSyntax, srtp.MaxKeys)
		}
		k, err := parseKey(info, suite)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 1 {
		return keys, nil
	}
	// Several keys can only be told apart by identifiers of one length.
	seen := make(map[string]bool, len(keys))
	for _, k := range keys {
		if len(k.MKI) == 0 || len(k.MKI) != len(keys[0].MKI) || seen[string(k.MKI)] {
			return nil, fmt.Errorf("%w: several keys and no MKI each", ErrSyntax)
		}
		seen[string(k.MKI)] = true
	}
	return keys, nil
}

// parseKey reads key||salt ["|" lifetime] ["|" MKI ":" length].
func parseKey(info string, suite srtp.Suite) (Key, error) {
	material, rest, more := strings.Cut(info, "|")
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(material, "="))
	if err != nil {
		return Key{}, fmt.Errorf("%w: base64", ErrSyntax)
	}
	if len(raw) != suite.KeyLen()+suite.SaltLen() {
		return Key{}, fmt.Errorf("%w: %d octets of key and salt for %v", ErrSyntax, len(raw), suite)
	}
	k := Key{Key: raw[:suite.KeyLen():suite.KeyLen()], Salt: raw[suite.KeyLen():]}
	for n := 0; more; n++ {
		var part string
		part, rest, more = strings.Cut(rest, "|")
		switch {
		case n == 0 && !strings.Contains(part, ":"):
			k.Lifetime, err = parseLifetime(part)
		case n < 2 && k.MKI == nil:
			k.MKI, err = parseMKI(part)
		default:
			err = fmt.Errorf("%w: key parameter", ErrSyntax)
		}
		if err != nil {
			return Key{}, err
		}
	}
	return k, nil
}

func parseLifetime(s string) (uint64, error) {
	var n uint64
	var err error
	if power, ok := strings.CutPrefix(s, "2^"); ok {
		if n, err = decimal(power, 48); err == nil {
			n = 1 << n
		}
	} else {
		n, err = decimal(s, maxLifetime)
	}
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%w: lifetime", ErrSyntax)
	}
	return n, nil
}

// parseMKI reads a decimal number and the number of octets it is written in.
func parseMKI(s string) ([]byte, error) {
	value, length, ok := strings.Cut(s, ":")
	n, err := decimal(length, srtp.MaxMKI)
	// 2.41 decimal digits to an octet.
	if !ok || err != nil || n == 0 || len(value) == 0 || len(value) > 3*int(n) {
		return nil, fmt.Errorf("%w: MKI", ErrSyntax)
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return nil, fmt.Errorf("%w: MKI", ErrSyntax)
		}
	}
	v, ok := new(big.Int).SetString(value, 10)
	if !ok || v.BitLen() > 8*int(n) {
		return nil, fmt.Errorf("%w: MKI", ErrSyntax)
	}
	return v.FillBytes(make([]byte, n)), nil
}

// parameter reads a session parameter. One that begins with "-" may be ignored
// if it is not known; any other must be understood (RFC 4568 section 6.3.7).
func (a *Attribute) parameter(p string) error {
	name, optional := strings.CutPrefix(p, "-")
	key, value, _ := strings.Cut(name, "=")
	switch strings.ToUpper(key) {
	case "UNENCRYPTED_SRTP":
		a.Session.UnencryptedRTP = true
	case "UNENCRYPTED_SRTCP":
		a.Session.UnencryptedRTCP = true
	case "UNAUTHENTICATED_SRTP":
		a.Session.UnauthenticatedRTP = true
	case "WSH":
		n, err := decimal(value, 1<<16)
		if err != nil || n < 64 {
			return fmt.Errorf("%w: window", ErrSyntax)
		}
		a.Window = int(n)
	case "KDR":
		// 2^0 would be a derivation for each packet; only no rate is supported.
		if !optional {
			return fmt.Errorf("%w: key derivation rate", ErrUnsupported)
		}
	default:
		if !optional {
			return fmt.Errorf("%w: session parameter", ErrUnsupported)
		}
	}
	return nil
}
