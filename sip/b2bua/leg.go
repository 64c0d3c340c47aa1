package b2bua

import (
	"strconv"
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// leg is one dialog, as this element has it with the user agent of one side.
type leg struct {
	callID        string
	local, remote string // tags
	from, to      string // values of From and To in requests that we send
	target        string
	routes        []string
	sent          uint32 // CSeq of our last request
	heard         uint32 // and of the other's
}

// pair is a dialog with the caller and the dialog with the callee behind it.
// A fork has one for each callee that rings.
type pair struct {
	call *Call
	legs [2]leg // by dialog.Side

	acked   bool // by the caller, for the 2xx that began the call
	ack     []byte
	ackFlow transport.Flow

	invites [2]*exchange // the re-INVITE of each side that may get its ACK yet
}

func (p *pair) passage(from dialog.Side, m wire.Method) *Passage {
	l := &p.legs[dialog.Caller]
	return &Passage{Call: p.call, From: from, Caller: l.remote, Callee: l.local, Method: m}
}

// next is the CSeq number of our next request.
func (l *leg) next() uint32 {
	if l.sent++; l.sent > 1<<31-1 {
		l.sent = 1
	}
	return l.sent
}

// retag gives a From or To value another tag, none for "".
func retag(value []byte, tag string) string {
	n, err := wire.ParseNameAddr(value)
	if err != nil {
		return string(value) // it was read when it came
	}
	var params []byte
	for name, v := range n.Params.All() {
		if wire.EqualFold(name, "tag") {
			continue
		}
		params = append(append(params, ';'), name...)
		if v != nil {
			params = append(append(params, '='), v...)
		}
	}
	if tag != "" {
		params = append(append(params, ";tag="...), tag...)
	}
	n.Params = params
	return string(wire.AppendPlain(nil, n.AppendTo(nil)))
}

// contact is the URI of the first Contact, "" when there is none to use.
func contact(m *wire.Message) string {
	n, ok := m.NameAddr(wire.HdrContact)
	if !ok || string(n.URI) == "*" {
		return ""
	}
	return string(n.URI)
}

// values are those of a header, without folds.
func values(m *wire.Message, id wire.HeaderID) []string {
	var list []string
	for v := m.Values(id); v.Next(); {
		list = append(list, string(wire.AppendUnfolded(nil, v.Value())))
	}
	return list
}

// send sends an ACK or starts another request of ours on a leg, outside of any
// passage, whose outcome changes nothing.
func (b *B2BUA) send(now time.Time, l *leg, method string, seq uint32, reason string) {
	if l.target == "" {
		return
	}
	if b.begin(now, l, method, seq, reason, "", nil, forget{}) != nil {
		b.stats.Unsent++ // the other side finds out by itself
	}
}

// begin sends an ACK or starts another request of ours on a leg.
func (b *B2BUA) begin(now time.Time, l *leg, method string, seq uint32, reason, contentType string, body []byte, user transaction.ClientUser) error {
	uri, routes, hop := strict(l.target, l.routes)
	flow, err := b.flow(hop)
	if err != nil {
		return err
	}
	w := &b.builder
	w.Request(b.out[:0], method, []byte(uri))
	w.Header(wire.HdrVia, b.via(flow))
	w.HeaderInt(wire.HdrMaxForwards, 70)
	for _, r := range routes {
		w.HeaderString(wire.HdrRoute, r)
	}
	w.HeaderString(wire.HdrFrom, l.from)
	w.HeaderString(wire.HdrTo, l.to)
	w.HeaderString(wire.HdrCallID, l.callID)
	w.HeaderString(wire.HdrCSeq, strconv.FormatUint(uint64(seq), 10)+" "+method)
	if reason != "" {
		w.HeaderString(wire.HdrReason, reason)
	}
	out, err := w.End(contentType, body)
	if err != nil {
		return err
	}
	b.out = out
	if method == "ACK" {
		_ = b.cfg.Layer.Send(flow, out) // it is asked for again when it is lost
		return nil
	}
	_, err = b.cfg.Layer.NewClient(now, out, flow, user)
	return err
}

// forget is the user of a request whose outcome changes nothing.
type forget struct{}

func (forget) Response(time.Time, *transaction.Client, *wire.Message) {}
func (forget) Failed(time.Time, *transaction.Client, error)           {}

// strict gives Request-URI, Route values and next hop of a request (RFC 3261
// section 12.2.1.1).
func strict(target string, routes []string) (uri string, list []string, hop string) {
	if len(routes) == 0 {
		return target, nil, target
	}
	n, err := wire.ParseNameAddr([]byte(routes[0]))
	if err != nil {
		return target, routes, routes[0]
	}
	first := string(n.URI)
	if u, err := wire.ParseURI(n.URI); err == nil && !u.Params.Has("lr") {
		list = append(append(list, routes[1:]...), "<"+target+">")
		return first, list, first
	}
	return target, routes, first
}

func (b *B2BUA) flow(uri string) (transport.Flow, error) {
	u, err := wire.ParseURI([]byte(uri))
	if err != nil {
		return transport.Flow{}, err
	}
	return b.cfg.Resolve(u)
}

// via is the value of our Via for a new request.
func (b *B2BUA) via(flow transport.Flow) []byte {
	v := append(b.scratch[:0], "SIP/2.0/"...)
	v = append(v, flow.Protocol.ViaToken()...)
	v = append(append(v, ' '), b.cfg.SentBy(flow)...)
	b.scratch = b.cfg.Layer.AppendBranch(append(v, ";branch="...))
	return b.scratch
}
