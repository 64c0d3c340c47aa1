package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/cmd/internal/load/floodgen"
	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/cmd/internal/load/sipgen"
	"github.com/class5-go/class5/cmd/internal/load/target"
)

// legit is the rate of requests that have to come through meanwhile.
const legit = 500

// flood measures what it costs an edge to refuse what it must refuse, while
// clients go on working. The unit is a datagram that the edge has read: what the
// kernel threw away before is taken off. The cost of the clients, measured
// before, is taken off too.
func flood(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := options{rate: 50_000}
	defer o.close()
	f := flags("flood", "kamailio,kamailio-log", 256, &o)
	kinds := f.String("kind", "garbage,oversize,scanner", "what comes, a table for each")
	sources := f.Int("sources", 16, "addresses it comes from")
	f.Lookup("rate").Usage = "datagrams a second"
	if err := parse(f, args, stderr, &o); err != nil {
		return err
	}
	for word := range strings.SplitSeq(*kinds, ",") {
		k := floodgen.Kind(word)
		if !slices.Contains(floodgen.Kinds(), k) || *sources < 1 || *sources > 250 || o.rate <= 0 || o.target.IsValid() {
			return fmt.Errorf("%w: -kind is of %v, -sources 1 to 250, -rate above 0, and there is no -target", errUsage, floodgen.Kinds())
		}
		if err := o.floodCase(ctx, floodgen.Config{Kind: k, Rate: o.rate, Sources: *sources}, stdout, stderr); err != nil {
			return err
		}
	}
	return nil
}

func (o *options) floodCase(ctx context.Context, cfg floodgen.Config, stdout, stderr io.Writer) error {
	edge, err := o.edge()
	if err != nil {
		return err
	}
	edge.Exposed = true
	makers, err := o.pick(floodMakers(&edge)...)
	if err != nil {
		return err
	}
	t := newTable(fmt.Sprintf("flood, %s, %g datagrams a second from %d addresses, while clients send %d requests a second", cfg.Kind, cfg.Rate, cfg.Sources, legit), "refusal", "clients one way")
	t.cols = append(t.cols[:len(t.cols)-1], column{"dropped by kernel %", func(f figures) float64 { return f.dropped }},
		column{"answered %", func(f figures) float64 { return f.answered }}, column{"RSS MB", func(f figures) float64 { return f.rss }})
	t.json, t.goals = o.json, []goal{{"µs/refusal", oursName, "", 3, true}, {"µs/refusal", oursName, peerName + quiet, 0.5, false}, {"µs/refusal", oursName, peerName + logging, 0.5, false}}
	err = o.turns(ctx, stderr, t, makers, func(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
		c := o.config(nil, 0)
		c.Rate, c.Window, c.Warm, c.Measure = legit, 1024, o.warm, o.warm+o.measure+200*time.Millisecond
		run, proxies, addrs, err := sipgen.Proxies(fakes, func(ends []sipgen.Server) (*sipgen.Run, error) {
			c.Ends = ends
			return sipgen.New(ctx, c)
		})
		if err != nil {
			return outcome{}, err
		}
		edge.Proxies = addrs
		return o.floodOnce(ctx, cfg, run, proxies, start)
	})
	if err != nil {
		return err
	}
	return t.write(stdout)
}

// What tells the two ways apart in which Kamailio is run: by default it writes a
// line for each message that it can't parse, and with many of them that is most
// of its work.
const (
	quiet   = ", logging nothing"
	logging = ", logging as by default"
)

// floodMakers are the edges, with Kamailio in both ways.
func floodMakers(edge *target.Edge) []maker {
	known := edges(edge)
	for i, m := range known {
		if m.name == "kamailio" {
			known[i] = m.named(quiet)
		}
	}
	return append(known, maker{"kamailio-log", func(dir string) (*target.Target, error) {
		e := *edge
		e.Logs = true
		return e.Kamailio(dir)
	}}.named(logging))
}

// floodOnce runs clients all the time and the flood in the second part of it.
func (o *options) floodOnce(ctx context.Context, cfg floodgen.Config, run *sipgen.Run, proxies []*sipgen.FakeProxy, start func() (*target.Target, error)) (outcome, error) {
	t, err := start()
	if err != nil {
		return outcome{}, errors.Join(err, run.Close())
	}
	run.SetTarget(t.Addr)
	cfg.Target = t.Addr
	w := wave{t: t}
	profiled := o.profileAfter(ctx, t, 2*o.warm)
	var r sipgen.Result
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { r, err = run.Run(ctx); return err })
	g.Go(func() error { return w.run(ctx, cfg, o.warm, o.measure) })
	err = g.Wait()
	profiled()
	if err != nil {
		return outcome{}, err
	}
	var oneWay meter.Histogram
	problems := problemsOf(r.Reasons)
	for _, p := range proxies {
		oneWay.Merge(&p.Figures().OneWay)
		problems = append(problems, problemsOf(p.Figures().Faults)...)
	}
	read := w.sent - min(w.drops, w.sent)
	got := measure(read, w.elapsed, w.used, r.Lost, r.Begun, &oneWay)
	got.dropped, got.answered = 100*float64(w.drops)/float64(max(w.sent, 1)), 100*float64(w.answers)/float64(max(read, 1))
	if r.Done == 0 {
		problems = append(problems, "no client got through")
	}
	return outcome{figures: got, problems: problems}, nil
}

// wave is one flood and what it has cost.
type wave struct {
	t                    *target.Target
	sent, drops, answers uint64
	elapsed              time.Duration
	used                 meter.Usage
}

// run lets the clients alone for twice calm, takes the figures of its second
// half, and then floods.
func (w *wave) run(ctx context.Context, cfg floodgen.Config, calm, length time.Duration) error {
	f, err := floodgen.New(ctx, cfg)
	if err != nil {
		return err
	}
	flooding, stop := context.WithCancel(ctx)
	defer stop()
	var marks [3]meter.Usage
	var times [3]time.Time
	mark := func(i int, after time.Duration) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(after):
		}
		times[i] = time.Now()
		marks[i], err = meter.Tree(w.t.PID())
		return err
	}
	g := errgroup.Group{}
	err = errors.Join(mark(0, calm), mark(1, calm))
	if err != nil {
		stop()
		return errors.Join(err, f.Run(flooding)) // which closes
	}
	before, err := meter.Drops(cfg.Target.Port())
	if err != nil {
		stop()
		return errors.Join(err, f.Run(flooding))
	}
	g.Go(func() error { return f.Run(flooding) })
	failed := mark(2, length)
	w.sent = f.Sent()
	after, err := meter.Drops(cfg.Target.Port())
	stop()
	if err := errors.Join(failed, err, g.Wait()); err != nil {
		return err
	}
	w.answers, w.drops, w.elapsed = f.Answers(), after-before, times[2].Sub(times[1])
	w.used = marks[2].Sub(marks[1])
	calmly, part := marks[1].Sub(marks[0]), w.elapsed.Seconds()/times[1].Sub(times[0]).Seconds()
	w.used.User -= time.Duration(float64(calmly.User) * part)
	w.used.System -= time.Duration(float64(calmly.System) * part)
	return nil
}
