package guard

import (
	"bytes"

	"github.com/class5-go/class5/sip/wire"
)

// party is the address of From or To.
type party struct {
	user, host []byte
	ok         bool // the URI is of its grammar
}

// readParty reads the URI of a From or To that wire has found to be a
// name-addr.
func readParty(m *wire.Message, id wire.HeaderID) party {
	h, _ := m.First(id)
	u, err := wire.ParseURI(bareURI(h.Value))
	return party{u.User, u.Host, err == nil}
}

// bareURI cuts the URI out of a well-formed name-addr or addr-spec with
// parameters.
func bareURI(v []byte) []byte {
	at := 0
	if len(v) > 0 && v[0] == '"' {
		for at = 1; at < len(v) && v[at] != '"'; at++ {
			if v[at] == '\\' {
				at++
			}
		}
		at = min(at, len(v))
	}
	if lo := bytes.IndexByte(v[at:], '<'); lo >= 0 {
		v = v[at+lo+1:]
		if hi := bytes.IndexByte(v, '>'); hi >= 0 {
			return v[:hi]
		}
		return v
	}
	if end := bytes.IndexAny(v, ";, \t\r\n"); end >= 0 {
		v = v[:end]
	}
	return v
}

// insane finds the first row of the table, other than those that pass, that m
// breaks.
func (r *rules) insane(m *wire.Message, from, to *party) (Check, bool) {
	for c := range numChecks {
		if r.checks[c].Action != Pass && breaks(c, m, from, to) {
			return c, true
		}
	}
	return 0, false
}

func breaks(c Check, m *wire.Message, from, to *party) bool {
	switch c {
	case AuthHeader:
		return badAuth(m, wire.HdrAuthorization) || badAuth(m, wire.HdrProxyAuthorization)
	case FromHeader:
		return !from.ok
	case ToHeader:
		return !to.ok
	case ContactHeader:
		return badContact(m)
	case MissingContact:
		return lacksContact(m)
	case FromTag:
		return m.FromTag() == nil
	case Branch:
		return !bytes.HasPrefix(m.TopBranch(), []byte("z9hG4bK"))
	case URIScheme:
		return !knownScheme(m.RequestURI())
	case NoMaxForwards:
		_, ok := m.MaxForwards()
		return !ok
	case ManyHops:
		n, _ := m.MaxForwards()
		return n > 70
	case NoContentType:
		_, ok := m.First(wire.HdrContentType)
		return !ok && len(m.Body()) > 0
	}
	return false
}

func badAuth(m *wire.Message, id wire.HeaderID) bool {
	if _, ok := m.First(id); !ok {
		return false
	}
	for v := m.Values(id); v.Next(); {
		if c, ok := readCredentials(v.Value()); !ok || c.digest && !c.complete() {
			return true
		}
	}
	return false
}

func badContact(m *wire.Message) bool {
	for v := m.Values(wire.HdrContact); v.Next(); {
		if text := v.Value(); len(text) != 1 || text[0] != '*' {
			if _, err := wire.ParseURI(bareURI(text)); err != nil {
				return true
			}
		}
	}
	return false
}

func lacksContact(m *wire.Message) bool {
	switch m.Method() {
	case wire.INVITE, wire.SUBSCRIBE, wire.REFER:
		_, ok := m.First(wire.HdrContact)
		return !ok
	}
	return false
}

func knownScheme(uri []byte) bool {
	colon := bytes.IndexByte(uri, ':')
	if colon < 0 {
		return false
	}
	scheme := uri[:colon]
	return wire.EqualFold(scheme, "sip") || wire.EqualFold(scheme, "sips") || wire.EqualFold(scheme, "tel") ||
		wire.EqualFold(scheme, "urn")
}
