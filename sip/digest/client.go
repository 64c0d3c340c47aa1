package digest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"
)

// What a client may find in the challenges of a response.
var (
	// ErrNoChallenge: no challenge that this client could answer.
	ErrNoChallenge = errors.New("digest: no challenge with a known algorithm")
	// ErrRejected: the answer to a fresh challenge was refused, so user name
	// or password are wrong. Trying again is useless (RFC 3261 §22.1).
	ErrRejected = errors.New("digest: credentials rejected")
)

// Client answers the challenges of one server: it holds the challenge last
// taken and counts the uses of its nonce. It is not safe for concurrent use.
// The zero value with User and Password or HA1 set is ready.
type Client struct {
	User     string
	Password string
	// HA1 gives the hexadecimal HA1 in place of a password, "" if there is
	// none for the algorithm: then weaker challenges are tried.
	HA1 func(realm string, a Algorithm) string
	// Integrity prefers auth-int where it is offered.
	Integrity bool
	// CNonce makes client nonces; default 16 random hexadecimal digits.
	CNonce func() string

	realm   string // as sent, backslashes kept
	nonce   string
	opaque  string
	ha1     string
	opaqued bool
	alg     Algorithm
	qop     QOP
	count   uint32
	tmp     []byte
}

// Accept takes the strongest challenge among header values. It fails with
// ErrNoChallenge, or with ErrRejected when the nonce just answered for the
// first time is challenged again in the same realm without stale=true.
func (c *Client) Accept(values ...[]byte) error {
	var best Challenge
	var bestHA1 string
	for _, v := range values {
		var ch Challenge
		if ch.Parse(v) != nil || ch.Algorithm <= best.Algorithm {
			continue
		}
		if ha1 := c.secret(string(unescape(ch.Realm)), ch.Algorithm); ha1 != "" {
			best, bestHA1 = ch, ha1
		}
	}
	if best.Algorithm == 0 {
		return ErrNoChallenge
	}
	if c.count == 1 && c.realm == string(best.Realm) && c.alg == best.Algorithm && !best.Stale {
		return ErrRejected
	}
	c.realm, c.nonce, c.ha1, c.alg = string(best.Realm), string(best.Nonce), bestHA1, best.Algorithm
	c.opaque, c.opaqued = string(best.Opaque), best.Opaque != nil
	c.count = 0
	switch {
	case best.Integrity && (c.Integrity || !best.Auth):
		c.qop = QOPInt
	case best.Auth:
		c.qop = QOPAuth
	default:
		c.qop = QOPNone
	}
	return nil
}

func (c *Client) secret(realm string, a Algorithm) string {
	if c.HA1 != nil {
		return c.HA1(realm, a)
	}
	return HA1(a, c.User, realm, c.Password)
}

// Ready reports whether a challenge is held, so that a request can carry
// credentials without being challenged first.
func (c *Client) Ready() bool { return c.nonce != "" }

// Forget drops the challenge held.
func (c *Client) Forget() { c.nonce, c.count = "", 0 }

// AppendAuthorization appends the header value for a request to dst, using up
// one nonce count. Without a challenge it appends nothing.
func (c *Client) AppendAuthorization(dst []byte, method string, uri, body []byte) []byte {
	if c.nonce == "" {
		return dst
	}
	c.count++
	in := input{
		algorithm: c.alg, qop: c.qop, method: []byte(method), uri: uri, body: body,
		nonce: []byte(c.nonce),
	}
	dst = append(dst, "Digest username="...)
	dst = appendQuoted(dst, c.User)
	dst = append(append(append(dst, `, realm="`...), c.realm...), '"')
	dst = append(append(append(dst, `, nonce="`...), c.nonce...), '"')
	dst = append(append(append(dst, `, uri="`...), uri...), '"')
	dst = append(append(dst, ", algorithm="...), c.alg.String()...)
	if c.qop != QOPNone {
		in.nc, in.cnonce = appendCount(nil, c.count), []byte(c.clientNonce())
		dst = append(append(append(dst, `, cnonce="`...), in.cnonce...), '"')
		dst = append(append(dst, ", nc="...), in.nc...)
		dst = append(append(dst, ", qop="...), c.qop.String()...)
	}
	if c.opaqued {
		dst = append(append(append(dst, `, opaque="`...), c.opaque...), '"')
	}
	var response []byte
	response, c.tmp = in.appendResponse(nil, c.tmp, []byte(c.ha1))
	return append(append(append(dst, `, response="`...), response...), '"')
}

func (c *Client) clientNonce() string {
	if c.CNonce != nil {
		return c.CNonce()
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// appendCount appends n as eight hexadecimal digits.
func appendCount(dst []byte, n uint32) []byte {
	digits := strconv.FormatUint(uint64(n), 16)
	dst = append(dst, "00000000"[len(digits):]...)
	return append(dst, digits...)
}
