package registrar

import (
	"errors"

	"github.com/class5-go/class5/sip/wire"
)

// ErrAoR is the error of a URI that cannot be an address of record here: not
// sip or sips, malformed or too long.
var ErrAoR = errors.New("registrar: not an address of record")

// maxAoR bounds the canonical form in octets.
const maxAoR = 512

// AoR is the canonical form of an address of record (RFC 3261 §10.3 step 5):
// "sip:user@host" with the host in small letters, escapes in the user part
// only where they are needed, without port, parameters and headers. sips
// comes out as sip, since both name the same user (RFC 5630 §3.1).
func AoR(uri []byte) (string, error) {
	u, err := wire.ParseURI(uri)
	if err != nil || !u.IsSIP() || len(uri) > maxAoR {
		return "", ErrAoR
	}
	aor := make([]byte, 0, len(uri)+1)
	aor = append(aor, "sip:"...)
	if u.User != nil {
		aor = appendCanonicalUser(aor, u.User)
		aor = append(aor, '@')
	}
	for _, c := range u.Host {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		aor = append(aor, c)
	}
	return string(aor), nil
}

// appendCanonicalUser resolves needless escapes and writes the others in
// capitals, so that equal users have equal octets.
func appendCanonicalUser(dst, user []byte) []byte {
	var room [64]byte
	return wire.AppendEscapedUser(dst, wire.AppendUnescaped(room[:0], user))
}
