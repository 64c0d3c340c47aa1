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
	if !ok && (m.Method() == wire.INVITE || m.Method() == wire.UPDATE) {
		c.refuse(now, tx, m, 481, "")
		return
	}
	if !ok || r.State == dialog.Ended {
		c.proxy.Relay(now, tx, m, stripper{})
		return
	}
	k := r.Facts.(*call)
	x := &exchange{call: k, side: side, source: src.Addr.Addr(), anchor: newAnchor(c, r.CallID)}
	if m.Method() == wire.INVITE || m.Method() == wire.UPDATE {
		k.anchor.late, k.anchor.answers = x.anchor.late, x.anchor.answers // the ACK is looked up there
	}
	c.proxy.Relay(now, tx, m, x)
}

// exchange is one request inside a dialog with its responses.
type exchange struct {
	call   *call
	side   dialog.Side
	source netip.Addr
	anchor anchor
}

// carries reports whether descriptions in this request are offers.
func carries(m *wire.Message) bool { return m.Method() == wire.INVITE || m.Method() == wire.UPDATE }

// Forward implements proxy.Call.
func (x *exchange) Forward(_ time.Time, _ *proxy.Branch, m *wire.Message, e *wire.Edit) error {
	strip(e)
	if !carries(m) {
		return nil
	}
	return x.anchor.offer(m, string(m.ToTag()), x.source, e)
}

// Response implements proxy.Call.
func (x *exchange) Response(now time.Time, c *proxy.Context, b *proxy.Branch, m *wire.Message, e *wire.Edit) {
	e.RemoveName("P-Edge")
	if b == nil || m.Status() >= 300 {
		return
	}
	if method := m.CSeqMethod(); method == wire.INVITE || method == wire.UPDATE {
		x.anchor.answer(m, netip.Addr{}, e)
		if req := c.Request(); req != nil {
			x.call.core.calls.InDialogResponse(now, req, m)
		}
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
		if r, _, ok := c.calls.Request(now, m); ok {
			r.Facts.(*call).anchor.acknowledge(m, src.Addr.Addr(), e)
		}
		return nil
	})
	if err != nil {
		c.Log.Debug("ACK not forwarded", "error", err)
	}
}
