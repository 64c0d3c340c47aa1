package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/class5-go/class5/cmd/internal/load/target"
)

// options are the flags that the subcommands share.
type options struct {
	start   string
	target  netip.AddrPort
	pid     int
	runs    int
	lanes   int
	window  int
	rate    float64
	warm    time.Duration
	measure time.Duration
	count   uint64
	workers int
	wait    time.Duration
	profile string
	json    bool
	set     map[string]bool // flags that were given
	builds  target.Builds
}

// flags defines the shared flags; kinds are what -start may name.
func flags(name, kinds string, window int, o *options) *flag.FlagSet {
	f := flag.NewFlagSet("bench "+name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.start, "start", "ours,"+kinds, "elements to start, in turn; those not installed are left out")
	f.Func("target", "`address` of an element that runs already, in place of -start", func(s string) (err error) {
		o.target, err = netip.ParseAddrPort(s)
		return err
	})
	f.IntVar(&o.pid, "pid", 0, "process of -target, for processor time and memory")
	f.IntVar(&o.runs, "runs", 3, "runs of each element")
	f.IntVar(&o.lanes, "lanes", 1, "client sockets")
	f.IntVar(&o.window, "window", window, "operations under way at most")
	f.Float64Var(&o.rate, "rate", o.rate, "operations begun in a second; 0: one begins when another ends")
	f.DurationVar(&o.warm, "warm", time.Second, "time before figures are taken")
	f.DurationVar(&o.measure, "time", 3*time.Second, "time for which figures are taken")
	f.Uint64Var(&o.count, "count", 0, "end after so many operations; 0: no limit")
	f.IntVar(&o.workers, "workers", 1, "sockets or processes of the element, where it can be told")
	f.DurationVar(&o.wait, "wait", 2*time.Second, "an operation without an end is lost after this `time`")
	f.StringVar(&o.profile, "profile", "", "`file` for a CPU profile of ours, of the last run; costs some of what is measured")
	f.BoolVar(&o.json, "json", false, "one JSON object for each table, in place of text")
	return f
}

// parse reads the command line and shows help.
func parse(f *flag.FlagSet, args []string, stderr io.Writer, o *options) error {
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			f.SetOutput(stderr)
			f.Usage()
			return err
		}
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	o.set = make(map[string]bool)
	f.Visit(func(g *flag.Flag) { o.set[g.Name] = true })
	switch {
	case f.NArg() > 0:
		return fmt.Errorf("%w: unexpected %q", errUsage, f.Arg(0))
	case o.runs < 1, o.lanes < 1, o.lanes > 64, o.window < o.lanes, o.workers < 1:
		return fmt.Errorf("%w: -runs, -lanes, -window and -workers are at least 1, -lanes at most 64 and not above -window", errUsage)
	case o.warm < 0, o.measure <= 0, o.warm+o.measure > 10*time.Minute, o.rate < 0, math.IsNaN(o.rate):
		return fmt.Errorf("%w: -warm, -time or -rate out of range", errUsage)
	}
	return nil
}

// maker starts one element in a directory of its own.
type maker struct {
	name  string
	start func(dir string) (*target.Target, error)
}

// with is the same element, prepared by set before it starts, and named apart
// when that is asked for.
func (m maker) with(set func(), apart bool, suffix string) maker {
	name := m.name
	if apart {
		name += suffix
	}
	if m.start == nil {
		return m
	}
	return maker{name, func(dir string) (*target.Target, error) {
		set()
		t, err := m.start(dir)
		if err == nil && apart {
			t.Name += suffix
		}
		return t, err
	}}
}

// named is the same element with more of a name in the report.
func (m maker) named(suffix string) maker {
	return maker{m.name, func(dir string) (*target.Target, error) {
		t, err := m.start(dir)
		if err == nil {
			t.Name += suffix
		}
		return t, err
	}}
}

// pick chooses the elements that -start names, or the one of -target.
func (o *options) pick(known ...maker) ([]maker, error) {
	if o.target.IsValid() {
		return []maker{{name: o.target.String()}}, nil
	}
	var chosen []maker
	for word := range strings.SplitSeq(o.start, ",") {
		found := false
		for _, m := range known {
			if m.name == strings.TrimSpace(word) {
				chosen, found = append(chosen, m), true
			}
		}
		if !found {
			return nil, fmt.Errorf("%w: -start %s", errUsage, word)
		}
	}
	return chosen, nil
}

// edge prepares what all edges have in common. Commands are compiled once, until
// close.
func (o *options) edge() (target.Edge, error) {
	if o.builds.Dir == "" {
		var err error
		if o.builds.Dir, err = os.MkdirTemp("", "class5-bench-"); err != nil {
			return target.Edge{}, err
		}
	}
	return target.Edge{Workers: o.workers, Builds: &o.builds}, nil
}

// close removes what was compiled.
func (o *options) close() {
	if o.builds.Dir != "" {
		_ = os.RemoveAll(o.builds.Dir) // a temporary directory
	}
}

// edges are the elements that can be an edge, as e says when they are started.
func edges(e *target.Edge) []maker {
	return []maker{
		{"ours", func(dir string) (*target.Target, error) { return e.Ours(dir) }},
		{"example", func(dir string) (*target.Target, error) { return e.Example(dir) }},
		{"kamailio", func(dir string) (*target.Target, error) { return e.Kamailio(dir) }},
	}
}

// load says in words how the element is driven.
func (o *options) load() string {
	if o.rate > 0 {
		return fmt.Sprintf("open loop, %g operations/s", o.rate)
	}
	return fmt.Sprintf("closed loop, %d under way", o.window)
}
