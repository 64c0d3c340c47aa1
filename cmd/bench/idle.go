package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/cmd/internal/load/sipgen"
	"github.com/class5-go/class5/cmd/internal/load/target"
	"github.com/class5-go/class5/sip/transport"
)

// few is the number of connections before the memory of an edge is read first:
// what it needs for its first ones is not the price of one more.
const few = 200

// idle measures what a connection costs that has registered and says nothing:
// the growth of an edge's memory, shared pages divided among its processes.
func idle(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	defer o.close()
	f := flags("idle", "kamailio", 256, &o)
	protocols := f.String("protocol", "tcp,tls,ws,wss", "tcp, tls, ws and wss, a table for each")
	conns := f.Int("conns", 2000, "connections; those that do not fit into one process of the edge go to a second one and so on")
	settle := f.Duration("settle", 2*time.Second, "pause before memory is read")
	if err := parse(f, args, stderr, &o); err != nil {
		return err
	}
	kinds, err := protocolList(*protocols)
	if err != nil {
		return err
	}
	if *conns <= few || *conns > 1_000_000 || *settle < 0 || *settle > time.Minute || o.target.IsValid() {
		return fmt.Errorf("%w: -conns is above %d, -settle at most 1m, and there is no -target", errUsage, few)
	}
	for _, p := range kinds {
		if err := o.idleCase(ctx, p, *conns, *settle, stdout, stderr); err != nil {
			return err
		}
	}
	return nil
}

// idleGoals are the figures an idle connection may cost, in KiB.
func idleGoals(p transport.Protocol) []goal {
	const column = "KiB/connection"
	switch p {
	case transport.TLS:
		return []goal{{column, oursName, "", 27, true}, {column, oursName, "", 20, true}}
	case transport.WSS:
		return []goal{{column, oursName, "", 29, true}}
	case transport.TCP:
		return []goal{{column, oursName, "", 7, true}, {column, oursName, "", 6, true}}
	}
	return nil
}

func (o *options) idleCase(ctx context.Context, p transport.Protocol, conns int, settle time.Duration, stdout, stderr io.Writer) error {
	edge, err := o.edge()
	if err != nil {
		return err
	}
	edge.Stream = p
	makers, err := o.pick(edges(&edge)...)
	if err != nil {
		return err
	}
	share := target.Descriptors(maxFiles())
	instances := (conns + share - 1) / share
	title := fmt.Sprintf("idle connections, %d of %v, each registered once", conns, p)
	if instances > 1 {
		title += fmt.Sprintf("; a process may hold %d descriptors, so %d edges share them", maxFiles(), instances)
	}
	t := newTable(title, "connection", "")
	t.cols = []column{
		{"KiB/connection", func(f figures) float64 { return f.growth }}, {"µs/connection", func(f figures) float64 { return f.accept }},
		{"PSS MB", func(f figures) float64 { return f.pss }}, {"processes", func(f figures) float64 { return f.processes }},
	}
	t.goals, t.json = idleGoals(p), o.json
	err = o.turns(ctx, stderr, t, makers, func(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
		proxies, addrs, stop, err := sipgen.ServeProxies(ctx, fakes)
		if err != nil {
			return outcome{}, err
		}
		edge.Proxies = addrs
		h := holding{ctx: ctx, protocol: p, settle: settle}
		defer h.end()
		result, err := h.measure(conns, instances, start)
		if err := errors.Join(err, stop()); err != nil {
			return outcome{}, err
		}
		for _, p := range proxies {
			result.problems = append(result.problems, problemsOf(p.Figures().Faults)...)
		}
		return result, nil
	})
	if err != nil {
		return err
	}
	return t.write(stdout)
}

// holding is one run of idle: edges, and processes with their clients.
type holding struct {
	ctx      context.Context //nolint:containedctx // lives as long as one call
	protocol transport.Protocol
	settle   time.Duration
	edges    []*target.Target
	clients  []*target.Process
}

func (h *holding) end() {
	for _, c := range h.clients {
		c.Stop()
	}
}

