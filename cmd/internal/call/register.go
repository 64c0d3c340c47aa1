package call

import (
	"time"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// register is RFC 3261 section 10.3 in its order: extensions, authentication,
// authorisation, address of record, bindings.
func (c *Core) register(now time.Time, tx *transaction.Server, m *wire.Message, src Source) {
	p := c.caller(now, tx, m, src, digest.Origin, wire.HdrTo)
	if p == nil {
		return
	}
	if p.Locked {
		c.refuse(now, tx, m, 403, "Locked")
		return
	}
	ctx, cancel := c.context()
	defer cancel()
	res := c.Registrar.Register(ctx, &registrar.Request{
		Message: m, AoR: p.Username + "@" + p.Domain, Now: now,
		Source: src.Addr, Transport: src.Transport, Edge: src.Edge,
	})
	if res.Err != nil {
		c.Log.Error("the location store does not answer", "error", directory.Cause(res.Err))
	}
	if res.Added+res.Removed > 0 {
		c.Stats.Changes.Add(1)
	}
	ok := edgeResult("ok", p.Username, p.Domain, false, m)
	b, err := res.AppendResponse(c.out[:0], m, tx.Tag(), ok)
	if err != nil {
		c.refuse(now, tx, m, 500, "")
		return
	}
	c.out = b
	c.count(m, res.Status)
	_ = tx.Respond(now, b) // whoever asked is gone when this fails
}
