package sipgen

import (
	"fmt"
	"net/netip"

	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/wire"
)

// Subscribers are the users that a registrar and proxy knows.
type Subscribers struct {
	Domain    string
	Password  string
	Names     []string
	Algorithm digest.Algorithm // the only one that the clients know
	// Cached keeps the challenge from one request to the next, instead of
	// being challenged each time.
	Cached bool

	ha1 []string
}

// Prepare computes what each client would compute once.
func (s *Subscribers) Prepare() {
	s.ha1 = make([]string, len(s.Names))
	for i, name := range s.Names {
		s.ha1[i] = digest.HA1(s.Algorithm, name, s.Domain, s.Password)
	}
}

// phone is one subscriber's end.
type phone struct {
	name   string
	aor    string // sip:name@domain
	digest digest.Client
}

func (s *Subscribers) phone(i int) *phone {
	p := &phone{name: s.Names[i], aor: "sip:" + s.Names[i] + "@" + s.Domain}
	ha1, known := s.ha1[i], s.Algorithm
	p.digest = digest.Client{User: p.name, HA1: func(_ string, a digest.Algorithm) string {
		if a != known {
			return ""
		}
		return ha1
	}}
	return p
}

// dialogue composes the requests of an operation: what stays the same for all
// of them. Each request has a buffer of its own, since several may wait to be
// sent.
type dialogue struct {
	lane  *Lane
	slot  int
	id    ID
	local netip.AddrPort
	build wire.Builder
	value []byte // a header value under construction
}

func newDialogue(l *Lane, slot int) dialogue {
	return dialogue{lane: l, slot: slot, local: l.Addr(), value: make([]byte, 0, 512)}
}

// begin names the operation.
func (d *dialogue) begin(n uint64) {
	d.id = ID{Lane: uint8(d.lane.index), Slot: uint16(d.slot), N: uint32(n)}
}

// mine reports whether an answer is to this operation, and gives its CSeq.
func (d *dialogue) mine(m *wire.Message) (cseq uint32, method string, ok bool) {
	id, ok := ParseID(m.CallID())
	cseq, token := m.CSeq()
	return cseq, string(token), ok && id == d.id
}

// head starts a request up to its CSeq. The branch is made of the operation,
// the CSeq and the method, so that an ACK to a 2xx has another than its INVITE.
func (d *dialogue) head(dst []byte, method, uri string, cseq uint32, from, to, toTag string) {
	b := &d.build
	b.Request(dst, method, []byte(uri))
	d.value = fmt.Appendf(d.value[:0], "SIP/2.0/UDP %v;rport;branch=z9hG4bK%s", d.local, method)
	d.value = d.id.Append(d.value)
	d.value = appendHex(d.value, uint64(cseq), 4)
	b.Header(wire.HdrVia, d.value)
	b.HeaderString(wire.HdrMaxForwards, "70")
	d.value = append(append(append(d.value[:0], '<'), from...), ">;tag=f"...)
	d.value = d.id.Append(d.value)
	b.Header(wire.HdrFrom, d.value)
	d.value = append(append(append(d.value[:0], '<'), to...), '>')
	if toTag != "" {
		d.value = append(append(d.value, ";tag="...), toTag...)
	}
	b.Header(wire.HdrTo, d.value)
	d.value = append(d.id.Append(d.value[:0]), "@load"...)
	b.Header(wire.HdrCallID, d.value)
	d.value = fmt.Appendf(d.value[:0], "%d %s", cseq, method)
	b.Header(wire.HdrCSeq, d.value)
}

func (d *dialogue) contact(user string) {
	d.value = fmt.Appendf(d.value[:0], "<sip:%s@%v>", user, d.local)
	d.build.Header(wire.HdrContact, d.value)
}

// credentials adds those for a challenge taken before, if there was one.
func (d *dialogue) credentials(id wire.HeaderID, c *digest.Client, method, uri string) {
	if !c.Ready() {
		return
	}
	d.value = c.AppendAuthorization(d.value[:0], method, []byte(uri), nil)
	d.build.Header(id, d.value)
}
