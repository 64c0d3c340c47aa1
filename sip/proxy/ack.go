package proxy

import (
	"hash/maphash"
	"strconv"

	"github.com/class5-go/class5/sip/wire"
)

// Ack forwards the ACK of a 2xx along its Route set, without state (RFC 3261
// section 16.11). edit, when not nil, may add to the edits, as Call.Forward
// does for other requests. An ACK that cannot be forwarded is dropped; the
// error says why, for a log. The ACK of a refusal may come here too, after its
// transaction is gone: an element that record-routes knows it by Way, which
// finds no Own in it.
func (p *Proxy) Ack(m *wire.Message, edit func(m *wire.Message, e *wire.Edit) error) error {
	if err := p.ack(m, edit); err != nil {
		p.stats.AcksLost++
		return err
	}
	p.stats.Acks++
	return nil
}

func (p *Proxy) ack(m *wire.Message, edit func(m *wire.Message, e *wire.Edit) error) error {
	if n, ok := m.MaxForwards(); ok && n == 0 {
		return &Refusal{Status: 483}
	}
	if p.looped(m) {
		return &Refusal{Status: 482}
	}
	e := &p.edit
	e.Reset()
	uri, err := p.route(m, &Target{}, e)
	if err != nil {
		return err
	}
	flow, err := p.cfg.Resolve(uri)
	if err != nil {
		return err
	}
	p.hop(m, e)
	p.scratch = p.appendVia(p.scratch[:0], flow)
	p.scratch = p.appendStateless(p.scratch, m)
	p.scratch = p.appendMark(append(p.scratch, markSep), m)
	e.Prepend(wire.HdrVia, p.scratch)
	if edit != nil {
		if err := edit(m, e); err != nil {
			return err
		}
	}
	if p.out, err = m.Append(p.out[:0], e); err != nil {
		return err
	}
	return p.cfg.Layer.Send(flow, p.out)
}

// appendStateless writes a branch that is the same for each copy of an ACK and
// no other.
func (p *Proxy) appendStateless(dst []byte, m *wire.Message) []byte {
	via, _ := m.TopVia()
	var h maphash.Hash
	h.SetSeed(p.seed)
	_, _ = h.Write(via.Raw)
	_, _ = h.Write(m.CallID())
	dst = append(dst, "z9hG4bKa"...)
	return strconv.AppendUint(dst, h.Sum64(), 36)
}
