package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

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
			fmt.Fprintf(progress, "run %d of %d, %s\n", i+1, o.runs, t.progress(name, result.figures))
		}
	}
	return nil
}

// turn runs one element once, in a directory that is removed afterwards. once may
// start it several times, side by side.
func (o *options) turn(ctx context.Context, m maker, name *string,
	once func(ctx context.Context, start func() (*target.Target, error)) (outcome, error),
) (outcome, error) {
	dir, err := os.MkdirTemp("", "class5-bench-")
	if err != nil {
		return outcome{}, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	var running []*target.Target
	defer func() {
		for _, t := range running {
			if t.Process != nil {
				t.Stop()
			}
		}
	}()
	return once(ctx, func() (*target.Target, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t := &target.Target{Name: m.name, Addr: o.target, Stream: o.target}
		if m.start != nil {
			own := filepath.Join(dir, strconv.Itoa(len(running)))
			if err := os.Mkdir(own, 0o700); err != nil {
				return nil, err
			}
			var err error
			if t, err = m.start(own); err != nil {
				return nil, err
			}
		}
		running = append(running, t)
		*name = t.Name
		return t, nil
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
