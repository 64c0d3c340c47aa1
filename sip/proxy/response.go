package proxy

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// events is a Branch as the user of its client transaction.
type events Branch

var _ transaction.ClientUser = (*events)(nil)

// Response is RFC 3261 section 16.7.
func (v *events) Response(now time.Time, _ *transaction.Client, m *wire.Message) {
	b := (*Branch)(v)
	c := b.c
	switch status := m.Status(); {
	case status == 100:
	case status < 200:
		b.provisional(now, m)
	case b.status != 0: // a 2xx again, from this or another end of a fork
		c.upstream(now, b, m)
	case status < 300:
		b.answered(now, m, status)
	default:
		b.refused(now, m, status)
	}
}

// answered passes the first 2xx of a branch and cancels the others.
func (b *Branch) answered(now time.Time, m *wire.Message, status int) {
	c := b.c
	first := !c.stopped
	c.stopped, c.groups = true, nil // the owner's Cancel comes too late from here on
	b.end(now, status)
	c.upstream(now, b, m)
	if first && c.pending > 0 {
		c.stop(now, []byte(`SIP;cause=200;text="Call completed elsewhere"`))
	}
	c.settle(now)
}

func (b *Branch) provisional(now time.Time, m *wire.Message) {
	c := b.c
	if c.method != wire.INVITE {
		return // RFC 4320: no hop forwards these
	}
	if !b.gaveUp {
		c.p.cfg.Layer.Start(&b.timerC, now.Add(c.p.cfg.TimerC), (*timerC)(b))
	}
	c.upstream(now, b, m)
}

// refused keeps a final response for the choice; 6xx ends the search.
func (b *Branch) refused(now time.Time, m *wire.Message, status int) {
	c := b.c
	if b.gaveUp && status == 487 && !c.cancelled {
		// The answer to the CANCEL that our own limit sent.
		status = 408
	} else {
		b.response = bytes.Clone(m.Bytes())
	}
	b.redirect(now, m)
	b.end(now, status)
	if status >= 600 && !c.stopped {
		c.stop(now, strconv.AppendInt([]byte("SIP;cause="), int64(status), 10))
	}
	c.settle(now)
}

// redirect asks the owner for the targets of a 3xx, which take the place of
// that response (RFC 3261 section 16.5).
func (b *Branch) redirect(now time.Time, m *wire.Message) {
	c := b.c
	u, ok := c.call.(RedirectCall)
	if !ok || m.Status()/100 != 3 || c.stopped || b.gaveUp {
		return
	}
	if more := u.Redirected(now, b, m); len(more) > 0 {
		c.groups = append(more[:len(more):len(more)], c.groups...)
		b.redirected = true
		c.p.stats.Redirects++
	}
}

// Failed counts a timeout as 408 (RFC 3261 section 16.8), a transport error as
// 503 (section 16.9).
func (v *events) Failed(now time.Time, _ *transaction.Client, err error) {
	b := (*Branch)(v)
	status := 503
	if errors.Is(err, transaction.ErrTimeout) {
		status = 408
		if b.c.cancelled && b.c.method == wire.INVITE {
			status = 487 // the caller gave up first
		}
	}
	b.end(now, status)
	b.c.settle(now)
}

// upstream forwards a response of a branch as it is.
func (c *Context) upstream(now time.Time, b *Branch, m *wire.Message) {
	e := &c.p.edit
	e.Reset()
	c.forward(now, b, m, e)
}

// forward removes our Via, lets the owner edit, and answers the server
// transaction.
func (c *Context) forward(now time.Time, b *Branch, m *wire.Message, e *wire.Edit) {
	e.RemoveFirstValue(wire.HdrVia)
	e.EnsureContentLength()
	if !hasTwo(m, wire.HdrVia) {
		c.unusable(now, m.Status()) // whoever made it lost the way back
		return
	}
	c.answer(now, b, m, e)
}

// unusable drops a response that cannot be sent, and answers in its place when
// it was final: the caller must hear of the end.
func (c *Context) unusable(now time.Time, status int) {
	c.p.stats.Unusable++
	if status >= 200 {
		_ = c.tx.Reply(now, 500, "") // in a wrong state when an answer has gone up
	}
}

func (c *Context) answer(now time.Time, b *Branch, m *wire.Message, e *wire.Edit) {
	p := c.p
	if !c.takes(m.Status()) {
		return
	}
	if c.call != nil {
		c.call.Response(now, c, b, m, e)
	}
	out, err := m.Append(p.out[:0], e)
	if err != nil {
		c.unusable(now, m.Status())
		return
	}
	p.out = out
	err = c.tx.Respond(now, out)
	if err != nil && !errors.Is(err, transaction.ErrState) && m.Status() < 200 {
		// The way back is gone: nobody waits for this call any more.
		c.Cancel(now, nil)
	}
}

// takes reports whether the server transaction is in a state for a response.
func (c *Context) takes(status int) bool {
	switch c.tx.State() {
	case transaction.Trying, transaction.Proceeding:
		return true
	case transaction.Accepted:
		return status/100 == 2
	}
	return false
}

// hasTwo reports whether a header has a second value.
func hasTwo(m *wire.Message, id wire.HeaderID) bool {
	v := m.Values(id)
	for v.Next() {
		if v.Index() == 1 {
			return true
		}
	}
	return false
}
