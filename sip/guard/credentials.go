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
	i := skip(v, 0, plainParam)
	if i == 0 || i == len(v) || !space(v[i]) {
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
	for i < len(v) && plain[v[i]]&plainParam != 0 {
		i++
	}
	name = v[lo:i]
	if i < len(v) && v[i] != '=' {
		i = skipSpace(v, i)
	}
	if len(name) == 0 || i == len(v) || v[i] != '=' {
		return nil, nil, len(v)
	}
	if i = skipSpace(v, i+1); i < len(v) && v[i] == '"' {
		end := afterQuote(v, i)
		if end < i+2 || v[end-1] != '"' {
			return nil, nil, len(v)
		}
		value, i = v[i+1:end-1], end
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
	bit := known(name)
	if bit == 0 && len(name) <= longestName {
		// Nearly everybody writes names in lower case.
		var room [longestName]byte
		for i, ch := range name {
			room[i] = lower(ch)
		}
		bit = known(room[:len(name)])
	}
	switch bit {
	case haveUsername:
		c.username = value
	case haveRealm:
		c.realm = value
	}
	if c.have&bit != 0 {
		return false
	}
	c.have |= bit
	return true
}

const longestName = len("username")

// known is the bit of a parameter that counts, by its name in lower case.
func known(name []byte) uint8 {
	switch string(name) {
	case "username":
		return haveUsername
	case "realm":
		return haveRealm
	case "nonce":
		return haveNonce
	case "uri":
		return haveURI
	case "response":
		return haveResponse
	}
	return 0
}
