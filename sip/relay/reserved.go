package relay

import "github.com/class5-go/class5/sip/wire"

// reserved are the header fields that mean something only because an element
// of ours wrote them. Names not known to package wire have id HdrOther.
var reserved = [...]struct {
	id      wire.HeaderID
	name    string
	inward  bool // removed from what comes in
	outward bool // removed from what goes out
	always  bool // on trusted listeners too
}{
	{wire.HdrPEdge, "P-Edge", true, true, true},
	{wire.HdrPEdgeResult, "P-Edge-Result", true, true, true},
	{wire.HdrPAssertedIdentity, "P-Asserted-Identity", true, false, false}, // RFC 3325 section 5
	{wire.HdrOther, "P-Asserted-Service", true, false, false},              // RFC 6050 section 4.1
	{wire.HdrPChargingVector, "P-Charging-Vector", true, true, false},      // RFC 7315 section 5.6
	{wire.HdrOther, "P-Charging-Function-Addresses", true, true, false},    // RFC 7315 section 5.5
}

// stripReserved plans the removal of reserved header fields, in whatever
// spelling they come. outside is the listener on the side of clients.
func (r *Relay) stripReserved(s *Scratch, outside *listener, outward bool) {
	if !s.m.HasPrivate() {
		return
	}
	for i := range s.m.Len() {
		id, name := s.m.NameAt(i)
		if len(name) < len("P-Edge") || name[0]|0x20 != 'p' || name[1] != '-' {
			continue
		}
		if wire.EqualFold(name[:len("P-Edge")], "P-Edge") && id == wire.HdrOther {
			s.edit.RemoveName(string(name)) // a name that is still to be given a meaning
			continue
		}
		if r.compat == CompatNGCP && ngcpReserved(name) {
			s.edit.RemoveName(string(name))
			continue
		}
		for j := range reserved {
			e := &reserved[j]
			if id != e.id || id == wire.HdrOther && !wire.EqualFold(name, e.name) {
				continue
			}
			if (outward && e.outward || !outward && e.inward) && (e.always || !outside.trusted) {
				s.edit.RemoveName(e.name)
			}
		}
	}
}
