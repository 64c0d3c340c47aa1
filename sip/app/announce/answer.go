package announce

import (
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// answer is a 2xx on its way: a user agent repeats it itself, because behind a
// fork every answer needs an ACK of its own (RFC 3261 section 13.3.1.4).
type answer struct {
	agent    *Agent
	call     *call
	tx       *transaction.Server
	response []byte
	cseq     uint32
	wait     time.Duration
	giveUp   time.Time
	timer    transaction.Timer
}

func (a *Agent) repeat(now time.Time, tx *transaction.Server, c *call, response []byte) {
	if c.pending != nil {
		a.layer.Stop(&c.pending.timer)
	}
	n, _ := a.view.CSeq()
	c.pending = &answer{
		agent: a, call: c, tx: tx, response: response, cseq: n,
		wait: a.cfg.Timers.T1, giveUp: now.Add(64 * a.cfg.Timers.T1),
	}
	a.layer.Start(&c.pending.timer, now.Add(c.pending.wait), c.pending)
}

// Expire implements transaction.Expirer.
func (p *answer) Expire(now time.Time) {
	if !now.Before(p.giveUp) {
		p.call.pending = nil
		if p.call.record != nil {
			p.agent.hangUp(now, p.call.record, dialog.CauseAdministrative)
		}
		return
	}
	_ = p.tx.Respond(now, p.response) // the next repeat is on its way
	p.wait = min(2*p.wait, p.agent.cfg.Timers.T2)
	next := now.Add(p.wait)
	if next.After(p.giveUp) {
		next = p.giveUp
	}
	p.agent.layer.Start(&p.timer, next, p)
}

// acknowledged ends the repetition when the ACK is for this very INVITE.
func (a *Agent) acknowledged(c *call, ack *wire.Message) {
	if n, _ := ack.CSeq(); c.pending != nil && n == c.pending.cseq {
		a.layer.Stop(&c.pending.timer)
		c.pending = nil
	}
}
