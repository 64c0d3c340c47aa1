package b2bua

import (
	"errors"
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// Errors of Inform, to be tested with errors.Is.
var (
	// ErrEarly means: the call is not answered yet, or the caller has not
	// acknowledged that.
	ErrEarly = errors.New("b2bua: the dialog is not confirmed")
	// ErrEnded means: the call is over.
	ErrEnded = errors.New("b2bua: the call has ended")
)

// Inform sends an INFO of this element (RFC 6086, legacy usage) to one side of
// an answered call. done gets its final status, 408 when none comes; it is not
// called after an error, nor with the end of the call.
func (c *Call) Inform(now time.Time, to dialog.Side, contentType string, body []byte, done func(now time.Time, status int)) error {
	switch {
	case c.state == Ended:
		return ErrEnded
	case c.state != Answered, to == dialog.Caller && !c.chosen.acked:
		return ErrEarly
	}
	l := &c.chosen.legs[to]
	return c.b.begin(now, l, wire.INFO.String(), l.next(), "", contentType, body, &informed{call: c, done: done})
}

// informed is the user of such an INFO.
type informed struct {
	call *Call
	done func(now time.Time, status int)
}

// Response implements transaction.ClientUser.
func (i *informed) Response(now time.Time, _ *transaction.Client, m *wire.Message) {
	if m.Status() >= 200 && i.call.state != Ended {
		i.done(now, m.Status())
	}
}

// Failed implements transaction.ClientUser.
func (i *informed) Failed(now time.Time, _ *transaction.Client, _ error) {
	if i.call.state != Ended {
		i.done(now, 408)
	}
}
