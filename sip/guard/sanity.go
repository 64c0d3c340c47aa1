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
	user, host, ok := readURI(bareURI(h.Value))
	return party{user, host, ok}
}

// insane finds the first row of the table, other than those that pass, that m
// breaks.
func (r *rules) insane(m *wire.Message, from, to *party) (Check, bool) {
	for _, c := range r.active {
		if breaks(c, m, from, to) {
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
		return len(m.Body()) > 0 && m.Count(wire.HdrContentType) == 0
	}
	return false
}

func badAuth(m *wire.Message, id wire.HeaderID) bool {
	if m.Count(id) == 0 {
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
	h, ok := m.First(wire.HdrContact)
	if !ok {
		return false
	}
	if m.Count(wire.HdrContact) == 1 && bytes.IndexByte(h.Value, ',') < 0 {
		return badAddress(h.Value)
	}
	for v := m.Values(wire.HdrContact); v.Next(); {
		if badAddress(v.Value()) {
			return true
		}
	}
	return false
}

func badAddress(v []byte) bool {
	if len(v) == 1 && v[0] == '*' {
		return false
	}
	_, _, ok := readURI(bareURI(v))
	return !ok
}

func lacksContact(m *wire.Message) bool {
	switch m.Method() {
	case wire.INVITE, wire.SUBSCRIBE, wire.REFER:
		return m.Count(wire.HdrContact) == 0
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
