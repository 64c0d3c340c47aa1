package b2bua

import (
	"bytes"
	"strconv"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// request plans the edits that send a request of one leg on the other: what
// belongs to the dialog is replaced, everything else stays.
func (b *B2BUA) request(m *wire.Message, l *leg, seq uint32, uri string, routes []string, flow transport.Flow, e *wire.Edit) {
	e.RequestURI([]byte(uri))
	e.RemoveAll(wire.HdrVia)
	e.Prepend(wire.HdrVia, b.via(flow))
	e.RemoveAll(wire.HdrRoute)
	for _, r := range routes {
		e.Add("Route", []byte(r))
	}
	e.RemoveAll(wire.HdrRecordRoute)
	e.RemoveAll(wire.HdrAuthorization)
	e.RemoveAll(wire.HdrProxyAuthorization)
	e.RemoveAll(wire.HdrProxyRequire)
	e.Set(wire.HdrFrom, []byte(l.from))
	e.Set(wire.HdrTo, []byte(l.to))
	e.Set(wire.HdrCallID, []byte(l.callID))
	e.Set(wire.HdrCSeq, append(append(strconv.AppendUint(nil, uint64(seq), 10), ' '), m.MethodName()...))
	n, ok := m.MaxForwards()
	if !ok {
		n = 71
	}
	e.Set(wire.HdrMaxForwards, strconv.AppendInt(nil, int64(n-1), 10))
	e.EnsureContentLength()
}

// ourContact puts us in place of the other side's Contact.
func (b *B2BUA) ourContact(m *wire.Message, c *Call, e *wire.Edit) {
	if m.Count(wire.HdrContact) > 0 {
		e.Set(wire.HdrContact, []byte("<sip:"+c.plan.ID+"@"+b.cfg.Host+">"))
	}
}

// response plans the edits that make the response m of one leg that to req on
// the other. tag is our To tag there.
func (b *B2BUA) response(m, req *wire.Message, c *Call, tag string, e *wire.Edit) {
	e.RemoveAll(wire.HdrVia)
	vias := values(req, wire.HdrVia)
	for i := len(vias) - 1; i >= 0; i-- {
		e.Prepend(wire.HdrVia, []byte(vias[i]))
	}
	from, _ := req.First(wire.HdrFrom)
	to, _ := req.First(wire.HdrTo)
	e.Set(wire.HdrFrom, wire.AppendUnfolded(nil, from.Value))
	value := string(wire.AppendUnfolded(nil, to.Value))
	if len(req.ToTag()) == 0 {
		value = retag([]byte(value), tag)
	}
	e.Set(wire.HdrTo, []byte(value))
	e.Set(wire.HdrCallID, req.CallID())
	n, method := req.CSeq()
	e.Set(wire.HdrCSeq, append(append(strconv.AppendUint(nil, uint64(n), 10), ' '), method...))
	e.RemoveAll(wire.HdrRecordRoute)
	if s := m.Status(); s > 100 && s < 300 && len(req.ToTag()) == 0 {
		if c.plan.RecordRoute != "" {
			e.Add("Record-Route", []byte(c.plan.RecordRoute))
		}
		for _, v := range values(req, wire.HdrRecordRoute) {
			e.Add("Record-Route", []byte(v))
		}
	}
	if m.Status() < 300 {
		b.ourContact(m, c, e)
	}
	e.EnsureContentLength()
}

// rack rewrites the CSeq number in RAck to that of the INVITE on the other leg.
func (p *pair) rack(m *wire.Message, from dialog.Side, e *wire.Edit) {
	h, ok := m.First(wire.HdrRAck)
	field := bytes.Fields(h.Value)
	if !ok || len(field) != 3 {
		return // the other side refuses it
	}
	seq := uint32(firstCSeq)
	if x := p.invites[from]; x != nil && string(field[1]) == strconv.FormatUint(uint64(x.in), 10) {
		seq = x.out
	}
	field[1] = strconv.AppendUint(nil, uint64(seq), 10)
	e.Set(wire.HdrRAck, bytes.Join(field, []byte(" ")))
}

// learn takes target and routes of a callee from a response that makes a dialog.
func (p *pair) learn(m *wire.Message, record string) {
	l := &p.legs[dialog.Callee]
	to, _ := m.First(wire.HdrTo)
	l.to = string(wire.AppendPlain(nil, wire.AppendUnfolded(nil, to.Value)))
	if uri := contact(m); uri != "" {
		l.target = uri
	}
	routes := values(m, wire.HdrRecordRoute)
	l.routes = l.routes[:0]
	for i := len(routes) - 1; i >= 0; i-- {
		if routes[i] != record { // our own, which stands last
			l.routes = append(l.routes, routes[i])
		}
	}
}
