package ice_test

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ice"
)

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// flight is a packet on its way.
type flight struct {
	at       time.Time
	seq      int
	from, to netip.AddrPort
	data     []byte
}

type flights []flight

func (f flights) Len() int { return len(f) }
func (f flights) Less(i, j int) bool {
	return f[i].at.Before(f[j].at) || f[i].at.Equal(f[j].at) && f[i].seq < f[j].seq
}
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)   { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	old := *f
	x := old[len(old)-1]
	*f = old[:len(old)-1]
	return x
}

// node is an agent in the simulated network.
type node struct {
	*ice.Agent
	name   string
	lite   bool
	cfg    ice.Config
	bases  []netip.AddrPort
	events []ice.Event
	when   []time.Time
	down   bool
}

func (n *node) saw(k ice.EventKind) bool {
	return slices.ContainsFunc(n.events, func(e ice.Event) bool { return e.Kind == k })
}

// nat maps every inner address to one outer port and lets in whom something
// was sent to.
type nat struct {
	inner   netip.Prefix
	outer   netip.Addr
	ports   map[netip.AddrPort]uint16
	allowed map[[2]netip.AddrPort]bool
}

// network delivers datagrams between nodes in virtual time.
type network struct {
	t        testing.TB
	now      time.Time
	rng      *rand.Rand
	loss     float64
	min, max time.Duration
	blocked  func(from, to netip.AddrPort) bool
	nats     []*nat
	nodes    []*node
	queue    flights
	seq      int
	sent     int
}

func newNetwork(t testing.TB) *network {
	return &network{t: t, now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), rng: rand.New(rand.NewPCG(1, 2)), min: 10 * time.Millisecond, max: 10 * time.Millisecond}
}

// join adds an agent with one stream whose sockets are the bases: the first
// component's, then others by the component given after '#' (none: 1).
func (w *network) join(name string, cfg ice.Config, locals ...ice.Local) *node {
	w.t.Helper()
	if cfg.Rand == nil {
		cfg.Rand = &fixedRand{rng: w.rng} // so that failures can be repeated
	}
	n := &node{Agent: ice.New(cfg), name: name, lite: cfg.Lite, cfg: cfg}
	if _, err := n.AddStream(ice.Credentials{}, locals); err != nil {
		w.t.Fatal(err)
	}
	for _, l := range locals {
		n.bases = append(n.bases, l.Base)
	}
	w.nodes = append(w.nodes, n)
	return n
}

func host(component int, base string) ice.Local {
	return ice.Local{Component: component, Base: ap(base)}
}

func describe(n *node, i int, lite bool) ice.Remote {
	return ice.Remote{Credentials: n.Credentials(i), Candidates: n.Candidates(i), Lite: lite}
}

// signal exchanges descriptions: the offer reaches b first.
func (w *network) signal(a, b *node, liteA, liteB bool) {
	w.t.Helper()
	if _, err := b.SetRemote(0, describe(a, 0, liteA), w.now); err != nil {
		w.t.Fatal(err)
	}
	w.advance(b)
	if _, err := a.SetRemote(0, describe(b, 0, liteB), w.now); err != nil {
		w.t.Fatal(err)
	}
	w.advance(a)
}

func (w *network) advance(n *node) { w.take(n, n.Advance(w.now)) }

func (w *network) take(n *node, out ice.Output) {
	for _, e := range out.Events {
		n.events = append(n.events, e)
		n.when = append(n.when, w.now)
	}
	for _, d := range out.Datagrams {
		w.send(d.Local, d.Remote, slices.Clone(d.Data))
	}
}

func (w *network) send(from, to netip.AddrPort, data []byte) {
	w.sent++
	from = w.outbound(from, to)
	if !from.IsValid() || w.rng.Float64() < w.loss || w.blocked != nil && w.blocked(from, to) {
		return
	}
	w.seq++
	delay := w.min
	if w.max > w.min {
		delay += time.Duration(w.rng.Int64N(int64(w.max - w.min)))
	}
	heap.Push(&w.queue, flight{at: w.now.Add(delay), seq: w.seq, from: from, to: to, data: data})
}

func (w *network) outbound(from, to netip.AddrPort) netip.AddrPort {
	for _, x := range w.nats {
		if !x.inner.Contains(from.Addr()) || x.inner.Contains(to.Addr()) {
			continue
		}
		port, ok := x.ports[from]
		if !ok {
			port = uint16(40000 + len(x.ports))
			x.ports[from] = port
		}
		outer := netip.AddrPortFrom(x.outer, port)
		x.allowed[[2]netip.AddrPort{outer, to}] = true
		return outer
	}
	return from
}

// inbound returns where a packet arrives, or nowhere.
func (w *network) inbound(from, to netip.AddrPort) netip.AddrPort {
	for _, x := range w.nats {
		if x.inner.Contains(to.Addr()) && !x.inner.Contains(from.Addr()) {
			return netip.AddrPort{}
		}
		if to.Addr() != x.outer {
			continue
		}
		for inner, port := range x.ports {
			if port == to.Port() && x.allowed[[2]netip.AddrPort{to, from}] {
				return inner
			}
		}
		return netip.AddrPort{}
	}
	return to
}

func (w *network) deliver(f flight) {
	to := w.inbound(f.from, f.to)
	for _, n := range w.nodes {
		if !n.down && slices.Contains(n.bases, to) {
			w.take(n, n.Handle(f.data, to, f.from, w.now))
		}
	}
}

// run goes on for d.
func (w *network) run(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for idle := 0; ; {
		next, who := end, (*node)(nil)
		for _, n := range w.nodes {
			if at := n.Deadline(); !n.down && !at.IsZero() && at.Before(next) {
				next, who = at, n
			}
		}
		if len(w.queue) > 0 && w.queue[0].at.Before(next) {
			w.now, idle = w.queue[0].at, 0
			w.deliver(heap.Pop(&w.queue).(flight))
			continue
		}
		if who == nil {
			w.now = end
			return
		}
		if idle++; next.After(w.now) {
			w.now, idle = next, 0
		}
		if idle > 100 {
			w.t.Fatalf("%s: deadline does not move", who.name)
		}
		w.advance(who)
	}
}

func (w *network) until(d time.Duration, done func() bool) {
	w.t.Helper()
	for end := w.now.Add(d); !done(); w.run(50 * time.Millisecond) {
		if w.now.After(end) {
			w.t.Fatalf("not within %v", d)
		}
	}
}

// agreed tells whether both sides send to each other over the same pair. maps
// translates an address as the other side sees it.
func (w *network) agreed(a, b *node, component int) bool {
	p, ok := a.Path(0, component)
	q, ok2 := b.Path(0, component)
	return ok && ok2 && w.inbound(w.outbound(p.Local, p.Remote), p.Remote) == q.Local && w.inbound(w.outbound(q.Local, q.Remote), q.Remote) == p.Local
}

func newNAT(inner, outer string) *nat {
	return &nat{inner: netip.MustParsePrefix(inner), outer: netip.MustParseAddr(outer), ports: map[netip.AddrPort]uint16{}, allowed: map[[2]netip.AddrPort]bool{}}
}
