package geo

import (
	"errors"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/wire"
)

// Request implements [relay.Media].
func (a *Anchor) Request(leg relay.Leg, m *wire.Message, edit *wire.Edit) relay.Decision {
	d := relay.Decision{Node: leg.Node, Memo: leg.Memo}
	method := m.Method()
	switch method {
	case wire.INVITE, wire.UPDATE, wire.PRACK, wire.ACK:
	default:
		return d
	}
	forms := method == wire.INVITE && m.ToTag() == nil
	if leg.Node == 0 && !forms {
		return d // a call from before there were relays, or none
	}
	sdp, err := find(m)
	if err != nil {
		d.Status = a.refuse(err)
	} else {
		a.request(&leg, m, edit, sdp, forms, &d)
	}
	if d.Status > relay.Pending && method == wire.ACK {
		edit.SetBody("", nil)
		edit.RemoveAll(wire.HdrContentType)
		d.Status = 0
	}
	return d
}

func (a *Anchor) request(leg *relay.Leg, m *wire.Message, edit *wire.Edit, sdp description, forms bool, d *relay.Decision) {
	k := memo(leg.Memo)
	nodes := a.at(leg.Node)
	if m.Method() == wire.INVITE {
		if k &^= offered | forming; forms {
			k, nodes = newMemo(leg, a.seed), a.choose(m.CallID())
		}
		if !sdp.none() {
			k |= offered
		}
		d.Memo = uint8(k)
	}
	if sdp.none() {
		if forms && len(nodes) == 0 {
			d.Status = a.refuse(ng.ErrNoNode)
		} else if forms {
			d.Node = uint8(nodes[0] + 1)
		}
		return
	}
	q := &question{cookie: cookie(leg, m, Offer), command: Offer, nodes: nodes}
	if late := m.Method() == wire.ACK || m.Method() == wire.PRACK && k&offered == 0; late {
		q.cookie, q.command = cookie(leg, m, Answer), Answer
		q.request = a.message(leg, m, k, Answer, m.ToTag(), m.FromTag(), sdp)
	} else {
		q.request = a.message(leg, m, k, Offer, m.FromTag(), m.ToTag(), sdp)
	}
	if forms {
		q.request.Set("via-branch", string(leg.Branch))
	}
	if d.Status = a.put(leg, edit, sdp, q); d.Status == 0 && forms {
		d.Node = uint8(q.node + 1)
	}
}

// put asks and puts the answer into the message; or it is the status to refuse
// the message with, or relay.Pending.
func (a *Anchor) put(leg *relay.Leg, edit *wire.Edit, sdp description, q *question) (status int) {
	known := a.ask(q, leg.Last)
	switch {
	case known == nil:
		return relay.Pending
	case known.err != nil:
		return a.refuse(known.err)
	case len(known.sdp) == 0:
		return a.refuse(&ng.ReplyError{Reason: "no description"})
	}
	q.node = known.node
	sdp.replace(edit, known.sdp)
	return 0
}

// refuse counts a message that does not go on, and says with what status.
func (a *Anchor) refuse(err error) int {
	var said *ng.ReplyError
	switch {
	case errors.Is(err, errForeign):
		a.foreign.Add(1)
		return 415
	case errors.As(err, &said) && !said.Full():
		a.unacceptable.Add(1)
		return 488
	}
	a.unavailable.Add(1)
	return 503
}

// Response implements [relay.Media].
func (a *Anchor) Response(leg relay.Leg, m *wire.Message, edit *wire.Edit) int {
	status, k := m.Status(), memo(leg.Memo)
	if leg.Node == 0 || status <= 100 {
		return 0
	}
	switch method := m.CSeqMethod(); {
	case method == wire.INVITE && status < 300, method == wire.UPDATE && status/100 == 2, method == wire.PRACK && status/100 == 2:
		return a.response(&leg, m, edit, k)
	case method == wire.INVITE && status >= 300 && k&forming != 0:
		// What follows may be the same INVITE with credentials: the ports of this
		// one are free before it leaves.
		return a.end(&leg, m, k, false)
	case method == wire.BYE && status >= 200 && status != 401 && status != 407:
		return a.end(&leg, m, k, true)
	}
	return 0
}

func (a *Anchor) response(leg *relay.Leg, m *wire.Message, edit *wire.Edit, k memo) int {
	sdp, err := find(m)
	invite := m.CSeqMethod() == wire.INVITE
	switch {
	case err != nil:
		return a.refuse(err)
	case !sdp.none():
	case invite && m.Status() >= 200 && k&offered != 0:
		q := &question{cookie: cookie(leg, m, Confirm), command: Confirm, nodes: a.at(leg.Node), alone: true}
		q.request = a.message(leg, m, k, Confirm, m.FromTag(), m.ToTag(), sdp)
		a.ask(q, false)
		return 0
	default:
		return 0
	}
	q := &question{cookie: cookie(leg, m, Answer), command: Answer, nodes: a.at(leg.Node)}
	if invite && k&offered == 0 {
		q.cookie, q.command = cookie(leg, m, Offer), Offer
		q.request = a.message(leg, m, k, Offer, m.ToTag(), m.FromTag(), sdp)
	} else {
		q.request = a.message(leg, m, k, Answer, m.FromTag(), m.ToTag(), sdp)
		if invite && k&forming != 0 {
			q.request.Set("via-branch", string(leg.Branch))
		}
	}
	return a.put(leg, edit, sdp, q)
}

// end deletes the branch or the dialog that a final response ends. The response
// leaves even if that fails.
func (a *Anchor) end(leg *relay.Leg, m *wire.Message, k memo, alone bool) int {
	q := &question{cookie: cookie(leg, m, Delete), command: Delete, nodes: a.at(leg.Node), alone: alone}
	if alone {
		q.request = a.message(leg, m, k, Delete, m.FromTag(), m.ToTag(), description{})
	} else {
		q.request = a.message(leg, m, k, Delete, m.FromTag(), nil, description{})
		q.request.Set("via-branch", string(leg.Branch))
		q.request.Set("delete-delay", int64(0))
	}
	if known := a.ask(q, leg.Last); known == nil && !alone {
		return relay.Pending
	}
	return 0
}

// message is a command for the session of a call.
func (a *Anchor) message(leg *relay.Leg, m *wire.Message, k memo, c Command, from, to []byte, sdp description) ng.Dict {
	name := c.String()
	if c == Confirm {
		name = Answer.String()
	}
	d := ng.Of("command", name, "call-id", k.name(m.CallID()), "from-tag", string(from))
	if len(to) > 0 {
		d.Set("to-tag", string(to))
	}
	if c == Delete {
		return d
	}
	o := ng.Options{TOS: -1, Source: source(leg)}
	o.Replace.Origin, o.Replace.SessionConnection = true, true
	if c == Offer {
		d.Set("supports", []string{"load limit"})
		if o.FromInterface, o.ToInterface = a.cfg.Inside, a.cfg.Outside; leg.Inward {
			o.FromInterface, o.ToInterface = a.cfg.Outside, a.cfg.Inside
		}
	} else if !m.IsRequest() {
		o.Early = m.Status() < 200
	}
	o.Set(&d)
	d.Set("sdp", sdp.text())
	return d
}
