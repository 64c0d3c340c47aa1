package main

import (
	"context"
	"fmt"
	"io"

	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/cmd/internal/load/sipgen"
	"github.com/class5-go/class5/cmd/internal/load/target"
	"github.com/class5-go/class5/sip/transport"
)

// fakes is the number of proxies behind the edge.
const fakes = 4

// Names in the reports.
const (
	oursName = "cmd/lb"
	peerName = "kamailio fm"
	mix      = "REGISTER 703 B : INVITE 1428 B : BYE with Routes = 2:1:1, each answered 200"
)

// relayCase is one table of bench relay.
type relayCase struct {
	lanes, window int
	rate          float64
	workers       []int
	goals         []goal
}

// relayCases are those that show what an edge must be good at: saturation, a
// deep queue, more workers, and waking up for little.
func relayCases() []relayCase {
	one := func(n int) string { return fmt.Sprintf("%s, %d worker(s)", oursName, n) }
	return []relayCase{
		{1, 256, 0, []int{1}, []goal{{"µs/msg", oursName, peerName, 0.5, false}, {"loss %", oursName, "", 0, true}}},
		{1, 1024, 0, []int{1}, []goal{{"µs/msg", oursName, peerName, 0.5, false}, {"loss %", oursName, "", 0, true}}},
		{16, 256, 0, []int{1, 2}, []goal{{"µs/msg", one(2), one(1), 1.15, false}}},
		{1, 4096, 10_000, []int{1}, []goal{{"µs/msg", oursName, peerName, 0.85, false}, {"one way p50 µs", oursName, peerName, 1, false}, {"p99 µs", oursName, peerName, 0.6, false}}},
		{1, 4096, 1000, []int{1}, []goal{{"µs/msg", oursName, peerName, 1.1, false}}},
	}
}

// relay measures a stateless edge: clients before it, four proxies behind it.
// The unit is a relayed message, a request that has reached its proxy or an
// answer that has reached its client.
func relay(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	defer o.close()
	f := flags("relay", "kamailio", 256, &o)
	ports := f.Uint("proxy-port", 0, "first of four `ports` on 127.0.0.1 that the proxies take, for -target")
	if err := parse(f, args, stderr, &o); err != nil {
		return err
	}
	cases := relayCases()
	if o.set["lanes"] || o.set["window"] || o.set["rate"] || o.set["workers"] || o.target.IsValid() {
		cases = []relayCase{{o.lanes, o.window, o.rate, []int{o.workers}, nil}}
	}
	for _, c := range cases {
		o.lanes, o.window, o.rate = c.lanes, c.window, c.rate
		if err := o.relayCase(ctx, c, uint16(*ports), stdout, stderr); err != nil {
			return err
		}
	}
	return nil
}

// relayCase makes one table.
func (o *options) relayCase(ctx context.Context, c relayCase, ports uint16, stdout, stderr io.Writer) error {
	edge, err := o.edge()
	if err != nil {
		return err
	}
	chosen, err := o.pick(edges(&edge)...)
	if err != nil {
		return err
	}
	var makers []maker
	for _, m := range chosen {
		for _, n := range c.workers {
			makers = append(makers, m.with(func() { edge.Workers = n }, len(c.workers) > 1, fmt.Sprintf(", %d worker(s)", n)))
		}
	}
	t := newTable(fmt.Sprintf("stateless edge, %s from %d socket(s), %s", o.load(), o.lanes, mix), "msg", "one way")
	t.goals, t.json = c.goals, o.json
	err = o.turns(ctx, stderr, t, makers, func(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
		run, proxies, addrs, err := sipgen.Proxies(fakes, func(ends []sipgen.Server) (*sipgen.Run, error) {
			return sipgen.New(ctx, o.config(ends, ports))
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
	if t.Stream.IsValid() && run.Lane(0).Protocol() != transport.UDP {
		run.SetTarget(t.Stream)
	}
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
	got := measure(messages, r.Elapsed, r.Usage, r.Lost, r.Begun, &oneWay)
	got.accept = float64(r.Opening.CPU().Microseconds()) / float64(max(r.Opened, 1))
	return outcome{figures: got, problems: problems}, nil
}
