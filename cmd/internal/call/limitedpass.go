package call

import (
	"time"

	"github.com/class5-go/class5/sip/b2bua"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// request takes a request inside the dialogs of the call.
func (k *limited) request(now time.Time, tx *transaction.Server, m *wire.Message) {
	if m.Method() == wire.BYE {
		k.core.b2bua.Request(now, tx, m)
		return
	}
	var ready prepared
	k.pass(now, m, &waiting{
		tx:   tx,
		need: func(now time.Time, m *wire.Message) (q *question) { ready, q = k.prepare(now, m); return q },
		proceed: func(now time.Time, m *wire.Message) {
			k.ready = ready
			if !k.core.b2bua.Request(now, tx, m) { // the call has ended while it waited
				k.core.refuse(now, tx, m, 481, "")
			}
			k.ready = prepared{}
		},
	})
}

// prepare says what the relay has to be asked for a request.
func (k *limited) prepare(now time.Time, m *wire.Message) (prepared, *question) {
	p := k.core.b2bua.Passage(m)
	if p != nil && p.Method == wire.INFO && k.record.State != dialog.Ended {
		digit, q := k.press(now, p.From, p.Offerer(), m)
		return prepared{pressed: digit}, q
	}
	if p == nil || !carries(p.Method) || k.record.State == dialog.Ended {
		return prepared{}, nil
	}
	source := k.sources[p.From]
	if a := k.invites[p.From]; p.Method == wire.PRACK && a != nil && a.owes(p.Answerer()) {
		return prepared{owed: a}, a.askAcknowledge(m, p.Answerer(), source, true)
	}
	a := newAnchor(k.media, m)
	a.from = p.Offerer()
	from, to := k.hears(p.From, m.Body())
	return prepared{anchor: a}, a.askOffer(m, p.Answerer(), source, from, to)
}

// ack takes an ACK inside the dialogs of the call.
func (k *limited) ack(now time.Time, m *wire.Message) {
	k.pass(now, m, &waiting{
		need: func(_ time.Time, m *wire.Message) *question {
			p := k.core.b2bua.Passage(m)
			if p == nil || k.record.State == dialog.Ended {
				return nil
			}
			if a := k.invited(p.From, m); a != nil {
				return a.askAcknowledge(m, p.Answerer(), k.sources[p.From], false)
			}
			return nil
		},
		proceed: func(now time.Time, m *wire.Message) {
			k.core.b2bua.Ack(now, m)
			k.inform(now, dialog.Caller) // what waited for that
		},
	})
}

// Request implements b2bua.Handler.
func (k *limited) Request(now time.Time, p *b2bua.Passage, m *wire.Message, e *wire.Edit) error {
	strip(e)
	switch {
	case p.Target != nil:
		return k.anchor.offer(m, k.profileOf(p.Target), e)
	case p.Method == wire.ACK:
		if a := k.invited(p.From, m); a != nil {
			return a.acknowledge(m, p.Answerer(), e)
		}
		return nil
	case p.Method == wire.REFER:
		k.refer(now, p.From, m)
	}
	if d := k.ready.pressed; d != nil {
		return &proxy.Refusal{Status: d.status, Reason: d.reason, Fields: d.fields}
	}
	if a := k.ready.owed; a != nil {
		if a.acknowledge(m, p.Answerer(), e) != nil {
			return &proxy.Refusal{Status: 488}
		}
		return nil
	}
	a := k.ready.anchor
	if a == nil {
		return nil
	}
	p.Value = a
	if p.Method == wire.INVITE {
		k.invites[p.From] = a
	}
	return a.offer(m, a.first, e)
}

// answers says what the relay has to be asked for a response.
func (k *limited) answers(p *b2bua.Passage, m *wire.Message) *question {
	if m.Status() >= 300 || k.record.State == dialog.Ended {
		return nil
	}
	if p.Target != nil {
		return k.askAnswer(m, p.Answerer(), p.Target)
	}
	if a, ok := p.Value.(*anchor); ok {
		early := m.Status() < 200 || k.record.State == dialog.Early
		return a.askAnswer(m, p.Answerer(), k.sources[p.From.Other()], early, a.first, k.profiles[p.From])
	}
	return nil
}

// Response implements b2bua.Handler.
func (k *limited) Response(now time.Time, p *b2bua.Passage, m *wire.Message, e *wire.Edit) error {
	e.RemoveName("P-Edge")
	if m.Status() >= 300 || k.record.State == dialog.Ended {
		return nil
	}
	a, _ := p.Value.(*anchor)
	if p.Target != nil {
		a = k.anchor
		if m.Status() >= 200 {
			k.sources[dialog.Callee] = bindingSource(p.Target)
			k.answered, k.profiles[dialog.Callee] = k.leg(p.Target), k.answering(p.Target, m)
			k.ways[dialog.Callee] = k.wayOf(p.Target)
		}
	}
	if a == nil {
		return nil
	}
	if err := a.answer(m, p.Answerer(), e); err != nil && m.Status() >= 200 {
		return &proxy.Refusal{Status: 488, Reason: "Media Not Acceptable"}
	}
	if p.Target == nil && m.Status() >= 200 {
		k.takeDigits(now) // of streams that are new
	}
	return nil
}
