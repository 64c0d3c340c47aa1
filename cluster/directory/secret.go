package directory

import (
	"fmt"
	"io"
	"log/slog"
	"unicode/utf8"
)

// Secret is a password or token that must not reach a log by accident: it
// prints as "[secret]". Reveal gives the text.
type Secret string

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// MarshalText hides the secret from JSON: who sends one has to reveal it.
func (s Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// String hides the secret.
func (s Secret) String() string { return "[secret]" }

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return "[secret]" }

// Format hides the secret from every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// Passwords to be typed: no letter or digit that looks like another one, and
// one case, because a phone's keypad changes case with effort. 16 of 31
// characters are 79 bits, which an MD5 digest on the wire needs (RFC 8760
// can not be had from every phone).
const (
	glyphs      = "abcdefghjkmnpqrstuvwxyz23456789"
	glyphGroups = 4
	groupLength = 4
)

// newPassword makes a password such as "kq7m-x3vd-9fhp-w2tz".
func newPassword(random io.Reader) (Secret, error) {
	out := make([]byte, 0, glyphGroups*(groupLength+1))
	var b [1]byte
	for n := 0; n < glyphGroups*groupLength; {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", fmt.Errorf("directory: random source: %w", err)
		}
		// Above the last multiple of the alphabet's length some characters
		// would come up more often: throw again.
		if int(b[0]) >= 256/len(glyphs)*len(glyphs) {
			continue
		}
		if n > 0 && n%groupLength == 0 {
			out = append(out, '-')
		}
		out = append(out, glyphs[int(b[0])%len(glyphs)])
		n++
	}
	return Secret(out), nil
}

// password checks one chosen by a person.
func password(kind Kind, s Secret, minimum int) error {
	const field = "password"
	if n := utf8.RuneCountInString(string(s)); n < minimum {
		return invalid(kind, field, fmt.Sprintf("shorter than %d characters", minimum))
	}
	return text(kind, field, string(s), minimum, 128)
}
