package proxy

import (
	"time"

	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// finish sends the final response when no 2xx has gone up before.
func (c *Context) finish(now time.Time) {
	if s := c.tx.State(); s != transaction.Proceeding && s != transaction.Trying {
		return
	}
	if c.refusal != nil {
		c.local(now, c.refusal.Status, c.refusal.Reason, c.refusal.Fields...)
		return
	}
	b := c.best()
	switch {
	case b == nil && c.cancelled:
		c.local(now, 487, "")
	case b == nil:
		c.local(now, 480, "")
	case b.response == nil:
		c.local(now, upstreamStatus(b.status), "")
	default:
		c.stored(now, b)
	}
}

// best is the branch whose final response goes upstream (RFC 3261 section
// 16.7 step 6), nil when there was none.
func (c *Context) best() *Branch {
	var best *Branch
	for _, b := range c.branches {
		if b.redirected {
			continue // others answer in its place
		}
		if best == nil || rank(b.status, c.cancelled) < rank(best.status, c.cancelled) {
			best = b
		}
	}
	return best
}

// rank orders final statuses, lowest first: 6xx, then by class; within 4xx
// those that let the caller try again with more, last those that say little
// about the callee.
func rank(status int, cancelled bool) int {
	switch class := status / 100; {
	case class == 6:
		return 0
	case class != 4:
		r := class * 10
		if status == 503 {
			r++
		}
		return r
	}
	switch status {
	case 401, 407:
		return 40
	case 415, 420, 484:
		return 41
	case 487:
		if cancelled {
			return 40
		}
		return 45
	case 404, 480:
		return 43
	case 408:
		return 44
	case 430, 481:
		return 46
	}
	return 42
}

// upstreamStatus is the status that goes up for one that came from below. A
// 503 would make the caller avoid us (RFC 3261 section 16.7 step 6), a 430
// speaks of a flow that is none of its (RFC 5626).
func upstreamStatus(status int) int {
	switch status {
	case 503:
		return 500
	case 430:
		return 480
	}
	return status
}

// stored forwards the response kept by a branch, with the challenges of all
// others if it is one (RFC 3261 section 16.7 step 7).
func (c *Context) stored(now time.Time, b *Branch) {
	p, response := c.p, b.response
	if status := upstreamStatus(b.status); status != b.status {
		// The owner shall see what goes up.
		if p.response.Parse(response, nil) == nil {
			p.edit.Reset()
			p.edit.StatusLine(status, wire.StatusText(status))
			p.edit.RemoveAll(wire.HdrRetryAfter) // it said when to try the other element again
			p.scratch, _ = p.response.Append(p.scratch[:0], &p.edit)
			response = p.scratch
		}
	}
	p.edit.Reset()
	if b.status == 401 || b.status == 407 {
		c.mergeChallenges(b)
	}
	if p.response.Parse(response, nil) != nil { // it was read before
		c.unusable(now, b.status)
		return
	}
	c.forward(now, b, &p.response, &p.edit)
}

func (c *Context) mergeChallenges(chosen *Branch) {
	p := c.p
	for _, b := range c.branches {
		if b == chosen || b.status != 401 && b.status != 407 || b.response == nil || p.response.Parse(b.response, nil) != nil {
			continue
		}
		for i := range p.response.Len() {
			if h := p.response.At(i); h.ID == wire.HdrWWWAuthenticate || h.ID == wire.HdrProxyAuthenticate {
				p.scratch = wire.AppendUnfolded(p.scratch[:0], h.Value)
				p.edit.Add(h.ID.Name(), p.scratch)
			}
		}
	}
}

// local answers with a response made here.
func (c *Context) local(now time.Time, status int, reason string, extra ...wire.Field) {
	p := c.p
	req := c.Request()
	if req == nil {
		return
	}
	b, err := wire.AppendResponse(p.scratch[:0], req, status, reason, c.tx.Tag(), extra...)
	if err != nil || p.response.Parse(b, nil) != nil {
		c.unusable(now, status)
		return
	}
	p.scratch = b
	p.edit.Reset()
	c.answer(now, nil, &p.response, &p.edit)
}
