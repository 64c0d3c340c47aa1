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
	for i := range s.m.Len() {
		h := s.m.At(i)
		if len(h.Name) < len("P-Edge") || h.Name[0]|0x20 != 'p' || h.Name[1] != '-' {
			continue
		}
		if wire.EqualFold(h.Name[:len("P-Edge")], "P-Edge") && h.ID == wire.HdrOther {
			s.edit.RemoveName(string(h.Name)) // a name that is still to be given a meaning
			continue
		}
		if r.compat == CompatNGCP && ngcpReserved(h.Name) {
			s.edit.RemoveName(string(h.Name))
			continue
		}
		for j := range reserved {
			e := &reserved[j]
			if h.ID != e.id || h.ID == wire.HdrOther && !wire.EqualFold(h.Name, e.name) {
				continue
			}
			if (outward && e.outward || !outward && e.inward) && (e.always || !outside.trusted) {
				s.edit.RemoveName(e.name)
			}
		}
	}
}
