package main

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// panel is a telephone exchange of the old kind: whoever has registered is on a
// plug, and what is for him is sent there. Media pass directly.
type panel struct {
	endpoint *transport.Endpoint
	server   *digest.Server

	mu    sync.Mutex
	plugs map[string]transport.Flow // by user, and by the sent-by of his Vias
}

const secret = "a long password"

func (p *panel) HA1(_ context.Context, dst, user []byte, realm string, a digest.Algorithm) ([]byte, error) {
	return append(dst, digest.HA1(a, string(user), realm, secret)...), nil
}

// newPanel listens on UDP and TCP at the same port.
func newPanel(t *testing.T) *panel {
	t.Helper()
	p := &panel{plugs: make(map[string]transport.Flow)}
	var err error
	if p.server, err = digest.NewServer(digest.Config{Keys: digest.RandomKeys(), Credentials: p}, time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort("127.0.0.1:0")
	for range 20 { // the port that is free for UDP may be taken for TCP
		probe, err := transport.Listen(t.Context(), transport.Config{Listeners: []transport.ListenerConfig{{Protocol: transport.UDP, Addr: at}}})
		if err != nil {
			t.Fatal(err)
		}
		same := probe.Listener(0).Addr
		probe.Close()
		p.endpoint, err = transport.Listen(t.Context(), transport.Config{Listeners: []transport.ListenerConfig{
			{Protocol: transport.UDP, Addr: same}, {Protocol: transport.TCP, Addr: same},
		}})
		if err == nil {
			break
		}
	}
	if p.endpoint == nil {
		t.Fatal("no port")
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.endpoint.Serve(ctx, p) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *panel) addr() string { return p.endpoint.Listener(0).Addr.String() }

// ServeSIP implements transport.Handler.
func (p *panel) ServeSIP(batch []transport.Packet, out *transport.Outbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, packet := range batch {
		var m wire.Message
		if m.Parse(packet.Data, nil) != nil {
			continue
		}
		via, _ := m.TopVia()
		switch sentBy := fmt.Sprintf("%s:%d", via.Host, via.Port); {
		case !m.IsRequest():
			p.back(&m, out)
		case m.Method() == wire.REGISTER:
			p.plugs[sentBy] = packet.Flow
			p.register(&m, packet, out)
		default:
			p.plugs[sentBy] = packet.Flow
			p.forward(&m, packet, out)
		}
	}
}

func (p *panel) register(m *wire.Message, packet transport.Packet, out *transport.Outbox) {
	res := p.server.Verify(context.Background(), m, &digest.Exchange{Role: digest.Origin, Realm: "example.test", Now: packet.At})
	b, err := p.server.AppendResponse(out.Buffer(), m, &digest.Exchange{Role: digest.Origin, Realm: "example.test", Now: packet.At}, res.Outcome, "t")
	if res.Outcome == digest.OK {
		p.plugs[string(res.User)] = packet.Flow
		b, err = wire.AppendResponse(out.Buffer(), m, 200, "", "t")
	}
	if err == nil {
		_ = out.Send(packet.Flow, b)
	}
}

// forward sends a request to the plug of the Request-URI's user. New calls are
// challenged.
func (p *panel) forward(m *wire.Message, packet transport.Packet, out *transport.Outbox) {
	if m.Method() == wire.INVITE && len(m.ToTag()) == 0 {
		if res := p.server.Verify(context.Background(), m, &digest.Exchange{Role: digest.Proxy, Realm: "example.test", Now: packet.At}); res.Outcome != digest.OK {
			if b, err := p.server.AppendResponse(out.Buffer(), m, &digest.Exchange{Role: digest.Proxy, Realm: "example.test", Now: packet.At}, res.Outcome, "t"); err == nil {
				_ = out.Send(packet.Flow, b)
			}
			return
		}
	}
	uri, err := wire.ParseURI(m.RequestURI())
	to, ok := p.plugs[string(uri.User)]
	if err != nil || !ok {
		if b, err := wire.AppendResponse(out.Buffer(), m, 404, "", "t"); err == nil && m.Method() != wire.ACK {
			_ = out.Send(packet.Flow, b)
		}
		return
	}
	var e wire.Edit
	via, _ := m.TopVia()
	e.Prepend(wire.HdrVia, fmt.Appendf(nil, "SIP/2.0/%s %s;branch=%s-p", to.Protocol, p.addr(), via.Branch()))
	e.RemoveAll(wire.HdrRoute)
	if m.Method() == wire.INVITE {
		e.Prepend(wire.HdrRecordRoute, fmt.Appendf(nil, "<sip:%s;lr>", p.addr()))
	}
	if b, err := m.Append(out.Buffer(), &e); err == nil {
		_ = out.Send(to, b)
	}
}

// back sends a response to where the Via under ours says.
func (p *panel) back(m *wire.Message, out *transport.Outbox) {
	values := m.Values(wire.HdrVia)
	values.Next()
	if !values.Next() {
		return
	}
	via, err := wire.ParseVia(values.Value())
	if err != nil {
		return
	}
	var e wire.Edit
	e.RemoveFirstValue(wire.HdrVia)
	if b, err := m.Append(out.Buffer(), &e); err == nil {
		_ = out.Send(p.plugs[fmt.Sprintf("%s:%d", via.Host, via.Port)], b)
	}
}
