package sipgen

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

const proxyTag = "proxy7d1f"

// FakeProxy stands behind an edge: it checks every request that arrives and
// answers it 200. Use one for each socket of Config.Ends.
type FakeProxy struct {
	run  *Run   // of the clients; nil when they are in other processes
	self []byte // own Record-Route

	view    wire.Message
	build   wire.Builder
	figures ProxyFigures
}

// ProxyFigures is what a FakeProxy has seen; to be read when the run has ended.
type ProxyFigures struct {
	Requests uint64            // well relayed
	Measured uint64            // of these in the measured part
	Faults   map[string]uint64 // wrong ones, which got no answer
	OneWay   meter.Histogram   // client to proxy, in the measured part
}

// Bind tells the proxy where it stands, before the run is run.
func (p *FakeProxy) Bind(r *Run, end int) {
	p.run = r
	p.at(r.End(end))
}

func (p *FakeProxy) at(addr netip.AddrPort) {
	p.self = fmt.Appendf(nil, "<sip:%v;lr>", addr)
	p.figures.Faults = make(map[string]uint64)
}

// Figures are what was seen.
func (p *FakeProxy) Figures() *ProxyFigures { return &p.figures }

// ServeSIP implements Server.
func (p *FakeProxy) ServeSIP(batch []transport.Packet, out *transport.Outbox) {
	now := time.Now()
	for _, packet := range batch {
		if fault := p.request(now, packet, out); fault != "" {
			p.figures.Faults[fault]++
		}
	}
}

func (p *FakeProxy) request(now time.Time, packet transport.Packet, out *transport.Outbox) (fault string) {
	m := &p.view
	if m.Parse(packet.Data, nil) != nil {
		return "request is malformed"
	}
	if !m.IsRequest() {
		return "a response"
	}
	if m.Method() == wire.OPTIONS && m.Count(wire.HdrVia) == 1 {
		// The edge itself asks whether we live.
		if answer, err := p.respond(out.Buffer(), m); err == nil {
			_ = out.Send(packet.Flow, answer)
		}
		return ""
	}
	id, ok := ParseID(m.CallID())
	if !ok || p.run != nil && (int(id.Lane) >= len(p.run.lanes) || int(id.Slot) >= len(p.run.lanes[id.Lane].sent)) {
		return "request of nobody"
	}
	if fault := p.check(m); fault != "" {
		return fault
	}
	answer, err := p.respond(out.Buffer(), m)
	if err != nil {
		return "answer cannot be composed"
	}
	p.figures.Requests++
	if p.run != nil && p.run.Measuring() {
		p.figures.Measured++
		p.figures.OneWay.Add(time.Duration(now.UnixNano() - p.run.lanes[id.Lane].sent[id.Slot].Load()))
	}
	_ = out.Send(packet.Flow, answer) // what is not sent is lost in time
	return ""
}

// check holds a request against the rules for an edge (RFC 3261 section 16.6,
// RFC 3327).
func (p *FakeProxy) check(m *wire.Message) string {
	vias := m.Values(wire.HdrVia)
	var second []byte
	for n := 0; vias.Next() && n < 2; n++ {
		second = vias.Value()
	}
	if m.Count(wire.HdrVia) < 2 || !bytes.Contains(second, []byte("received=127.")) || !bytes.Contains(second, []byte("rport=")) {
		return "the client's Via lacks received and rport"
	}
	if hops, ok := m.MaxForwards(); !ok || hops != 69 {
		return "Max-Forwards was not counted down"
	}
	switch m.Method() {
	case wire.REGISTER:
		if m.Count(wire.HdrPath) == 0 {
			return "REGISTER without Path"
		}
		if _, ok := m.First(wire.HdrAuthorization); !ok {
			return "REGISTER without its credentials"
		}
	case wire.INVITE:
		if m.Count(wire.HdrRecordRoute) == 0 {
			return "INVITE without Record-Route"
		}
		if !bytes.HasPrefix(m.Body(), []byte("v=0\r\n")) || !bytes.HasSuffix(m.Body(), []byte("a=rtcp:16385\r\n")) {
			return "INVITE with another body"
		}
	case wire.BYE:
		route, ok := m.First(wire.HdrRoute)
		if !ok || !bytes.HasPrefix(route.Value, p.self) {
			return "BYE whose first Route is not ours"
		}
	default:
		return "unexpected " + string(m.MethodName())
	}
	return ""
}

func (p *FakeProxy) respond(dst []byte, m *wire.Message) ([]byte, error) {
	b := &p.build
	b.Response(dst, 200, "")
	b.Copy(m, wire.HdrVia)
	if m.Method() == wire.INVITE {
		b.Header(wire.HdrRecordRoute, p.self)
		b.Copy(m, wire.HdrRecordRoute)
		b.HeaderString(wire.HdrContact, "<sip:4319001@192.0.2.200:5060>")
	}
	b.Copy(m, wire.HdrFrom)
	if len(m.ToTag()) > 0 {
		b.Copy(m, wire.HdrTo)
	} else {
		to, _ := m.First(wire.HdrTo)
		var room [256]byte
		b.Header(wire.HdrTo, append(append(room[:0], to.Value...), ";tag="+proxyTag...))
	}
	b.Copy(m, wire.HdrCallID)
	b.Copy(m, wire.HdrCSeq)
	if m.Method() == wire.REGISTER {
		b.Copy(m, wire.HdrContact)
	}
	return b.End("", nil)
}

// Proxies makes n fake proxies and the run whose ends they are.
func Proxies(n int, makeRun func(ends []Server) (*Run, error)) (*Run, []*FakeProxy, []netip.AddrPort, error) {
	proxies, ends := make([]*FakeProxy, n), make([]Server, n)
	for i := range proxies {
		proxies[i] = &FakeProxy{}
		ends[i] = proxies[i]
	}
	run, err := makeRun(ends)
	if err != nil {
		return nil, nil, nil, err
	}
	addrs := make([]netip.AddrPort, n)
	for i, p := range proxies {
		p.Bind(run, i)
		addrs[i] = run.End(i)
	}
	return run, proxies, addrs, nil
}

// ServeProxies runs n fake proxies for clients in other processes, until stop.
func ServeProxies(ctx context.Context, n int) (proxies []*FakeProxy, addrs []netip.AddrPort, stop func() error, err error) {
	listeners := make([]transport.ListenerConfig, n)
	for i := range listeners {
		listeners[i] = transport.ListenerConfig{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("127.0.0.1:0"), Batch: 64}
	}
	e, err := transport.Listen(ctx, transport.Config{Listeners: listeners})
	if err != nil {
		return nil, nil, nil, err
	}
	for i := range n {
		p := &FakeProxy{}
		p.at(e.Listener(uint8(i)).Addr)
		proxies, addrs = append(proxies, p), append(addrs, e.Listener(uint8(i)).Addr)
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- e.Serve(ctx, transport.HandlerFunc(func(batch []transport.Packet, out *transport.Outbox) {
			proxies[batch[0].Flow.Listener].ServeSIP(batch, out)
		}))
	}()
	return proxies, addrs, func() error { cancel(); return <-ended }, nil
}
