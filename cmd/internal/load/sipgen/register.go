package sipgen

import (
	"bytes"

	"github.com/class5-go/class5/sip/wire"
)

// register is one registration: REGISTER, 401, REGISTER with credentials, 200.
// The slot takes its users in turn, so that no two registrations of the same
// user are under way.
type register struct {
	dialogue
	all     *Subscribers
	uri     string
	phones  []*phone
	current *phone
	cseq    uint32
	tries   int
	buf     [2][]byte
}

// NewRegister makes the registrations of subscribers first, first+step and so
// on up to limit, for one slot.
func NewRegister(l *Lane, slot int, s *Subscribers, first, step, limit int) Op {
	r := &register{dialogue: newDialogue(l, slot), all: s, uri: "sip:" + s.Domain}
	for i := first; i < limit; i += step {
		r.phones = append(r.phones, s.phone(i))
	}
	return r
}

// Begin implements Op.
func (r *register) Begin(n uint64, send Sender) {
	r.begin(n)
	r.current = r.phones[int(n)%len(r.phones)]
	r.cseq, r.tries = 1, 0
	if !r.all.Cached {
		r.current.digest.Forget()
	}
	r.send(send)
}

func (r *register) send(send Sender) {
	p := r.current
	r.head(r.buf[r.tries&1][:0], "REGISTER", r.uri, r.cseq, p.aor, p.aor, "")
	r.contact(p.name)
	r.build.HeaderString(wire.HdrExpires, "600")
	r.credentials(wire.HdrAuthorization, &p.digest, "REGISTER", r.uri)
	r.build.HeaderString(wire.HdrUserAgent, "load")
	msg, err := r.build.End("", nil)
	if err != nil {
		return // it will be lost, and seen
	}
	r.buf[r.tries&1] = msg
	send.Send(msg)
}

// Response implements Op.
func (r *register) Response(m *wire.Message, send Sender) Verdict {
	cseq, method, ok := r.mine(m)
	if !ok || cseq != r.cseq || method != "REGISTER" {
		return Stray
	}
	switch status := m.Status(); {
	case status < 200:
		return Pending
	case status == 200:
		if r.bound(m) {
			return Done
		}
		return "200 without our Contact"
	case status == 401 && r.tries < 2: // a cached nonce may have become stale
		if _, err := r.current.digest.Challenged(m); err != nil {
			return Verdict(err.Error())
		}
		r.cseq++
		r.tries++
		r.send(send)
		return Pending
	}
	return answered("REGISTER", m)
}

// bound tells whether the 200 lists our binding.
func (r *register) bound(m *wire.Message) bool {
	r.value = append(append(append(r.value[:0], "sip:"...), r.current.name...), '@')
	for v := m.Values(wire.HdrContact); v.Next(); {
		if bytes.Contains(v.Value(), r.value) && bytes.Contains(v.Value(), []byte("expires=")) {
			return true
		}
	}
	return false
}
