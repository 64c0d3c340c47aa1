package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/cmd/internal/load/target"
)

// turns runs every element -runs times, one after the other and each started
// anew, so that what happens on the machine meanwhile happens to all of them.
func (o *options) turns(ctx context.Context, progress io.Writer, t *table, makers []maker,
	once func(ctx context.Context, start func() (*target.Target, error)) (outcome, error),
) error {
	absent := make(map[string]bool)
	for i := range o.runs {
		for _, m := range makers {
			if absent[m.name] {
				continue
			}
			var name string
			result, err := o.turn(ctx, m, &name, once)
			switch {
			case errors.Is(err, target.ErrNotInstalled):
				absent[m.name] = true
				t.missing = append(t.missing, err.Error())
				continue
			case err != nil:
				return fmt.Errorf("%s: %w", m.name, err)
			}
			t.add(name, result)
			fmt.Fprintf(progress, "run %d of %d, %s: %.1f µs/%s, %.0f %s/s, %.3f %% lost\n", i+1, o.runs, name, result.unit, t.unit, result.rate, t.unit, result.loss)
		}
	}
	return nil
}

// turn runs one element once, in a directory that is removed afterwards.
func (o *options) turn(ctx context.Context, m maker, name *string,
	once func(ctx context.Context, start func() (*target.Target, error)) (outcome, error),
) (outcome, error) {
	dir, err := os.MkdirTemp("", "class5-bench-")
	if err != nil {
		return outcome{}, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	var running *target.Target
	defer func() {
		if running != nil && running.Process != nil {
			running.Stop()
		}
	}()
	return once(ctx, func() (*target.Target, error) {
		var err error
		if m.start == nil {
			running = &target.Target{Name: m.name, Addr: o.target}
		} else if running, err = m.start(dir); err != nil {
			return nil, err
		}
		*name = running.Name
		return running, nil
	})
}

// usage reads what an element has used, nothing when its process is not known.
func (o *options) usage(t *target.Target) func() (meter.Usage, error) {
	pid := o.pid
	if t.Process != nil {
		pid = t.PID()
	}
	if pid == 0 {
		return nil
	}
	return func() (meter.Usage, error) { return meter.Tree(pid) }
}
