package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// invite calls somebody and returns when he has answered.
func (p *phone) invite(ctx context.Context, uri string, out io.Writer) error {
	callID, tag, cseq := rand.Text(), rand.Text(), uint32(0)
	e, m, err := p.request(ctx, "INVITE", uri, func(b *wire.Builder) (string, []byte) {
		cseq++
		b.HeaderString(wire.HdrFrom, "<"+p.aor+">;tag="+tag)
		b.HeaderString(wire.HdrTo, "<"+uri+">")
		b.HeaderString(wire.HdrCallID, callID)
		b.HeaderString(wire.HdrCSeq, fmt.Sprintf("%d INVITE", cseq))
		b.HeaderString(wire.HdrContact, p.contact)
		b.HeaderString(wire.HdrAllow, allow)
		return "application/sdp", p.media.offer()
	}, func(m *wire.Message) {
		if m.Status() > 100 {
			fmt.Fprintf(out, "%d %s\n", m.Status(), m.ReasonPhrase())
		}
	})
	if err := status(m, err); err != nil {
		return fmt.Errorf("call to %s: %w", uri, err)
	}
	if err := p.do(ctx, func(time.Time) error { return p.acknowledge(e, m, cseq) }); err != nil {
		return err
	}
	if err := p.media.answered(m.Body()); err != nil {
		return errors.Join(err, p.hangUp(ctx))
	}
	return nil
}

// acknowledge sends the ACK of a 2xx, and leaves it to be sent again.
func (p *phone) acknowledge(e *exchange, m *wire.Message, cseq uint32) error {
	d, err := callerDialog(m, cseq)
	if err != nil {
		return err
	}
	var b wire.Builder
	b.Request(nil, "ACK", []byte(d.target))
	b.HeaderString(wire.HdrVia, p.via+";rport;branch="+string(p.layer.AppendBranch(nil)))
	b.HeaderString(wire.HdrMaxForwards, "70")
	d.compose(&b, "ACK")
	ack, err := b.End("", nil)
	if err != nil {
		return err
	}
	p.dialog, e.ack = d, ack
	return p.layer.Send(p.flow, ack)
}

// hangUp ends the call.
func (p *phone) hangUp(ctx context.Context) error {
	var d *dialog
	if err := p.do(ctx, func(time.Time) error { d, p.dialog = p.dialog, nil; return nil }); err != nil || d == nil {
		return err // nothing to end
	}
	_, m, err := p.request(ctx, "BYE", d.target, func(b *wire.Builder) (string, []byte) {
		d.compose(b, "BYE")
		return "", nil
	}, nil)
	if err := status(m, err); err != nil {
		return fmt.Errorf("hanging up: %w", err)
	}
	return nil
}

// await returns when a call has been answered.
func (p *phone) await(ctx context.Context) error {
	select {
	case <-p.accepted:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("nobody has called: %w", ctx.Err())
	}
}

// peer shows the other side.
func (p *phone) peer() string {
	name := "nobody"
	_ = p.do(context.Background(), func(time.Time) error {
		if p.dialog != nil {
			name = p.dialog.target
		}
		return nil
	})
	return name
}
