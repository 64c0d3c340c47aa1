package call

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// keep leaves the first 2xx connected when others follow: which of them the
// caller takes is seen by its ACK.
func (a *anchor) keep(now time.Time, tag string, final bool) {
	switch {
	case a.heard == "" && final:
		a.heard = tag
	case a.heard != "" && a.heard != tag:
		a.connect(now, a.heard)
	}
}

// choose connects the branch that the caller talks to from now on.
func (a *anchor) choose(now time.Time, tag string) {
	x := a.answers[tag]
	if len(a.offered) == 0 || x == nil || !x.final || x.err != nil || a.heard == tag {
		return
	}
	a.heard = tag
	a.connect(now, tag)
}

// connect gives an answer to the relay again. Nothing waits for that.
func (a *anchor) connect(now time.Time, tag string) {
	a.session.ask(now, a.tell(a.from, tag, a.answers[tag], false, func(_ time.Time, o offered) {
		if o.err != nil {
			a.failed("answer", o.err)
		}
	}))
}

// owes reports whether the offer in a response with this To tag waits for its
// answer.
func (a *anchor) owes(tag string) bool {
	return a.late[tag] != nil && a.answers[tag] == nil
}

// askAcknowledge asks for the answer in the ACK of a 2xx that had the offer, or
// in the PRACK of such a provisional response.
func (a *anchor) askAcknowledge(m *wire.Message, tag string, source netip.Addr, early bool) *question {
	sdp, err := description(m)
	if err != nil || sdp == nil || !a.owes(tag) {
		return nil
	}
	x := &answered{in: bytes.Clone(sdp), source: source, final: true}
	return a.tell(tag, a.from, x, early, func(_ time.Time, o offered) {
		x.out, x.err = o.out, o.err
		a.answers[tag] = x
	})
}

// acknowledge edits it.
func (a *anchor) acknowledge(m *wire.Message, tag string, e *wire.Edit) error {
	sdp, err := description(m)
	if err == nil && (sdp == nil || a.late[tag] == nil) {
		return nil
	}
	if err == nil {
		if err = errNotAsked; a.answers[tag] != nil {
			err = place(e, a.answers[tag].out, a.answers[tag].err)
		}
	}
	if err != nil {
		a.failed("late answer", err)
		dropBody(e)
	}
	return err
}
