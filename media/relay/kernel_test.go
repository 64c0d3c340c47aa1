package relay_test

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/media/offload"
	"github.com/class5-go/class5/media/relay"
)

// fakeKernel is an offloader whose packets a test invents.
type fakeKernel struct {
	mu       sync.Mutex
	flows    map[netip.AddrPort]*offload.Flow
	stats    map[netip.AddrPort]offload.Stats
	err      error
	removed  int
	released int
}

func newFakeKernel() *fakeKernel {
	return &fakeKernel{flows: map[netip.AddrPort]*offload.Flow{}, stats: map[netip.AddrPort]offload.Stats{}}
}

func (k *fakeKernel) Install(f offload.Flow) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		k.flows[f.Local] = &f
	}
	return k.err
}

func (k *fakeKernel) Release(l netip.AddrPort) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.flows[l].Released = true
	k.released++
	return nil
}

func (k *fakeKernel) Remove(l netip.AddrPort) (offload.Stats, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.flows[l] == nil {
		return offload.Stats{}, offload.ErrUnknown
	}
	s := k.stats[l]
	delete(k.flows, l)
	delete(k.stats, l)
	k.removed++
	return s, nil
}

func (k *fakeKernel) Figures(l netip.AddrPort) (offload.Stats, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.flows[l] == nil {
		return offload.Stats{}, offload.ErrUnknown
	}
	return k.stats[l], nil
}

func (k *fakeKernel) Walk(visit func(netip.AddrPort, offload.Stats)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for l := range k.flows {
		visit(l, k.stats[l])
	}
	return nil
}

func (k *fakeKernel) Claim(locals ...netip.AddrPort) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range locals {
		if k.flows[l] == nil {
			return offload.ErrUnknown
		}
	}
	return nil
}

func (k *fakeKernel) Renew() error { return nil }
func (k *fakeKernel) Check() error { return k.err }

func (k *fakeKernel) flow(l netip.AddrPort) (f offload.Flow, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.flows[l] == nil {
		return f, false
	}
	return *k.flows[l], true
}

// forwards lets the kernel have forwarded packets of 172 octets.
func (k *fakeKernel) forwards(l netip.AddrPort, n uint64, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stats[l]
	s.Received.Packets += n
	s.Received.Octets += 172 * n
	s.Forwarded.Packets += n
	s.Forwarded.Octets += 172 * n
	s.Expected += n + 1
	s.Lost++
	s.Last, s.SSRC, s.PayloadType, s.Sources = at, 7, 8, 1
	k.stats[l] = s
}

// handsUp lets the kernel have counted a packet that user space gets.
func (k *fakeKernel) handsUp(l netip.AddrPort) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stats[l]
	s.Received.Packets++
	s.Received.Octets += 13
	s.Expected++
	s.Up[offload.UpPayload]++
	k.stats[l] = s
}

// TestTypeOfService: packets are marked by their kind, as configured, or as the
// offer that opened the ports says.
func TestTypeOfService(t *testing.T) {
	for _, tc := range []struct{ configured, offered, want int }{{0, 0, 184}, {96, 0, 96}, {96, 32, 32}, {0, 32, 32}} {
		k := newFakeKernel()
		g := newRig(t, func(c *relay.Config) { c.Offload, c.TOS = k, tc.configured })
		a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
		g.offer(a, b, relay.OfferRequest{TOS: tc.offered})
		g.answer(a, b, relay.AnswerRequest{})
		g.talk(a, b)
		g.Sweep(g.clock.now())
		// What goes to the callee leaves by the ports of the offer.
		if f, ok := k.flow(a.to); !ok || int(f.TOS) != tc.want {
			t.Errorf("%+v: flow %v of type %d", tc, ok, f.TOS)
		}
	}
}

