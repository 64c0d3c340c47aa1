package call

import (
	"time"

	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// inDialog forwards a request inside a dialog along its Route set. Only a
// Route of ours for this very Call-ID leads through; an offer without a record
// of its call is refused, since its media could not be anchored nor its time
// be charged.
func (c *Core) inDialog(now time.Time, tx *transaction.Server, m *wire.Message, src Source) {
	// What is not forwarded must not end a call either.
	if r := c.proxy.Check(m); r != nil {
		c.proxy.Refuse(now, tx, r)
		return
	}
	w, err := c.proxy.Way(m)
	switch {
	case err != nil:
		c.refuse(now, tx, m, 400, "Bad Route")
		return
	case w.Own == nil:
		c.refuse(now, tx, m, 481, "")
		return
	}
	id, own := c.ownDialog(w.Own, m.CallID())
	if !own {
		c.refuse(now, tx, m, 403, "Not Our Route")
		return
	}
	c.heard(m, src)
	if p := c.b2bua.Passage(m); p != nil {
		p.Call.Handler().(*limited).request(now, tx, m)
		return
	}
	r, side, ok := c.calls.Dialog(m)
	switch {
	case !ok && carries(m.Method()):
		c.refuse(now, tx, m, 481, "")
		return
	case !ok:
		if _, running := c.Calls.Find(id); m.Method() == wire.BYE && !running { // the process before had the call, its media may be here
			(&session{core: c, id: id, callID: string(m.CallID())}).end(now, func(time.Time, relay.Report) {})
		}
		c.proxy.Relay(now, tx, m, letter{core: c})
		return
	}
	k := r.Facts.(*call)
	if a := src.Addr.Addr(); a.IsValid() {
		k.sources[side] = a
	}
	x := &exchange{call: k, side: side}
	if m.Method() == wire.BYE {
		x.proceed(now, tx, m)
		return
	}
	k.pass(now, m, &waiting{tx: tx, need: x.need, proceed: func(now time.Time, m *wire.Message) { x.proceed(now, tx, m) }})
}

// exchange is one request inside a dialog with its responses.
type exchange struct {
	call   *call
	side   dialog.Side
	anchor *anchor // nil for a request without offers and answers
	owed   *anchor // of the INVITE whose answer a PRACK has
	// pressed is a digit, answered here.
	pressed *pressed
}

// need is what the relay has to be asked for the request.
func (x *exchange) need(now time.Time, m *wire.Message) (q *question) {
	k := x.call
	if m.Method() == wire.INFO && k.record.State != dialog.Ended {
		x.pressed, q = k.press(now, x.side, string(m.FromTag()), m)
		return q
	}
	if !carries(m.Method()) || k.record.State == dialog.Ended {
		return nil
	}
	tag, source := string(m.ToTag()), k.sources[x.side]
	x.anchor = newAnchor(k.media, m)
	if a := k.invites[x.side]; m.Method() == wire.PRACK && a != nil && a.owes(tag) {
		x.owed = a
		return a.askAcknowledge(m, tag, source, true)
	}
	from, to := k.hears(x.side, m.Body())
	return x.anchor.askOffer(m, tag, source, from, to)
}

// proceed sends the request on.
func (x *exchange) proceed(now time.Time, tx *transaction.Server, m *wire.Message) {
	k, c := x.call, x.call.core
	r, _, ok := c.calls.Request(now, m)
	switch {
	case !ok && carries(m.Method()): // it has ended while the request waited
		c.refuse(now, tx, m, 481, "")
		return
	case !ok:
		c.proxy.Relay(now, tx, m, letter{core: c})
		return
	}
	if r.State == dialog.Ended {
		c.proxy.Relay(now, tx, m, letter{core: c})
		return
	}
	if x.pressed != nil {
		x.pressed.answer(now, c, tx, m)
		return
	}
	switch m.Method() {
	case wire.BYE:
		k.anchor.choose(now, r.Legs[dialog.Callee].Tag)
	case wire.REFER:
		k.refer(now, x.side, m)
	case wire.INVITE:
		k.invites[x.side] = x.anchor
	}
	c.proxy.Relay(now, tx, m, x)
}

// carries reports whether requests of this method carry offers and answers.
func carries(m wire.Method) bool {
	return m == wire.INVITE || m == wire.UPDATE || m == wire.PRACK
}

// Forward implements proxy.Call.
func (x *exchange) Forward(_ time.Time, _ *proxy.Branch, m *wire.Message, e *wire.Edit) error {
	strip(e)
	if x.anchor == nil {
		return nil
	}
	if x.owed != nil {
		if x.owed.acknowledge(m, string(m.ToTag()), e) != nil {
			return &proxy.Refusal{Status: 488}
		}
		return nil
	}
	return x.anchor.offer(m, x.anchor.first, e)
}

// early reports whether the parties need not send yet after an answer.
func (x *exchange) early(m *wire.Message) bool {
	return m.Status() < 200 || x.call.record.State == dialog.Early
}

// Response implements proxy.Call.
func (x *exchange) Response(now time.Time, c *proxy.Context, b *proxy.Branch, m *wire.Message, e *wire.Edit) {
	e.RemoveName("P-Edge")
	if b == nil || x.anchor == nil || x.call.record.State == dialog.Ended {
		return
	}
	k := x.call
	if m.Status() >= 300 {
		if m.Status() == 481 && m.CSeqMethod() == wire.INVITE {
			k.core.gone(now, k)
		}
		return
	}
	if err := x.anchor.answer(m, string(m.ToTag()), e); err != nil && m.Status() >= 200 {
		k.doom(now)
	}
	if m.Status() >= 200 {
		k.takeDigits(now) // of streams that are new
	}
	if req := c.Request(); req != nil {
		k.core.calls.InDialogResponse(now, req, m)
	}
}

// gone ends a call whose other side does not know it any more (RFC 3261
// section 12.2.1.2).
func (c *Core) gone(now time.Time, k *call) {
	if k.record.State == dialog.Confirmed {
		k.endSoon(now)
	}
}

// doom ends a call whose media can't be anchored any more.
func (k *call) doom(now time.Time) {
	k.doomed = true
	if k.record.State == dialog.Confirmed {
		k.endSoon(now)
	}
}

// Ended implements proxy.Call.
func (x *exchange) Ended(time.Time, *proxy.Context) {}

// Ack implements transaction.User: the ACK of a 2xx follows its Route set.
func (c *Core) Ack(now time.Time, m *wire.Message, from transport.Flow) {
	src, err := c.Edge(m, from)
	if err != nil {
		return
	}
	w, err := c.proxy.Way(m)
	if err != nil || w.Own == nil {
		return
	}
	if _, own := c.ownDialog(w.Own, m.CallID()); !own {
		return
	}
	c.heard(m, src)
	if p := c.b2bua.Passage(m); p != nil {
		p.Call.Handler().(*limited).ack(now, m)
		return
	}
	r, side, ok := c.calls.Dialog(m)
	if !ok {
		c.forwardAck(now, m)
		return
	}
	k, source := r.Facts.(*call), src.Addr.Addr()
	k.pass(now, m, &waiting{
		need: func(_ time.Time, m *wire.Message) *question {
			if a := k.invited(side, m); a != nil && r.State != dialog.Ended {
				return a.askAcknowledge(m, string(m.ToTag()), source, false)
			}
			return nil
		},
		proceed: c.forwardAck,
	})
}

func (c *Core) forwardAck(now time.Time, m *wire.Message) {
	err := c.proxy.Ack(m, func(m *wire.Message, e *wire.Edit) error {
		strip(e)
		if r, side, ok := c.calls.Request(now, m); ok {
			r.Facts.(*call).acknowledged(now, side, m, e)
		}
		return nil
	})
	if err != nil {
		c.Log.Debug("ACK not forwarded", "error", err)
	}
}

// invited is the anchor of the INVITE that an ACK belongs to, nil for another.
func (k *call) invited(side dialog.Side, m *wire.Message) *anchor {
	n, _ := m.CSeq()
	if a := k.invites[side]; a != nil && a.cseq == n {
		return a
	}
	return nil
}

// acknowledged takes an ACK on its way: it can have the answer to a late offer,
// and of several branches that answered it names one.
func (k *call) acknowledged(now time.Time, side dialog.Side, m *wire.Message, e *wire.Edit) {
	a := k.invited(side, m)
	if a == nil {
		return
	}
	if a.acknowledge(m, string(m.ToTag()), e) != nil {
		k.doom(now)
		return
	}
	if a == k.anchor {
		a.choose(now, string(m.ToTag()))
	}
}
