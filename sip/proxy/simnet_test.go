package proxy

import (
	"bytes"
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// simnet is a network of layers under one virtual clock. It loses, doubles,
// delays and reorders datagrams by a seeded generator.
type simnet struct {
	t      testing.TB
	rng    *rand.Rand
	now    time.Time
	nodes  map[netip.AddrPort]*node
	order  []*node // fixed, so that a seed replays
	queue  packets
	serial int

	loss, dup float64
	maxDelay  time.Duration
}

// node is one element with its layer.
type node struct {
	net   *simnet
	addr  netip.AddrPort
	layer *transaction.Layer
	watch func(m *wire.Message) (after func()) // of what it receives; may be nil
}

type packet struct {
	at       time.Time
	serial   int
	from, to netip.AddrPort
	data     []byte
}

type packets []packet

func (q packets) Len() int { return len(q) }
func (q packets) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].serial < q[j].serial
	}
	return q[i].at.Before(q[j].at)
}
func (q packets) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *packets) Push(x any)   { *q = append(*q, x.(packet)) }
func (q *packets) Pop() any {
	old := *q
	p := old[len(old)-1]
	*q = old[:len(old)-1]
	return p
}

func newSimnet(t testing.TB, seed uint64) *simnet {
	return &simnet{t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: epoch, nodes: map[netip.AddrPort]*node{}}
}

// join adds an element; user is the transaction user of its layer.
func (n *simnet) join(addr string, user transaction.User) *node {
	nd := &node{net: n, addr: netip.MustParseAddrPort(addr)}
	nd.layer = transaction.New(transaction.Config{
		User: user,
		Send: func(f transport.Flow, msg []byte) error { n.send(nd.addr, f.Remote, msg); return nil },
		Random: func(b []byte) {
			for i := range b {
				b[i] = byte(n.rng.Uint32())
			}
		},
	})
	n.nodes[nd.addr] = nd
	n.order = append(n.order, nd)
	return nd
}

func (nd *node) flow(to netip.AddrPort) transport.Flow {
	return transport.Flow{Protocol: transport.UDP, Local: nd.addr, Remote: to}
}

func (n *simnet) send(from, to netip.AddrPort, msg []byte) {
	for copies := 1 + n.chance(n.dup); copies > 0; copies-- {
		if n.chance(n.loss) == 1 {
			continue
		}
		n.serial++
		delay := time.Duration(n.rng.Int64N(int64(n.maxDelay) + 1))
		heap.Push(&n.queue, packet{n.now.Add(delay), n.serial, from, to, bytes.Clone(msg)})
	}
}

func (n *simnet) chance(p float64) int {
	if n.rng.Float64() < p {
		return 1
	}
	return 0
}

// run goes on until nothing is left to happen, or fails at the limit.
func (n *simnet) run(limit time.Duration) {
	end := n.now.Add(limit)
	var m wire.Message
	for {
		next, due := time.Time{}, -1 // index of the node, or len for the network
		if len(n.queue) > 0 {
			next, due = n.queue[0].at, len(n.order)
		}
		for i, nd := range n.order {
			if at, ok := nd.layer.Next(); ok && (due < 0 || at.Before(next)) {
				next, due = at, i
			}
		}
		if due < 0 {
			return
		}
		if next.After(end) {
			n.t.Fatalf("things still happen after %v: node %d of %d", limit, due, len(n.order))
		}
		if next.After(n.now) {
			n.now = next
		}
		if due < len(n.order) {
			n.order[due].layer.Advance(n.now)
			continue
		}
		p := heap.Pop(&n.queue).(packet)
		nd := n.nodes[p.to]
		if nd == nil {
			n.t.Fatalf("message to nobody at %v:\n%s", p.to, p.data)
		}
		if err := m.Parse(p.data, nil); err != nil {
			n.t.Fatalf("%v\n%s", err, p.data)
		}
		after := func() {}
		if nd.watch != nil {
			after = nd.watch(&m)
		}
		nd.layer.Receive(n.now, &m, nd.flow(p.from))
		after()
	}
}
