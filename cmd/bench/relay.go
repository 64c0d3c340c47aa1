package main

import (
	"context"
	"fmt"
	"io"

	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/cmd/internal/load/sipgen"
	"github.com/class5-go/class5/cmd/internal/load/target"
)

// fakes is the number of proxies behind the edge.
const fakes = 4

// relay measures a stateless edge: clients before it, four proxies behind it.
// The unit is a relayed message, a request that has reached its proxy or an
// answer that has reached its client.
func relay(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	f := flags("relay", "kamailio", 256, &o)
	ports := f.Uint("proxy-port", 0, "first of four `ports` on 127.0.0.1 that the proxies take, for -target")
	if err := parse(f, args, stderr, &o); err != nil {
		return err
	}
	edge := target.Edge{Workers: o.workers}
	bind := func(start func(target.Edge, string) (*target.Target, error)) func(string) (*target.Target, error) {
		return func(dir string) (*target.Target, error) { return start(edge, dir) }
	}
	makers, err := o.pick(maker{"ours", bind(target.Edge.Ours)}, maker{"example", bind(target.Edge.Example)}, maker{"kamailio", bind(target.Edge.Kamailio)})
	if err != nil {
		return err
	}
	t := newTable("stateless edge, "+o.load()+", REGISTER 703 B : INVITE 1428 B : BYE with Routes = 2:1:1, each answered 200", "msg", "one way")
	err = o.turns(ctx, stderr, t, makers, func(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
		run, proxies, addrs, err := sipgen.Proxies(fakes, func(ends []sipgen.Server) (*sipgen.Run, error) {
			return sipgen.New(ctx, o.config(ends, uint16(*ports)))
		})
		if err != nil {
			return outcome{}, err
		}
		edge.Proxies = addrs
		return o.relayOnce(ctx, run, proxies, start)
	})
	if err != nil {
		return err
	}
	return t.write(stdout)
}

// config is what all SIP runs share.
func (o *options) config(ends []sipgen.Server, firstEnd uint16) sipgen.Config {
	c := sipgen.Config{
		Lanes: o.lanes, Window: o.window, Rate: o.rate, Warm: o.warm, Measure: o.measure, Count: o.count,
		Timeout: o.wait, Op: sipgen.NewRelay, Ends: ends,
	}
	if firstEnd > 0 {
		c.Ports = make([]uint16, o.lanes, o.lanes+len(ends))
		for i := range ends {
			c.Ports = append(c.Ports, firstEnd+uint16(i))
		}
	}
	return c
}

func (o *options) relayOnce(ctx context.Context, run *sipgen.Run, proxies []*sipgen.FakeProxy, start func() (*target.Target, error)) (outcome, error) {
	t, err := start()
	if err != nil {
		_ = run.Close()
		return outcome{}, err
	}
	run.SetTarget(t.Addr)
	run.SetUsage(o.usage(t))
	done := o.profileOf(ctx, t)
	r, err := run.Run(ctx)
	done()
	if err != nil {
		return outcome{}, err
	}
	messages := r.Measured
	var oneWay meter.Histogram
	problems := problemsOf(r.Reasons)
	for _, p := range proxies {
		messages += p.Figures().Measured
		oneWay.Merge(&p.Figures().OneWay)
		problems = append(problems, problemsOf(p.Figures().Faults)...)
	}
	if r.Done == 0 {
		problems = append(problems, fmt.Sprintf("nothing came back of %d requests", r.Begun))
	}
	return outcome{figures: measure(messages, r.Elapsed, r.Usage, r.Lost, r.Begun, &oneWay), problems: problems}, nil
}
