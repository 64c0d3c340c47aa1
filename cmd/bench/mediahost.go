package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"time"

	"github.com/cilium/ebpf"

	"github.com/class5-go/class5/cmd/internal/load/mediagen"
	"github.com/class5-go/class5/cmd/internal/load/netlab"
	"github.com/class5-go/class5/cmd/internal/load/target"
	"github.com/class5-go/class5/media/ng"
)

// installedOnHost are the calls of several daemons unless -installed says another
// number. One process has descriptors for a quarter of them, often enough.
const installedOnHost = 20_000

// hostTable has the columns of several daemons on one host.
func hostTable(title string) *table {
	t := mediaTable(title)
	t.cols = append([]column{{"flows", func(f figures) float64 { return f.carried }}, {"heap KiB/call", func(f figures) float64 { return f.heap }}}, t.cols...)
	t.goals = []goal{{"heap KiB/call", kernelMedia, "", 16, true}, {"loss %", kernelMedia, "", 0, true}}
	return t
}

// spread is the control of several relays: the Call-ID says which has a call, as
// it does for whoever has a set of nodes.
type spread []*ng.Client

// Do passes a request on.
func (s spread) Do(ctx context.Context, request ng.Dict) (ng.Dict, error) {
	h := fnv.New32a()
	h.Write([]byte(request.Str("call-id")))
	return s[h.Sum32()%uint32(len(s))].Do(ctx, request)
}

// host are the daemons of a run.
type host struct {
	nodes []target.Node
	spread
	elements []*target.Target
}

// another starts one more daemon of the host.
func (b *mediaBench) another(dir string) (*target.Target, error) {
	if b.mounted == "" {
		if err := b.mount(dir); err != nil {
			return nil, err
		}
	}
	n := b.node(true)
	// What hashing gives one of them beyond its share, it must have room for.
	n.Calls, n.Number, n.Of, n.Pins = b.installed*5/4/b.daemons, len(b.host.nodes), b.daemons, b.mounted
	t, c, err := n.Ours(dir)
	if err != nil {
		return nil, err
	}
	b.host.nodes, b.host.spread, b.host.elements = append(b.host.nodes, n), append(b.host.spread, c), append(b.host.elements, t)
	return t, nil
}

// hosted has several daemons with their programs at the same interfaces set up
// more calls than one could, and waits until the kernel has the flows of all.
func (b *mediaBench) hosted(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
	b.host = host{}
	defer func() {
		for _, c := range b.host.spread {
			c.Close()
		}
		b.clean()
	}()
	heap := 0.0
	for range b.daemons {
		t, err := start()
		if err != nil {
			return outcome{}, err
		}
		heap -= b.heap(ctx, t)
	}
	flows := 0
	var before, after reading
	done := func() {}
	cfg := b.config()
	cfg.Control, cfg.Locals = b.host.spread, netlab.Parties()
	cfg.Begin = func() (err error) {
		if flows, err = b.flows(ctx); err != nil {
			return err
		}
		done = b.profileAfter(ctx, b.host.elements[0], 0)
		return b.read(&before, b.host.elements...)
	}
	cfg.End = func() error { return b.read(&after, b.host.elements...) }
	r, err := mediagen.Run(ctx, cfg)
	done()
	if err != nil {
		return outcome{}, err
	}
	for _, t := range b.host.elements {
		heap += b.heap(ctx, t)
	}
	b.control = b.host.spread[0]
	out := b.judge(b.host.elements[0], &r, before, after)
	b.control = nil
	out.carried, out.heap = float64(flows), heap/1024/float64(b.installed)
	if flows != 2*b.installed {
		out.problems = append(out.problems, fmt.Sprintf("%d flows for %d calls", flows, b.installed))
	}
	return out, nil
}

// flows waits until the kernel has two flows for each call, and tells how many it
// has.
func (b *mediaBench) flows(ctx context.Context) (n int, err error) {
	for end := time.Now().Add(15 * time.Second); ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		n = 0
		for _, node := range b.host.nodes {
			one, err := pinnedFlows(filepath.Join(b.mounted, "class5", node.Instance(), "flows"))
			if err != nil {
				return 0, err
			}
			n += one
		}
		if n >= 2*b.installed || time.Now().After(end) {
			return n, nil
		}
	}
	return n, ctx.Err()
}

// pinnedFlows counts the keys of a pinned map.
func pinnedFlows(file string) (n int, err error) {
	m, err := ebpf.LoadPinnedMap(file, &ebpf.LoadPinOptions{ReadOnly: true})
	if err != nil {
		return 0, fmt.Errorf("flows of a daemon: %w", err)
	}
	defer m.Close()
	var key, value []byte
	all := m.Iterate()
	for all.Next(&key, &value) {
		n++
	}
	return n, all.Err()
}
