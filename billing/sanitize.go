package billing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"unicode/utf8"
)

// Sanitize makes the texts of an event fit for any store: bytes that are
// control characters or no UTF-8 become %XX, a text that is too long is cut
// and ends in a hash of the whole, and media figures that are no JSON are
// dropped. A caller who puts such bytes into a header gets a record like
// anybody else, not a free call. Doing it twice is doing it once.
func (e *Event) Sanitize() {
	for _, f := range e.texts() {
		if !cleanText(*f) {
			*f = washText(*f)
		}
	}
	e.Source = e.Source.WithZone("")
	if len(e.Media) > maxMedia || !json.Valid(e.Media) {
		e.Media = nil
	}
}

func cleanText(s string) bool {
	if len(s) > maxText || !utf8.ValidString(s) {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func washText(s string) string {
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, len(s)+16)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || r < ' ' || r == 0x7f {
			out = append(out, '%', digits[s[i]>>4], digits[s[i]&15])
			i++
			continue
		}
		out = append(out, s[i:i+n]...)
		i += n
	}
	if len(out) <= maxText {
		return string(out)
	}
	sum := sha256.Sum256([]byte(s))
	cut := maxText - 1 - hex.EncodedLen(16)
	for !utf8.RuneStart(out[cut]) {
		cut--
	}
	return string(out[:cut]) + "~" + hex.EncodeToString(sum[:16])
}
