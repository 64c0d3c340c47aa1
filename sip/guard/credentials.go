package guard

import "github.com/class5-go/class5/sip/wire"

// credentials are what of an Authorization header the guard looks at. Values
// are without quotes, escapes still in them.
type credentials struct {
	digest          bool
	username, realm []byte
	have            uint8
}

const (
	haveUsername = 1 << iota
	haveRealm
	haveNonce
	haveURI
	haveResponse

	haveAll = 1<<iota - 1
)

// complete reports whether the parameters are there without which digest
// credentials say nothing (RFC 3261 section 25.1, RFC 7616 section 3.4).
func (c *credentials) complete() bool { return c.have == haveAll && len(c.username) > 0 }

// readCredentials reads scheme and parameters; ok is false when they are not of
// the grammar or one that counts occurs twice.
func readCredentials(v []byte) (c credentials, ok bool) {
	i := 0
	for i < len(v) && !space(v[i]) {
		i++
	}
	if i == 0 || i == len(v) {
		return c, false
	}
	c.digest = wire.EqualFold(v[:i], "Digest")
	if !c.digest {
		return c, true
	}
	for i < len(v) {
		var name, value []byte
		if name, value, i = readParam(v, i); name == nil || !c.keep(name, value) {
			return c, false
		}
	}
	return c, true
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func skipSpace(v []byte, i int) int {
	for i < len(v) && space(v[i]) {
		i++
	}
	return i
}

// readParam reads name = value and the comma behind it; name is nil when that
// is not what stands there.
func readParam(v []byte, i int) (name, value []byte, next int) {
	i = skipSpace(v, i)
	lo := i
	for i < len(v) && v[i] != '=' && v[i] != ',' && v[i] != '"' && !space(v[i]) {
		i++
	}
	name = v[lo:i]
	i = skipSpace(v, i)
	if len(name) == 0 || i == len(v) || v[i] != '=' {
		return nil, nil, len(v)
	}
	if i = skipSpace(v, i+1); i < len(v) && v[i] == '"' {
		lo = i + 1
		for i++; i < len(v) && v[i] != '"'; i++ {
			if v[i] == '\\' {
				i++
			}
		}
		if i >= len(v) {
			return nil, nil, len(v)
		}
		value = v[lo:i]
		i++
	} else {
		lo = i
		for i < len(v) && v[i] != ',' && v[i] != '"' && !space(v[i]) {
			i++
		}
		if value = v[lo:i]; len(value) == 0 {
			return nil, nil, len(v)
		}
	}
	if i = skipSpace(v, i); i < len(v) {
		if v[i] != ',' {
			return nil, nil, len(v)
		}
		i++
	}
	return name, value, i
}

// keep notes a parameter; false means that it was there already.
func (c *credentials) keep(name, value []byte) bool {
	var bit uint8
	switch {
	case wire.EqualFold(name, "username"):
		bit, c.username = haveUsername, value
	case wire.EqualFold(name, "realm"):
		bit, c.realm = haveRealm, value
	case wire.EqualFold(name, "nonce"):
		bit = haveNonce
	case wire.EqualFold(name, "uri"):
		bit = haveURI
	case wire.EqualFold(name, "response"):
		bit = haveResponse
	}
	if c.have&bit != 0 {
		return false
	}
	c.have |= bit
	return true
}
