package call

import (
	"net/netip"
	"time"

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
	case !c.ownDialog(w.Own, m.CallID()):
		c.refuse(now, tx, m, 403, "Not Our Route")
		return
	}
	r, side, ok := c.calls.Request(now, m)
	if !ok && carries(m.Method()) {
		c.refuse(now, tx, m, 481, "")
		return
	}
	if !ok || r.State == dialog.Ended {
		c.proxy.Relay(now, tx, m, letter{core: c})
		return
	}
	k := r.Facts.(*call)
	if m.Method() == wire.BYE {
		k.anchor.choose(r.Legs[dialog.Caller].Tag, r.Legs[dialog.Callee].Tag)
	}
	if a := src.Addr.Addr(); a.IsValid() {
		k.sources[side] = a
	}
	x := &exchange{call: k, side: side}
	if carries(m.Method()) {
		x.anchor = newAnchor(c, r.ID, m)
	}
	if m.Method() == wire.INVITE {
		k.invites[side] = x.anchor
	}
	c.proxy.Relay(now, tx, m, x)
}

// exchange is one request inside a dialog with its responses.
type exchange struct {
	call   *call
	side   dialog.Side
	anchor *anchor // nil for a request without offers and answers
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
	source := x.call.sources[x.side]
	if m.Method() == wire.PRACK {
		if a := x.call.invites[x.side]; a != nil && a.owes(m.ToTag()) {
			if a.acknowledge(m, source, true, e) != nil {
				return &proxy.Refusal{Status: 488}
			}
			return nil
		}
	}
	return x.anchor.offer(m, string(m.ToTag()), source, e)
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
	early := m.Status() < 200 || k.record.State == dialog.Early
	if err := x.anchor.answer(m, k.sources[x.side.Other()], early, e); err != nil && m.Status() >= 200 {
		k.doom(now)
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
	if err != nil || w.Own == nil || !c.ownDialog(w.Own, m.CallID()) {
		return
	}
	err = c.proxy.Ack(m, func(m *wire.Message, e *wire.Edit) error {
		strip(e)
		if r, side, ok := c.calls.Request(now, m); ok {
			r.Facts.(*call).acknowledged(now, side, m, src.Addr.Addr(), e)
		}
		return nil
	})
	if err != nil {
		c.Log.Debug("ACK not forwarded", "error", err)
	}
}

// acknowledged takes an ACK on its way: it can have the answer to a late offer,
// and of several branches that answered it names one.
func (k *call) acknowledged(now time.Time, side dialog.Side, m *wire.Message, source netip.Addr, e *wire.Edit) {
	a := k.invites[side]
	n, _ := m.CSeq()
	if a == nil || a.cseq != n {
		return
	}
	if a.acknowledge(m, source, false, e) != nil {
		k.doom(now)
		return
	}
	if a == k.anchor {
		a.choose(string(m.FromTag()), string(m.ToTag()))
	}
}
