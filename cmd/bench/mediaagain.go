package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/class5-go/class5/cmd/internal/load/mediagen"
	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/cmd/internal/load/netlab"
	"github.com/class5-go/class5/cmd/internal/load/target"
	"github.com/class5-go/class5/internal/peer"
	"github.com/class5-go/class5/media/ng"
)

// againTable has the columns of bench media again.
func againTable(title string) *table {
	t := &table{title: title, unit: "call", runs: make(map[string][]outcome)}
	t.cols = []column{
		{"µs/call", func(f figures) float64 { return f.unit }}, {"call/s", func(f figures) float64 { return f.rate }},
		{"all after ms", func(f figures) float64 { return f.longest }}, {"loss %", func(f figures) float64 { return f.loss }},
		{"RSS MB", func(f figures) float64 { return f.rss }}, {"heap KiB/call", func(f figures) float64 { return f.heap }},
	}
	for _, kept := range []string{inFiles, inRedis} {
		t.goals = append(t.goals, goal{"loss %", oursMedia + kept, "", 0, true})
	}
	return t
}

// again measures how several daemons of one host that were killed at once begin
// again with the calls that they had. The unit is a call.
func (o *mediaOptions) again(ctx context.Context, stdout, stderr io.Writer) error {
	lab, err := netlab.New()
	if err != nil {
		return err
	}
	defer lab.Close()
	r, err := peer.StartRedis(ctx)
	if err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: r.Socket()})
	defer func() { _, _ = client.Close(), r.Stop() }()
	b := &mediaBench{mediaOptions: o, lab: lab, stderr: stderr}
	if !o.set["installed"] {
		defer func(n int) { o.installed = n }(o.installed)
		o.installed = installedOnHost
	}
	x := &reborn{mediaBench: b}
	makers := []maker{
		maker{"ours", x.first}.with(func() { b.state = "states" }, true, inFiles),
		maker{"ours", x.first}.with(func() { b.state = "unix://" + r.Socket() }, true, inRedis),
	}
	t := againTable(fmt.Sprintf("media, %d calls of %d daemons that were killed", b.installed, o.daemons))
	t.json = o.json
	err = o.turns(ctx, stderr, t, makers, func(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
		x.nodes, x.dirs = nil, nil
		if err := client.FlushAll(ctx).Err(); err != nil {
			return outcome{}, err
		}
		return x.once(ctx, start)
	})
	if err != nil {
		return err
	}
	return t.write(stdout)
}

// reborn are daemons that are killed and begin again.
type reborn struct {
	*mediaBench
	nodes []target.Node
	dirs  []string
	spread
}

// first starts one of them.
func (x *reborn) first(dir string) (*target.Target, error) {
	n := x.node(false)
	n.Calls, n.Number, n.Of = x.installed*5/4/x.daemons, len(x.nodes), x.daemons
	t, c, err := n.Ours(dir)
	if err != nil {
		return nil, err
	}
	x.nodes, x.dirs, x.spread = append(x.nodes, n), append(x.dirs, dir), append(x.spread, c)
	return t, nil
}

func (x *reborn) once(ctx context.Context, start func() (*target.Target, error)) (out outcome, err error) {
	defer func() {
		for _, c := range x.spread {
			c.Close()
		}
		x.spread = nil
	}()
	x.spread = nil
	var before []*target.Target
	for range x.daemons {
		t, err := start()
		if err != nil {
			return out, err
		}
		before = append(before, t)
	}
	if err := x.fill(ctx); err != nil {
		return out, err
	}
	for _, t := range before {
		if err := x.written(ctx, t); err != nil {
			return out, err
		}
	}
	for _, t := range before {
		t.Kill()
	}
	began := time.Now()
	after, err := x.second()
	took := time.Since(began)
	defer func() {
		for _, t := range after {
			t.Stop()
		}
	}()
	if err != nil {
		return out, err
	}
	var used reading
	if err := x.read(&used, after...); err != nil {
		return out, err
	}
	restored := uint64(0)
	for _, t := range after {
		n, err := totalsOf(ctx, t)
		if err != nil {
			return out, err
		}
		restored += n.Restored
		out.heap += x.heap(ctx, t) / 1024 / float64(x.installed)
	}
	heap := out.heap
	out.figures = measure(restored, took, used.usage, uint64(x.installed)-restored, uint64(x.installed), &meter.Histogram{})
	out.heap, out.longest = heap, float64(took.Microseconds())/1000
	return out, ctx.Err()
}

// fill sets the calls up.
func (x *reborn) fill(ctx context.Context) error {
	caller, err := mediagen.NewCaller(x.spread, netlab.Parties())
	if err != nil {
		return err
	}
	const lanes = 8
	errs := make([]error, lanes)
	var g sync.WaitGroup
	for lane := range lanes {
		g.Go(func() {
			for i := lane; i < x.installed && errs[lane] == nil; i += lanes {
				_, errs[lane] = caller.Call(ctx, fmt.Sprintf("again-%d", i))
			}
		})
	}
	g.Wait()
	return errors.Join(errs...)
}

// written waits until the states of all calls are kept.
func (x *reborn) written(ctx context.Context, t *target.Target) error {
	return t.Wait(20*time.Second, func() error {
		n, err := totalsOf(ctx, t)
		if err == nil && n.StoreWaiting > 0 {
			err = fmt.Errorf("%d states wait", n.StoreWaiting)
		}
		return err
	})
}

// second starts all of them again, at once, and returns when all answer.
func (x *reborn) second() ([]*target.Target, error) {
	list, errs := make([]*target.Target, len(x.nodes)), make([]error, len(x.nodes))
	var g sync.WaitGroup
	for i, n := range x.nodes {
		g.Go(func() {
			var c *ng.Client
			if list[i], c, errs[i] = n.Ours(x.dirs[i]); errs[i] == nil {
				c.Close()
			}
		})
	}
	g.Wait()
	var started []*target.Target
	for _, t := range list {
		if t != nil {
			started = append(started, t)
		}
	}
	return started, errors.Join(errs...)
}

// counters are those of one of ours.
type counters struct {
	Restored     uint64 `json:"restored"`
	StoreWaiting int    `json:"store_waiting"`
}

func totalsOf(ctx context.Context, t *target.Target) (n counters, err error) {
	page, err := admin(ctx, t, "/media/totals")
	if err == nil {
		err = json.Unmarshal(page, &n)
	}
	return n, err
}
