package directory

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lengths, in characters, of what people name.
const (
	maxName     = 255
	maxUsername = 64
	maxDomain   = 253
)

// forbidden characters never enter the database: they could break a header
// line, a log line or a page, or make one text look like another.
func forbidden(r rune) bool {
	switch {
	case unicode.IsControl(r), r == utf8.RuneError, r == '\u2028', r == '\u2029', r == '\ufeff':
		return true
	case unicode.Is(unicode.Bidi_Control, r):
		return true
	}
	return unicode.Is(unicode.Noncharacter_Code_Point, r)
}

// text checks a name or description of min to max characters.
func text(kind Kind, field, v string, minimum, maximum int) error {
	n := utf8.RuneCountInString(v)
	switch {
	case !utf8.ValidString(v):
		return invalid(kind, field, "not UTF-8")
	case n < minimum:
		return invalid(kind, field, "missing")
	case n > maximum:
		return invalid(kind, field, fmt.Sprintf("longer than %d characters", maximum))
	case strings.IndexFunc(v, forbidden) >= 0:
		return invalid(kind, field, "holds a control or direction character")
	case strings.TrimSpace(v) != v:
		return invalid(kind, field, "begins or ends with white space")
	}
	return nil
}

// clean makes any text fit for a column by dropping what text would refuse.
func clean(v string, maxBytes int) string {
	v = strings.TrimSpace(strings.Map(func(r rune) rune {
		if forbidden(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(v, "")))
	for len(v) > maxBytes {
		_, size := utf8.DecodeLastRuneInString(v)
		v = v[:len(v)-size]
	}
	return v
}

// charset checks that v has 1 to maximum octets, all of them letters, digits
// or of others.
func charset(kind Kind, field, v, others string, maximum int) error {
	switch {
	case v == "":
		return invalid(kind, field, "missing")
	case len(v) > maximum:
		return invalid(kind, field, fmt.Sprintf("longer than %d characters", maximum))
	}
	for i := range len(v) {
		if c := v[i]; !alphanumeric(c) && strings.IndexByte(others, c) < 0 {
			return invalid(kind, field, "may hold letters, digits and "+others)
		}
	}
	return nil
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// username takes what may stand unescaped in the user part of a SIP URI (RFC
// 3261 section 25.1, user), so that it is spelled in one way only.
func username(v string) error {
	return charset(KindSubscriber, "username", v, "-_.!~*'()&=+$,;?/", maxUsername)
}

// domainName takes a host name in lower case or an address, as it stands in
// the host part of a SIP URI; names beyond ASCII in their xn-- form.
func domainName(v string) error {
	const field = "name"
	if len(v) > maxDomain {
		return invalid(KindDomain, field, fmt.Sprintf("longer than %d characters", maxDomain))
	}
	if host, ok := strings.CutPrefix(v, "["); ok {
		host, ok = strings.CutSuffix(host, "]")
		if a, err := netip.ParseAddr(host); !ok || err != nil || !a.Is6() || a.Zone() != "" || a.String() != host {
			return invalid(KindDomain, field, "not an IPv6 address in its shortest form")
		}
		return nil
	}
	for label := range strings.SplitSeq(v, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return invalid(KindDomain, field, "not a host name")
		}
		for i := range len(label) {
			if c := label[i]; c != '-' && c != '_' && (!alphanumeric(c) || c >= 'A' && c <= 'Z') {
				return invalid(KindDomain, field, "a host name has lower-case letters, digits and hyphens")
			}
		}
	}
	return nil
}

// CanonicalNumber gives a telephone number as it is stored: the digits of
// E.164, country code first, without "+" and visual separators (RFC 3966).
func CanonicalNumber(v string) (string, error) {
	digits := make([]byte, 0, 15)
	for i := range len(v) {
		switch c := v[i]; {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case c == '+' && i == 0:
		case strings.IndexByte("-.() ", c) >= 0 && i > 0:
		default:
			return "", invalid(KindNumber, "number", "not a telephone number")
		}
	}
	if len(digits) < 3 || len(digits) > 15 || digits[0] == '0' {
		return "", invalid(KindNumber, "number", "not an E.164 number: country code first, 3 to 15 digits")
	}
	return string(digits), nil
}

// Status says whether a row may be used.
type Status string

// Statuses. A locked subscriber, or one of a locked customer, is told so when
// it calls; a locked admin can not log in.
const (
	Active Status = "active"
	Locked Status = "locked"
)

func status(kind Kind, v Status) error {
	if v != Active && v != Locked {
		return invalid(kind, "status", `not "active" or "locked"`)
	}
	return nil
}

// either gives v, or def for the zero value.
func either[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
