package sipgen

import "github.com/class5-go/class5/sip/wire"

// enrolled is a slot whose first operation registers a subscriber on the slot's
// own socket, where the calls of all further operations arrive.
type enrolled struct {
	register, work Op
	current        Op
	ready          bool
}

// Enrolled registers with one operation, repeated until it has succeeded, and
// goes on with another.
func Enrolled(register, work Op) Op { return &enrolled{register: register, work: work} }

// Begin implements Op.
func (e *enrolled) Begin(n uint64, send Sender) {
	e.current = e.register
	if e.ready {
		e.current = e.work
	}
	e.current.Begin(n, send)
}

// Response implements Op.
func (e *enrolled) Response(m *wire.Message, send Sender) Verdict {
	v := e.current.Response(m, send)
	if v == Done {
		e.ready = true
	}
	return v
}