// measure opens the connections, a few first, and reads memory before and after
// the rest.
func (h *holding) measure(conns, instances int, start func() (*target.Target, error)) (outcome, error) {
	for range instances {
		t, err := start()
		if err != nil {
			return outcome{}, err
		}
		h.edges = append(h.edges, t)
	}
	if err := h.spread(few*instances, netip.AddrFrom4([4]byte{127, 1, 0, 1})); err != nil {
		return outcome{}, err
	}
	before, err := h.usage()
	if err != nil {
		return outcome{}, err
	}
	rest := conns - few*instances
	if err := h.spread(rest, netip.AddrFrom4([4]byte{127, 2, 0, 1})); err != nil {
		return outcome{}, err
	}
	after, err := h.usage()
	if err != nil {
		return outcome{}, err
	}
	return outcome{figures: figures{
		growth: float64(after.PSS-before.PSS) / 1024 / float64(rest), accept: float64(after.Sub(before).CPU().Microseconds()) / float64(rest),
		pss: float64(after.PSS) / 1e6, processes: float64(after.Processes),
	}}, nil
}

// usage is that of all edges after a pause.
func (h *holding) usage() (all meter.Usage, err error) {
	select {
	case <-h.ctx.Done():
		return all, h.ctx.Err()
	case <-time.After(h.settle):
	}
	for _, e := range h.edges {
		u, err := meter.Tree(e.PID())
		if err != nil {
			return all, err
		}
		all.User, all.System, all.PSS, all.Processes = all.User+u.User, all.System+u.System, all.PSS+u.PSS, all.Processes+u.Processes
	}
	return all, nil
}

// spread opens n connections, an equal part to each edge and from a process of
// its own, and waits until all have registered.
func (h *holding) spread(n int, first netip.Addr) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for i, e := range h.edges {
		part := (n + i) / len(h.edges)
		a := first.As4()
		a[1] += byte(2 * i)
		c, err := target.Start(os.TempDir(), self, "serve-idle", h.protocol.String(), e.Stream.String(), strconv.Itoa(part), netip.AddrFrom4(a).String())
		if err != nil {
			return err
		}
		h.clients = append(h.clients, c)
		err = c.Wait(2*time.Minute, func() error {
			if err := h.ctx.Err(); err != nil {
				return nil //nolint:nilerr // seen below
			}
			if !strings.Contains(c.Output(), "held ") {
				return errors.New("not all connections are there")
			}
			return nil
		})
		if err != nil || h.ctx.Err() != nil {
			return errors.Join(err, h.ctx.Err())
		}
		if got := fmt.Sprintf("held %d", part); c.Output() != got {
			return fmt.Errorf("of %d connections: %s", part, c.Output())
		}
	}
	return nil
}

// serveIdle is the child that holds connections: protocol, target, how many,
// first address.
func serveIdle(ctx context.Context, args []string, stdout, _ io.Writer) error {
	if len(args) != 4 {
		return fmt.Errorf("%w: serve-idle is for bench idle", errUsage)
	}
	p, err := transport.ParseProtocol(strings.ToLower(args[0]))
	at, err2 := netip.ParseAddrPort(args[1])
	n, err3 := strconv.Atoi(args[2])
	first, err4 := netip.ParseAddr(args[3])
	if err := errors.Join(err, err2, err3, err4); err != nil || n < 1 {
		return fmt.Errorf("%w: serve-idle: %w", errUsage, errors.Join(err, fmt.Errorf("%d connections", n)))
	}
	run, err := sipgen.New(ctx, sipgen.Config{
		Target: at, Window: min(n, 64), Timeout: 5 * time.Second, Op: sipgen.NewRelay, Streams: &sipgen.Streams{Protocol: p, Conns: n, First: first},
	})
	if err != nil {
		return err
	}
	run.SetHold(func(ctx context.Context, r sipgen.Result) error {
		if r.Done == uint64(n) {
			fmt.Fprintf(stdout, "held %d\n", n)
		} else {
			fmt.Fprintf(stdout, "held only %d, lost %d, failed %d: %v\n", r.Done, r.Lost, r.Failed, problemsOf(r.Reasons))
		}
		<-ctx.Done()
		return nil
	})
	_, err = run.Run(ctx)
	return err
}
