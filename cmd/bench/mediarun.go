package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/cmd/internal/load/mediagen"
	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/cmd/internal/load/netlab"
	"github.com/class5-go/class5/cmd/internal/load/target"
	"github.com/class5-go/class5/media/ng"
)

// mediaBench is one case under way.
type mediaBench struct {
	*mediaOptions
	c       mediaCase
	lab     *netlab.Lab
	formats [2]mediagen.Format
	stderr  io.Writer

	control *ng.Client      // of the element that runs; nil: none
	mounted string          // its BPF file system
	program *meter.Programs // its programs
	direct  figures         // of the direct path in this round
	host    host            // several elements that share one host
	state   string          // where sessions survive the process
}

// forwardProgram is the name of the program of media/offload.
const forwardProgram = "class5_forward"

func (b *mediaBench) node(kernel bool) target.Node {
	return target.Node{Lab: b.lab, Loops: b.workers, Calls: b.installed, Offload: kernel, Builds: &b.builds, State: b.state}
}

func (b *mediaBench) ours(dir string, kernel bool) (t *target.Target, err error) {
	if kernel {
		if err := b.mount(dir); err != nil {
			return nil, err
		}
	}
	t, b.control, err = b.node(kernel).Ours(dir)
	if err != nil {
		b.clean()
	}
	return t, err
}

// mount makes a BPF file system in a directory and begins to measure programs.
func (b *mediaBench) mount(dir string) (err error) {
	if b.program, err = meter.NewPrograms(forwardProgram); err != nil {
		return fmt.Errorf("run time of BPF programs: %w", err)
	}
	b.mounted = target.BPFDir(dir)
	if err := os.Mkdir(b.mounted, 0o700); err != nil {
		return err
	}
	if err := unix.Mount("bpf", b.mounted, "bpf", 0, ""); err != nil {
		b.mounted = ""
		return fmt.Errorf("a BPF file system: %w", err)
	}
	return nil
}

func (b *mediaBench) rtpengine(dir string) (t *target.Target, err error) {
	t, b.control, err = b.node(false).RTPEngine(dir)
	return t, err
}

// clean gives back what a run of an element needed.
func (b *mediaBench) clean() {
	if b.control != nil {
		b.control.Close()
		b.control = nil
	}
	if b.mounted != "" {
		_ = unix.Unmount(b.mounted, unix.MNT_DETACH) // the pins go with the last who uses them
		b.mounted = ""
	}
	if b.program != nil {
		_ = b.program.Close()
		b.program = nil
	}
}

// reading is what was used until a moment.
type reading struct {
	usage        meter.Usage
	machine, bpf time.Duration
}

func (b *mediaBench) read(into *reading, elements ...*target.Target) (err error) {
	into.usage = meter.Usage{}
	for _, t := range elements {
		if f := b.usage(t); f != nil {
			u, err := f()
			if err != nil {
				return err
			}
			into.usage.Add(u)
		}
	}
	if b.program != nil {
		if into.bpf, err = b.program.Time(); err != nil {
			return err
		}
	}
	into.machine, err = meter.Machine()
	return err
}

// once runs one element, or the direct path that the others of its round are
// held against.
func (b *mediaBench) once(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
	defer b.clean()
	t, err := start()
	if err != nil {
		return outcome{}, err
	}
	var before, after reading
	done := func() {}
	cfg := b.config()
	cfg.Begin = func() error {
		done = b.profileAfter(ctx, t, 0)
		return b.read(&before, t)
	}
	cfg.End = func() error { return b.read(&after, t) }
	r, err := mediagen.Run(ctx, cfg)
	done()
	if err != nil {
		return outcome{}, err
	}
	return b.judge(t, &r, before, after), nil
}

func (b *mediaBench) config() mediagen.Config {
	in := func(p netlab.Place) func(func() error) error {
		return func(f func() error) error { return b.lab.In(p, f) }
	}
	c := mediagen.Config{
		Calls: b.installed, Active: b.calls, Formats: b.formats, Secure: b.c.secure, Warm: b.warm, Measure: b.measure,
		In: [2]func(func() error) error{in(netlab.Callers), in(netlab.Callees)}, Locals: netlab.Direct(),
	}
	if b.control != nil {
		c.Control, c.Locals = b.control, netlab.Parties()
	}
	if b.mounted != "" {
		c.Settle = 2500 * time.Millisecond // the kernel gets flows once a second
	}
	return c
}

// judge makes figures of a run.
func (b *mediaBench) judge(t *target.Target, r *mediagen.Result, before, after reading) outcome {
	lost := r.Sent - min(r.Received, r.Sent)
	if b.coded() && b.control != nil {
		// What the codecs hold back at the end of a stream, a packet at most, is
		// not lost.
		lost -= min(lost, uint64(2*b.calls))
	}
	f := measure(r.Measured, r.Elapsed, after.usage.Sub(before.usage), lost, r.Sent, &r.Latency)
	per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(max(r.Measured, 1)) }
	f.bpf, f.machine = per(after.bpf-before.bpf), per(after.machine-before.machine)
	f.unit += f.bpf
	if b.control == nil {
		b.direct = f
	} else {
		f.calls = 10_000 / f.unit
		f.machine -= b.direct.machine
		f.added = f.p99 - b.direct.p99
	}
	problems := problemsOf(r.Faults)
	if r.Received == 0 {
		problems = append(problems, fmt.Sprintf("none of %d packets arrived", r.Sent))
	}
	if b.coded() && r.Tones == 0 && r.Elapsed > 2*time.Second {
		problems = append(problems, "no tone was measured")
	}
	if r.Skipped > r.Sent/100 {
		fmt.Fprintf(b.stderr, "%s: the generator was not let run and left out %d of %d packets\n", t.Name, r.Skipped, r.Sent+r.Skipped)
	}
	return outcome{figures: f, problems: problems}
}

func (b *mediaBench) coded() bool { return b.c.callers != b.c.callees }
