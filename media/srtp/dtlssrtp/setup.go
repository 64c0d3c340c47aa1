package dtlssrtp

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
)

// ErrSetup is for a setup attribute from which no role follows.
var ErrSetup = errors.New("dtlssrtp: bad setup attribute")

// Role says who begins the handshake.
type Role uint8

// The active side is the DTLS client, the passive side the server.
const (
	Active Role = iota + 1
	Passive
)

// String is the role as a setup attribute in an answer.
func (r Role) String() string {
	switch r {
	case Active:
		return "active"
	case Passive:
		return "passive"
	}
	return "none"
}

// ActPass is the setup attribute of an offer (RFC 5763 section 5).
const ActPass = "actpass"

// AnswerSetup gives our role for an offer's setup attribute: prefer if the
// offer leaves the choice. An offer without the attribute is active (RFC 4145
// section 4). The answer's attribute is the role's String.
func AnswerSetup(offered string, prefer Role) (Role, error) {
	switch strings.ToLower(offered) {
	case ActPass:
		return prefer, nil
	case "active", "":
		return Passive, nil
	case "passive":
		return Active, nil
	}
	return 0, fmt.Errorf("%w: %q offered", ErrSetup, offered)
}

// AnsweredSetup gives our role after we offered actpass. An answer without the
// attribute is passive.
func AnsweredSetup(answered string) (Role, error) {
	switch strings.ToLower(answered) {
	case "active":
		return Passive, nil
	case "passive", "":
		return Active, nil
	}
	return 0, fmt.Errorf("%w: %q answered", ErrSetup, answered)
}

// Lengths of a tls-id (RFC 8842 section 4).
const (
	minTLSID = 20
	maxTLSID = 255
)

// NewTLSID makes a value for a=tls-id with more than 120 bits of chance. A new
// one announces a new association (RFC 8842).
func NewTLSID() string { return rand.Text() }

// ValidTLSID tells whether a value of a=tls-id is well-formed.
func ValidTLSID(id string) bool {
	if len(id) < minTLSID || len(id) > maxTLSID {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z',
			c == '+', c == '/', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
