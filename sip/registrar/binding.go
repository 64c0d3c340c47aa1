package registrar

import (
	"net/netip"
	"time"
)

// Binding is one contact of an address of record, with what a proxy needs to
// reach it. Its strings are immutable and may be kept; where they come from a
// store they share one backing string per record.
type Binding struct {
	// Contact is the addr-spec of the Contact header field as it was sent,
	// escapes and URI parameters included, without brackets. It becomes the
	// Request-URI of a request to this binding.
	Contact string

	// Params are the Contact header parameters that have no field here, as
	// they were sent, each with its semicolon: ";methods=\"INVITE\";+sip.x".
	Params string

	// Q is the preference in thousandths, 0 to 1000; 1000 where none was
	// given.
	Q uint16

	CallID string // of the REGISTER that made or refreshed the binding
	CSeq   uint32

	Expires    time.Time // the binding is gone at this time, milliseconds
	Registered time.Time // first seen
	Updated    time.Time // last refreshed

	// Instance is the value of +sip.instance without its quotes, usually
	// "<urn:uuid:…>"; "" without one.
	Instance string

	// RegID is the flow of the instance (RFC 5626), 0 when outbound does not
	// apply to this binding.
	RegID uint32

	// Path is the Path vector (RFC 3327) as the value of one header field:
	// name-addrs separated by commas, in the order of a Route header field
	// towards the contact. "" without one.
	Path string

	UserAgent string

	Source    netip.AddrPort // where the edge received the REGISTER from
	Transport string         // and over what: "UDP", "TCP", "TLS", "WS", "WSS"
	Edge      string         // name of the edge node

	// Extra holds fields written by a newer version, kept as they are.
	Extra string
}

// Key names a binding within its address of record: instance and flow where
// RFC 5626 applies, else the contact. It is what Remove takes.
type Key struct {
	Contact  string
	Instance string
	RegID    uint32
}

// Key of the binding.
func (b *Binding) Key() Key {
	if b.RegID != 0 {
		return Key{Instance: b.Instance, RegID: b.RegID}
	}
	return Key{Contact: b.Contact}
}

// Record is an address of record with its bindings.
type Record struct {
	AoR      string
	Bindings []Binding
}
