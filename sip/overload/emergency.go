package overload

import (
	"bytes"
	"fmt"

	"github.com/class5-go/class5/sip/wire"
)

// Limits of what an Emergency holds.
const (
	maxEmergencyNumbers = 1024
	maxNumber           = 32
)

// Emergency tells requests to emergency services: those to urn:service:sos and
// what is below it (RFC 5031), and those to numbers. It does not change and may
// be used by many goroutines. A nil Emergency knows no numbers.
type Emergency struct {
	numbers map[string]struct{}
}

// NewEmergency makes an Emergency with these numbers, as subscribers dial them:
// digits, "*", "#" and a leading "+", 32 at most; "-", ".", "(", ")" and spaces
// don't count.
func NewEmergency(numbers ...string) (*Emergency, error) {
	if len(numbers) > maxEmergencyNumbers {
		return nil, fmt.Errorf("overload: %d emergency numbers, at most %d", len(numbers), maxEmergencyNumbers)
	}
	e := &Emergency{numbers: make(map[string]struct{}, len(numbers))}
	for _, n := range numbers {
		var buf [maxNumber]byte
		plain, ok := plainNumber(buf[:0], []byte(n))
		if !ok {
			return nil, fmt.Errorf("overload: %q is no number that can be dialled", n)
		}
		e.numbers[string(plain)] = struct{}{}
	}
	return e, nil
}

// Matches reports whether uri, a Request-URI, is an emergency service or has
// one of the numbers: as user part of a SIP URI on whatever host, or in a tel
// URI in whatever context.
func (e *Emergency) Matches(uri []byte) bool {
	u, err := wire.ParseURI(uri)
	if err != nil {
		return false
	}
	if wire.EqualFold(u.Scheme, "urn") {
		const service = "service:sos"
		if len(u.Opaque) < len(service) || !wire.EqualFold(u.Opaque[:len(service)], service) {
			return false
		}
		return len(u.Opaque) == len(service) || u.Opaque[len(service)] == '.'
	}
	if e == nil || len(e.numbers) == 0 || !u.IsSIP() && !u.IsTel() {
		return false
	}
	user, _, _ := bytes.Cut(u.User, []byte(";"))
	// Every octet may be escaped, and visual separators stand between digits.
	var raw [4 * maxNumber]byte
	var buf [maxNumber]byte
	if len(user) > len(raw) {
		return false
	}
	plain, ok := plainNumber(buf[:0], wire.AppendUnescaped(raw[:0], user))
	if !ok {
		return false
	}
	_, ok = e.numbers[string(plain)]
	return ok
}

// plainNumber appends n without visual separators (RFC 3966 section 5.1.1);
// false when it is empty, does not fit or is no number.
func plainNumber(dst, n []byte) ([]byte, bool) {
	for _, c := range n {
		switch {
		case c == '-' || c == '.' || c == '(' || c == ')' || c == ' ':
			continue
		case c == '+' && len(dst) > 0:
			return dst, false
		case c != '+' && c != '*' && c != '#' && (c < '0' || c > '9'):
			return dst, false
		case len(dst) == cap(dst):
			return dst, false
		}
		dst = append(dst, c)
	}
	return dst, len(dst) > 0
}
