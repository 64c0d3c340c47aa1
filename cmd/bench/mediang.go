package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/class5-go/class5/cmd/internal/load/mediagen"
	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/cmd/internal/load/netlab"
	"github.com/class5-go/class5/cmd/internal/load/target"
	"github.com/class5-go/class5/internal/peer"
)

// control measures the control protocol: offers at a rate, each with its answer,
// and what a call costs in memory. The unit is an offer.
func (o *mediaOptions) control(ctx context.Context, stdout, stderr io.Writer) error {
	lab, err := netlab.New()
	if err != nil {
		return err
	}
	defer lab.Close()
	b := &mediaBench{mediaOptions: o, lab: lab, stderr: stderr}
	makers, err := b.elements()
	if err != nil {
		return err
	}
	makers, stop, err := b.storing(ctx, makers[1:])
	if err != nil {
		return err
	}
	defer stop()
	const offer = "offer"
	t := &table{title: fmt.Sprintf("media, %g offers/s over UDP, each answered", o.rate), unit: offer, runs: make(map[string][]outcome), json: o.json}
	t.cols = []column{
		{"µs/call", func(f figures) float64 { return f.unit }}, {"offer/s", func(f figures) float64 { return f.rate }},
		{"loss %", func(f figures) float64 { return f.loss }}, {"offer p50 µs", func(f figures) float64 { return f.p50 }},
		{"p99 µs", func(f figures) float64 { return f.p99 }}, {"heap KiB/call", func(f figures) float64 { return f.heap }},
		{"RSS KiB/call", func(f figures) float64 { return f.growth }}, {"RSS MB", func(f figures) float64 { return f.rss }},
	}
	t.goals = []goal{{"p99 µs", oursMedia, "", 5000, true}, {"heap KiB/call", oursMedia, "", 16, true}, {"loss %", oursMedia, "", 0, true}}
	for _, kept := range []string{inFiles, inRedis} {
		t.goals = append(t.goals, goal{"p99 µs", oursMedia + kept, "", 5000, true}, goal{"loss %", oursMedia + kept, "", 0, true})
	}
	if err := o.turns(ctx, stderr, t, makers, b.offers); err != nil {
		return err
	}
	return t.write(stdout)
}

// What the names of ours have more when sessions survive the process.
const inFiles, inRedis = ", states in files", ", states in Redis"

// storing adds elements of ours that keep the states of sessions.
func (b *mediaBench) storing(ctx context.Context, list []maker) (all []maker, stop func(), err error) {
	r, err := peer.StartRedis(ctx)
	if err != nil {
		return nil, nil, err
	}
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: r.Socket()})
	inStore := func() { // without the calls of the run before
		b.state = "unix://" + r.Socket()
		if err := client.FlushAll(ctx).Err(); err != nil {
			fmt.Fprintf(b.stderr, "Redis is not emptied: %v\n", err)
		}
	}
	for _, m := range list {
		all = append(all, m.with(func() { b.state = "" }, false, ""))
		if m.name == "ours" {
			all = append(all, m.with(func() { b.state = "states" }, true, inFiles), m.with(inStore, true, inRedis))
		}
	}
	return all, func() { _ = client.Close(); _ = r.Stop() }, nil
}

// mostOffered bounds the calls of a run: each takes four descriptors.
const mostOffered = 4000

// offers runs one element.
func (b *mediaBench) offers(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
	defer b.clean()
	count := min(int(b.rate*b.measure.Seconds()), mostOffered)
	b.installed = count
	t, err := start()
	if err != nil {
		return outcome{}, err
	}
	caller, err := mediagen.NewCaller(b.control, netlab.Parties())
	if err != nil {
		return outcome{}, err
	}
	for i := range 20 { // what is made once is made
		if _, err := caller.Call(ctx, fmt.Sprintf("warm-%d", i)); err != nil {
			return outcome{}, err
		}
	}
	var before, after reading
	if err := b.read(&before, t); err != nil {
		return outcome{}, err
	}
	heap := b.heap(ctx, t)
	done := b.profileAfter(ctx, t, 0)
	r := b.pace(ctx, caller, count)
	done()
	if err := b.read(&after, t); err != nil {
		return outcome{}, err
	}
	f := measure(r.latency.Len(), r.elapsed, after.usage.Sub(before.usage), r.failed, uint64(count), &r.latency)
	f.growth = float64(after.usage.RSS-before.usage.RSS) / 1024 / float64(count)
	if heap > 0 {
		f.heap = (b.heap(ctx, t) - heap) / 1024 / float64(count)
	}
	return outcome{figures: f, problems: problemsOf(r.faults)}, ctx.Err()
}

// offering is the outcome of offers at a rate.
type offering struct {
	mu      sync.Mutex
	latency meter.Histogram
	faults  map[string]uint64
	failed  uint64
	elapsed time.Duration
}

// pace begins calls at the rate, whether or not earlier ones have been answered.
func (b *mediaBench) pace(ctx context.Context, caller *mediagen.Caller, count int) *offering {
	r := &offering{faults: make(map[string]uint64)}
	// The generator's own collections would be in the figures, when it and the
	// element have two processors together.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 30))
	runtime.GC()
	var g sync.WaitGroup
	began := time.Now()
	for i := range count {
		due := began.Add(time.Duration(float64(i) / b.rate * float64(time.Second)))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
		}
		g.Go(func() {
			took, err := caller.Call(ctx, fmt.Sprintf("paced-%d", i))
			r.mu.Lock()
			defer r.mu.Unlock()
			if err != nil {
				r.failed++
				r.faults[err.Error()]++
				return
			}
			r.latency.Add(took)
		})
	}
	g.Wait()
	r.elapsed = time.Since(began)
	return r
}

// heap is what ours has in use after a collection; 0 for others.
func (b *mediaBench) heap(ctx context.Context, t *target.Target) float64 {
	if !t.Admin.IsValid() {
		return 0
	}
	page, err := admin(ctx, t, "/debug/pprof/heap?gc=1&debug=1")
	m := regexp.MustCompile(`(?m)^# HeapAlloc = (\d+)$`).FindSubmatch(page)
	if err != nil || m == nil {
		fmt.Fprintf(b.stderr, "%s does not tell its heap: %v\n", t.Name, err)
		return 0
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	return n
}
