package main

import (
	"fmt"

	"github.com/class5-go/class5/sip/wire"
)

// dialog is our half of a dialog (RFC 3261 section 12).
type dialog struct {
	callID        string
	local, remote string // From and To of our requests, with tags
	target        string // the other side's Contact
	routes        []string
	cseq          uint32 // of our last request
}

// callerDialog is made by the 2xx to our INVITE.
func callerDialog(m *wire.Message, cseq uint32) (*dialog, error) {
	d, err := newDialog(m, wire.HdrFrom, wire.HdrTo)
	if err != nil {
		return nil, err
	}
	for i, j := 0, len(d.routes)-1; i < j; i, j = i+1, j-1 {
		d.routes[i], d.routes[j] = d.routes[j], d.routes[i]
	}
	d.cseq = cseq
	return d, nil
}

// calleeDialog is made by an INVITE that we answer with a tag.
func calleeDialog(m *wire.Message, tag string) (*dialog, error) {
	d, err := newDialog(m, wire.HdrTo, wire.HdrFrom)
	if err != nil {
		return nil, err
	}
	d.local += ";tag=" + tag
	return d, nil
}

func newDialog(m *wire.Message, local, remote wire.HeaderID) (*dialog, error) {
	l, _ := m.First(local)
	r, _ := m.First(remote)
	d := &dialog{
		callID: string(m.CallID()), local: string(wire.AppendUnfolded(nil, l.Value)), remote: string(wire.AppendUnfolded(nil, r.Value)),
	}
	for v := m.Values(wire.HdrRecordRoute); v.Next(); {
		d.routes = append(d.routes, string(wire.AppendUnfolded(nil, v.Value())))
	}
	return d, d.retarget(m)
}

// retarget takes the Contact of an INVITE or of the answer to one.
func (d *dialog) retarget(m *wire.Message) error {
	contact, ok := m.First(wire.HdrContact)
	if !ok {
		return fmt.Errorf("no Contact from %s", d.remote)
	}
	c, err := wire.ParseNameAddr(contact.Value)
	if err != nil {
		return err
	}
	d.target = string(c.URI)
	return nil
}

// compose writes what a request of the dialog has: for request.
func (d *dialog) compose(b *wire.Builder, method string) {
	if method != "ACK" {
		d.cseq++
	}
	for _, r := range d.routes {
		b.HeaderString(wire.HdrRoute, r)
	}
	b.HeaderString(wire.HdrFrom, d.local)
	b.HeaderString(wire.HdrTo, d.remote)
	b.HeaderString(wire.HdrCallID, d.callID)
	b.HeaderString(wire.HdrCSeq, fmt.Sprintf("%d %s", d.cseq, method))
}