// TestOffload: learned plain streams go to the kernel and come back when
// something has to be done with them; the figures are those of one stream.
func TestOffload(t *testing.T) {
	k := newFakeKernel()
	g := newRig(t, func(c *relay.Config) { c.Offload = k })
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	g.Sweep(g.clock.now())
	if s := g.stream("a"); s.Path.Kernel || s.Path.Why != "learning" || len(k.flows) != 0 {
		t.Fatalf("%+v", s.Path)
	}
	g.talk(a, b)
	g.Sweep(g.clock.now())
	f, ok := k.flow(a.to)
	if !ok || f.Source != a.addr || f.To != b.addr || f.From != b.to || f.ClockRate != 8000 || len(f.PayloadTypes) != 2 || f.TOS != 184 || !g.stream("a").Path.Kernel {
		t.Fatalf("%+v, %v", f, g.stream("a").Path)
	}
	b.gets(a.send()) // this one waited in the socket when the flow began
	k.forwards(a.to, 100, g.clock.now())
	g.Sweep(g.clock.now())
	g.Sweep(g.clock.now())
	if s := g.stream("a").Received; s.Packets != 102 || s.Lost != 1 || s.Expected != 103 || s.Bytes != 100*172+2*13 || s.SSRC != 7 {
		t.Errorf("%+v", s)
	}
	if s := g.stream("b").Sent; s.Packets != 102 {
		t.Errorf("%+v", s)
	}
	if n := g.Totals(); n.Kernel != 100 || n.Forwarded != 103 || n.Packets != 103 {
		t.Errorf("%+v", n)
	}
	// And this one was handed up.
	k.handsUp(a.to)
	b.gets(a.send())
	if s := g.stream("a").Received; s.Packets != 103 || s.Expected != 104 || s.Bytes != 100*172+3*13 {
		t.Errorf("%+v", s)
	}
	// The media time-out sees what the kernel sees.
	g.clock.advance(61 * time.Second)
	k.forwards(a.to, 1, g.clock.now())
	g.Sweep(g.clock.now())
	if g.Totals().MediaTimeouts != 0 {
		t.Error("timed out")
	}
	// A tap pulls the stream up, and lets it go again.
	x := &tapped{}
	detach, err := g.Attach(t.Context(), relay.Selector{CallID: "call"}, x)
	if err != nil {
		t.Fatal(err)
	}
	if f, _ := k.flow(a.to); !f.Released {
		t.Error("not pulled up at once")
	}
	b.gets(a.send())
	g.Sweep(g.clock.now())
	if s := g.stream("a"); s.Path.Kernel || s.Path.Why != "work" || x.count() != 1 {
		t.Errorf("%+v", s.Path)
	}
	detach()
	g.Sweep(g.clock.now())
	if f, _ := k.flow(a.to); f.Released || !g.stream("a").Path.Kernel {
		t.Error("not given back")
	}
	// Another network: the flow is for the old one.
	g.clock.advance(2 * time.Second)
	roamed := g.party("a", "127.0.0.7")
	roamed.to, roamed.seq = a.to, a.seq+1
	b.gets(roamed.send())
	if _, ok := k.flow(a.to); ok {
		t.Error("the flow of the old network is there")
	}
	g.Sweep(g.clock.now())
	if f, _ := k.flow(a.to); f.Source != roamed.addr {
		t.Errorf("%+v", f)
	}
	k.forwards(a.to, 10, g.clock.now())
	rep := g.delete(relay.DeleteRequest{})
	if s := rep.Legs[0].Streams[0].Received; s.Packets != 116 {
		t.Errorf("%+v", s)
	}
	if len(k.flows) != 0 {
		t.Errorf("%d flows left", len(k.flows))
	}
}

// TestOffloadRefused: user space goes on, with the reason.
func TestOffloadRefused(t *testing.T) {
	k := newFakeKernel()
	k.err = &offload.Unavailable{Reason: offload.ReasonCapability}
	g := newRig(t, func(c *relay.Config) { c.Offload = k })
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	g.talk(a, b)
	g.Sweep(g.clock.now())
	if s := g.stream("a"); s.Path.Kernel || s.Path.Why != "capability" {
		t.Errorf("%+v", s.Path)
	}
	g.talk(a, b)
}
