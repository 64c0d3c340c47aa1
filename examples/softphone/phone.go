package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/shard"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// phone is a user agent with one line. What is behind the pool (layer, dialog,
// answer) belongs to the pool's goroutine; other goroutines reach it by do.
type phone struct {
	o        *options
	aor      string // sip:user@domain
	contact  string
	via      string // "SIP/2.0/UDP 192.0.2.7:40112"
	flow     transport.Flow
	media    *media
	endpoint *transport.Endpoint
	pool     *shard.Pool
	work     *errgroup.Group
	stop     context.CancelFunc
	digests  map[wire.HeaderID]*digest.Client // by the header that credentials go into
	callID   string                           // of the registrations
	cseq     uint32

	layer    *transaction.Layer
	dialog   *dialog
	answer   *answer // our 2xx, not acknowledged yet
	accepted chan struct{}
	gone     chan struct{} // closed when the other side has hung up
	over     bool
}

func newPhone(ctx context.Context, o *options, protocol transport.Protocol, server netip.AddrPort, local netip.Addr, m *media) (*phone, error) {
	p := &phone{o: o, aor: "sip:" + o.user + "@" + o.domain, media: m, accepted: make(chan struct{}), gone: make(chan struct{})}
	p.digests = map[wire.HeaderID]*digest.Client{
		wire.HdrAuthorization:      {User: o.user, Password: o.password}, // registrar or user agent
		wire.HdrProxyAuthorization: {User: o.user, Password: o.password}, // proxy
	}
	var err error
	p.endpoint, err = transport.Listen(ctx, transport.Config{
		Listeners: []transport.ListenerConfig{{Protocol: protocol, Addr: netip.AddrPortFrom(local, 0)}},
	})
	if err != nil {
		return nil, err
	}
	self := p.endpoint.Listener(0).Addr
	p.via = fmt.Sprintf("SIP/2.0/%s %v", protocol.ViaToken(), self)
	p.contact = fmt.Sprintf("<sip:%s@%v;transport=%s>", o.user, self, protocol.URIParam())
	p.layer = transaction.New(transaction.Config{Send: p.endpoint.Send, User: p, RefuseMerged: true})
	p.callID = rand.Text()
	p.pool = shard.New(shard.Config{Shards: 1}, func(int, *shard.Sender) shard.Core { return p })
	inner, stop := context.WithCancel(context.WithoutCancel(ctx)) // we still say goodbye after Ctrl-C
	p.stop = stop
	p.work, inner = errgroup.WithContext(inner)
	p.work.Go(func() error { return p.endpoint.Serve(inner, p.pool) })
	p.work.Go(func() error { return p.pool.Run(inner) })
	if p.flow, err = p.connect(ctx, protocol, server); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// connect makes the flow on which all requests leave: the server is our
// outbound proxy, whatever Route they have.
func (p *phone) connect(ctx context.Context, protocol transport.Protocol, server netip.AddrPort) (transport.Flow, error) {
	for {
		flow, err := p.endpoint.Dial(ctx, 0, protocol, server)
		if !errors.Is(err, transport.ErrNotServing) { // Serve is about to run
			return flow, err
		}
		time.Sleep(time.Millisecond)
	}
}

func (p *phone) close() {
	p.stop()
	_ = p.work.Wait() // what went wrong has been seen by the requests
}

// do runs f on the goroutine of the pool and waits for it.
func (p *phone) do(ctx context.Context, f func(now time.Time) error) error {
	result := make(chan error, 1)
	if err := p.pool.Do(ctx, "", func(now time.Time, _ shard.Core) { result <- f(now) }); err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Receive implements shard.Core.
func (p *phone) Receive(now time.Time, m *wire.Message, from transport.Flow) {
	p.layer.Receive(now, m, from)
}

// Advance implements shard.Core.
func (p *phone) Advance(now time.Time) (time.Time, bool) { return p.layer.Advance(now) }

// Close implements shard.Core.
func (p *phone) Close(time.Time) {}

// exchange is a request of ours and what comes back.
type exchange struct {
	phone     *phone
	tx        *transaction.Client
	responses chan []byte // whole messages
	failed    chan error
	ack       []byte // of a 2xx, sent again when that is
}

// Response implements transaction.ClientUser.
func (e *exchange) Response(_ time.Time, _ *transaction.Client, m *wire.Message) {
	if e.ack != nil {
		_ = e.phone.layer.Send(e.phone.flow, e.ack) // lost or not, the 2xx is repeated until it arrives
		return
	}
	select {
	case e.responses <- append([]byte(nil), m.Bytes()...):
	default: // so many provisional responses that nobody reads them
	}
}

// Failed implements transaction.ClientUser.
func (e *exchange) Failed(_ time.Time, _ *transaction.Client, err error) { e.failed <- err }

// next is the next response.
func (e *exchange) next(ctx context.Context) (*wire.Message, error) {
	select {
	case b := <-e.responses:
		m := new(wire.Message)
		return m, m.Parse(b, nil)
	case err := <-e.failed:
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// request sends a request and returns its final response; with credentials when
// it is challenged. compose writes the header fields behind Via and Max-Forwards
// and returns body and type; ringing hears provisional responses.
func (p *phone) request(ctx context.Context, method, uri string, compose func(b *wire.Builder) (string, []byte), ringing func(*wire.Message)) (*exchange, *wire.Message, error) {
	header := wire.HdrProxyAuthorization
	if method == "REGISTER" {
		header = wire.HdrAuthorization
	}
	for try := 0; ; try++ {
		e := &exchange{phone: p, responses: make(chan []byte, 64), failed: make(chan error, 1)}
		if err := p.do(ctx, func(now time.Time) (err error) {
			msg, err := p.compose(method, uri, header, compose)
			if err != nil {
				return err
			}
			e.tx, err = p.layer.NewClient(now, msg, p.flow, e)
			return err
		}); err != nil {
			return nil, nil, err
		}
		m, err := p.final(ctx, e, ringing)
		if err != nil || m.Status() != 401 && m.Status() != 407 || try == 2 {
			return e, m, err
		}
		header = wire.HdrAuthorization
		if m.Status() == 407 {
			header = wire.HdrProxyAuthorization
		}
		if _, err := p.digests[header].Challenged(m); err != nil {
			return e, m, err
		}
	}
}

func (p *phone) compose(method, uri string, header wire.HeaderID, more func(b *wire.Builder) (string, []byte)) ([]byte, error) {
	var b wire.Builder
	b.Request(nil, method, []byte(uri))
	b.HeaderString(wire.HdrVia, p.via+";rport;branch="+string(p.layer.AppendBranch(nil)))
	b.HeaderString(wire.HdrMaxForwards, "70")
	contentType, body := more(&b)
	if c := p.digests[header]; c.Ready() {
		b.Header(header, c.AppendAuthorization(nil, method, []byte(uri), body))
	}
	b.HeaderString(wire.HdrUserAgent, "class5-softphone")
	return b.End(contentType, body)
}

// final waits for the final response. When ctx ends before, it cancels.
func (p *phone) final(ctx context.Context, e *exchange, ringing func(*wire.Message)) (*wire.Message, error) {
	for {
		m, err := e.next(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			return nil, errors.Join(err, p.do(clean, func(now time.Time) error { e.tx.Cancel(now, nil); return nil }))
		case err != nil:
			return nil, err
		case m.Status() >= 200:
			return m, nil
		case ringing != nil:
			ringing(m)
		}
	}
}

// register registers for some seconds; 0 ends it.
func (p *phone) register(ctx context.Context, seconds int64) error {
	_, m, err := p.request(ctx, "REGISTER", "sip:"+p.o.domain, func(b *wire.Builder) (string, []byte) {
		p.cseq++
		b.HeaderString(wire.HdrFrom, "<"+p.aor+">;tag="+p.callID)
		b.HeaderString(wire.HdrTo, "<"+p.aor+">")
		b.HeaderString(wire.HdrCallID, p.callID)
		b.HeaderString(wire.HdrCSeq, fmt.Sprintf("%d REGISTER", p.cseq))
		b.HeaderString(wire.HdrContact, p.contact)
		b.HeaderInt(wire.HdrExpires, seconds)
		b.HeaderString(wire.HdrSupported, "path, outbound")
		return "", nil
	}, nil)
	return status(m, err)
}

// status makes an error of a response other than 2xx.
func status(m *wire.Message, err error) error {
	if err == nil && m.Status() >= 300 {
		return fmt.Errorf("%d %s", m.Status(), m.ReasonPhrase())
	}
	return err
}
