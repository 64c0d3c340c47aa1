package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// billingOptions are the flags of bench billing.
type billingOptions struct {
	prefixes, calls, batch, records int
	seed                            uint64
	only                            string
	profile                         string
}

// billingParts are what bench billing measures, in this order.
var billingParts = []struct {
	name string
	run  func(context.Context, *billingOptions, *report, io.Writer) error
}{
	{"memory", billingMemory}, {"peer", billingPeer}, {"whatif", billingWhatIf}, {"durable", billingDurable}, {"acc", billingAcc}, {"session", billingSession},
}

// billingBench measures rating and the way of a record to the central database.
func billingBench(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o billingOptions
	f := flag.NewFlagSet("bench billing", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.IntVar(&o.prefixes, "prefixes", 500_000, "size of each deck")
	f.IntVar(&o.calls, "calls", 100_000, "calls on the durable way")
	f.IntVar(&o.records, "records", 1_000_000, "records that are priced anew by another deck")
	f.IntVar(&o.batch, "batch", 1000, "records of one transaction")
	f.Uint64Var(&o.seed, "seed", 1, "of the load")
	f.StringVar(&o.only, "only", "", "`parts` to run, by comma: "+strings.Join(partNames(), ", "))
	f.StringVar(&o.profile, "profile", "", "`file` for a CPU profile of this process on the durable way")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			f.SetOutput(stderr)
			f.Usage()
			return err
		}
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	chosen := partNames()
	if o.only != "" {
		chosen = strings.Split(o.only, ",")
	}
	for _, name := range chosen {
		if !slices.Contains(partNames(), name) {
			return fmt.Errorf("%w: -only %s", errUsage, name)
		}
	}
	if f.NArg() > 0 || o.prefixes < 1 || o.calls < 1 || o.records < 1 || o.batch < 1 || o.batch > 5000 {
		return fmt.Errorf("%w: bench billing takes flags above 0 only, -batch up to 5000", errUsage)
	}
	r := &report{}
	for _, p := range billingParts {
		if !slices.Contains(chosen, p.name) {
			continue
		}
		fmt.Fprintln(stderr, "billing:", p.name)
		if err := p.run(ctx, &o, r, stderr); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", p.name, err), r.write(stdout))
		}
	}
	return r.write(stdout)
}

func partNames() (names []string) {
	for _, p := range billingParts {
		names = append(names, p.name)
	}
	return names
}

// report is a list of figures, each with what it ought to be.
type report struct {
	lines   []line
	durable float64 // µs of processor time for a record, once it was measured
}

type line struct {
	what, value, goal string
	missed            bool
}

// add enters a figure without a goal.
func (r *report) add(what, format string, args ...any) {
	r.lines = append(r.lines, line{what: what, value: fmt.Sprintf(format, args...)})
}

// most enters a figure that ought to be at most a limit, and least one that
// ought to be at least that.
func (r *report) most(what, format string, value, limit float64) {
	r.lines = append(r.lines, line{what, fmt.Sprintf(format, value), "at most " + fmt.Sprintf(format, limit), value > limit})
}

func (r *report) least(what, format string, value, limit float64) {
	r.lines = append(r.lines, line{what, fmt.Sprintf(format, value), "at least " + fmt.Sprintf(format, limit), value < limit})
}

func (r *report) write(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, l := range r.lines {
		verdict := ""
		if l.goal != "" {
			verdict = map[bool]string{false: "met", true: "MISSED"}[l.missed]
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", l.what, l.value, l.goal, verdict)
	}
	return tw.Flush()
}
