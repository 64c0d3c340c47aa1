package meter

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/cilium/ebpf"
)

// Programs are the BPF programs of a name that were loaded after [NewPrograms].
type Programs struct {
	name  string
	older map[ebpf.ProgramID]bool
	stats io.Closer
}

// NewPrograms has the kernel measure what programs take, until Close. The name
// is cut to 15 octets, as the kernel does.
func NewPrograms(name string) (*Programs, error) {
	const runTime = 0 // BPF_STATS_RUN_TIME
	c, err := ebpf.EnableStats(runTime)
	if err != nil {
		return nil, err
	}
	p := &Programs{name: name[:min(len(name), 15)], older: make(map[ebpf.ProgramID]bool), stats: c}
	err = all(func(id ebpf.ProgramID) error { p.older[id] = true; return nil })
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return p, nil
}

// Time is what they have taken so far.
func (p *Programs) Time() (sum time.Duration, err error) {
	err = all(func(id ebpf.ProgramID) error {
		if p.older[id] {
			return nil
		}
		prog, err := ebpf.NewProgramFromID(id)
		if errors.Is(err, os.ErrNotExist) {
			return nil // it has ended meanwhile
		}
		if err != nil {
			return err
		}
		defer prog.Close()
		info, err := prog.Info()
		if err != nil || info.Name != p.name {
			return err
		}
		stats, err := prog.Stats()
		if err == nil {
			sum += stats.Runtime
		}
		return err
	})
	return sum, err
}

// Close ends the measuring.
func (p *Programs) Close() error { return p.stats.Close() }

// all visits the programs of the kernel.
func all(visit func(ebpf.ProgramID) error) error {
	for id := ebpf.ProgramID(0); ; {
		next, err := ebpf.ProgramGetNextID(id)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := visit(next); err != nil {
			return err
		}
		id = next
	}
}
