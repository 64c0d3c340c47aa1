package main

import (
	"time"

	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

const allow = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE"

// answer is a 2xx of ours, which a user agent repeats until the ACK (RFC 3261
// section 13.3.1.4).
type answer struct {
	phone    *phone
	tx       *transaction.Server
	response []byte
	wait     time.Duration
	giveUp   time.Time
	timer    transaction.Timer
}

// Expire implements transaction.Expirer.
func (a *answer) Expire(now time.Time) {
	if now.After(a.giveUp) {
		a.phone.answer = nil
		a.phone.end()
		return
	}
	_ = a.tx.Respond(now, a.response) // the next repeat is on its way
	a.wait = min(2*a.wait, 4*time.Second)
	a.phone.layer.Start(&a.timer, now.Add(a.wait), a)
}

// Request implements transaction.User.
func (p *phone) Request(now time.Time, tx *transaction.Server, m *wire.Message) {
	ours := p.dialog != nil && string(m.CallID()) == p.dialog.callID
	switch method := m.Method(); {
	case method == wire.OPTIONS:
		p.reply(now, tx, 200)
	case len(m.ToTag()) > 0 && !ours:
		p.reply(now, tx, 481)
	case method == wire.INVITE && ours && len(m.ToTag()) > 0, method == wire.UPDATE && ours:
		p.reoffer(now, tx, m)
	case method == wire.INVITE:
		p.ring(now, tx, m)
	case method == wire.BYE && ours:
		p.reply(now, tx, 200)
		p.end()
	case method == wire.INFO && ours:
		p.reply(now, tx, 200)
	default:
		p.reply(now, tx, 405)
	}
}

// reply answers without a body. An error means that the flow is gone, and with
// it whoever could be told.
func (p *phone) reply(now time.Time, tx *transaction.Server, status int) {
	_ = tx.Reply(now, status, "", wire.Field{ID: wire.HdrAllow, Value: []byte(allow)})
}

// end is the end of the call by the other side.
func (p *phone) end() {
	if !p.over {
		p.over, p.dialog = true, nil
		close(p.gone)
	}
}

// ring answers a new call, if we wait for one.
func (p *phone) ring(now time.Time, tx *transaction.Server, m *wire.Message) {
	if !p.o.answer || p.dialog != nil || p.over {
		p.reply(now, tx, 486)
		return
	}
	d, err := calleeDialog(m, tx.Tag())
	if err != nil {
		p.reply(now, tx, 400)
		return
	}
	_ = tx.Reply(now, 180, "", wire.Field{ID: wire.HdrContact, Value: []byte(p.contact)})
	body, err := p.media.answer(m.Body())
	if err != nil {
		p.reply(now, tx, 488)
		return
	}
	p.dialog = d
	p.accept(now, tx, m, body)
	close(p.accepted)
}

// reoffer answers a new description within the call, such as a hold.
func (p *phone) reoffer(now time.Time, tx *transaction.Server, m *wire.Message) {
	if m.Method() == wire.UPDATE && len(m.Body()) == 0 {
		p.reply(now, tx, 200)
		return
	}
	body, err := p.media.answer(m.Body())
	if err != nil {
		p.reply(now, tx, 488)
		return
	}
	if _, ok := m.First(wire.HdrContact); ok && p.dialog.retarget(m) != nil {
		p.reply(now, tx, 400)
		return
	}
	p.accept(now, tx, m, body)
}

func (p *phone) accept(now time.Time, tx *transaction.Server, m *wire.Message, body []byte) {
	ok, err := wire.AppendResponse(nil, m, 200, "", tx.Tag(), wire.Field{ID: wire.HdrContact, Value: []byte(p.contact)},
		wire.Field{ID: wire.HdrAllow, Value: []byte(allow)}, wire.Body("application/sdp", body))
	if err != nil {
		p.reply(now, tx, 500)
		return
	}
	if m.Method() == wire.INVITE {
		p.acknowledged()
		p.answer = &answer{phone: p, tx: tx, response: ok, wait: 500 * time.Millisecond, giveUp: now.Add(32 * time.Second)}
		p.layer.Start(&p.answer.timer, now.Add(p.answer.wait), p.answer)
	}
	_ = tx.Respond(now, ok) // lost or not, it is repeated until the ACK
}

// acknowledged ends the repetition.
func (p *phone) acknowledged() {
	if p.answer != nil {
		p.layer.Stop(&p.answer.timer)
		p.answer = nil
	}
}

// Ack implements transaction.User. That of an INVITE without an offer has the
// answer to ours.
func (p *phone) Ack(_ time.Time, m *wire.Message, _ transport.Flow) {
	if p.dialog == nil || string(m.CallID()) != p.dialog.callID {
		return
	}
	p.acknowledged()
	if len(m.Body()) > 0 {
		_ = p.media.answered(m.Body()) // without a usable answer we stay silent
	}
}

// Cancel implements transaction.User: every INVITE has its final response when
// it could come.
func (p *phone) Cancel(time.Time, *transaction.Server, *wire.Message) {}

// Stray implements transaction.User.
func (p *phone) Stray(time.Time, *wire.Message, transport.Flow) {}
