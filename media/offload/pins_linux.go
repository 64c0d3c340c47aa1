package offload

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// pinned are the maps of an instance, which outlive it.
type pinned struct {
	flows, slots, ports, layout *ebpf.Map
}

// names are the files of the maps. The layout comes last: where it is, the
// others are complete.
func (p *pinned) names() []struct {
	name string
	at   **ebpf.Map
} {
	return []struct {
		name string
		at   **ebpf.Map
	}{{"flows", &p.flows}, {"slots", &p.slots}, {"ports", &p.ports}, {"layout", &p.layout}}
}

func (p *pinned) close() error {
	var errs []error
	for _, m := range p.names() {
		if *m.at != nil {
			errs = append(errs, (*m.at).Close())
		}
	}
	return errors.Join(errs...)
}

// lock makes the directory of the instance this process's own, until the file
// is closed.
func lock(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unavailable(ReasonBPFFS, "%w", err)
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, unavailable(ReasonBPFFS, "%w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(unavailable(ReasonBusy, "%s: %w", dir, err), f.Close())
	}
	return f, nil
}

// specs are the program and its maps, for so many flows.
func specs(flows int) (*ebpf.CollectionSpec, error) {
	spec, err := loadForward()
	if err != nil {
		return nil, &Unavailable{Reason: ReasonKernel, Err: err}
	}
	for name, m := range spec.Maps {
		if name != forwardMapPorts {
			m.MaxEntries = uint32(flows)
		}
	}
	spec.Maps["layout"] = &ebpf.MapSpec{Name: "layout", Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1}
	return spec, nil
}

// openPins opens what is pinned, or makes it.
func openPins(dir string, spec *ebpf.CollectionSpec) (p *pinned, found bool, err error) {
	p = new(pinned)
	if _, err = os.Stat(filepath.Join(dir, "layout")); err == nil {
		found = true
		err = p.load(dir, spec)
	} else {
		err = p.make(dir, spec)
	}
	if err != nil {
		return nil, found, errors.Join(err, p.close())
	}
	return p, found, nil
}

func (p *pinned) make(dir string, spec *ebpf.CollectionSpec) (err error) {
	for _, m := range p.names() {
		if err := os.Remove(filepath.Join(dir, m.name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return unavailable(ReasonBPFFS, "%w", err)
		}
		if *m.at, err = ebpf.NewMap(spec.Maps[m.name]); err != nil {
			return refused(fmt.Errorf("map %s: %w", m.name, err))
		}
		if m.at == &p.layout {
			if err := p.layout.Put(uint32(0), uint32(layout)); err != nil {
				return refused(err)
			}
		}
		if err := (*m.at).Pin(filepath.Join(dir, m.name)); err != nil {
			return refused(fmt.Errorf("pinning %s: %w", m.name, err))
		}
	}
	return nil
}

func (p *pinned) load(dir string, spec *ebpf.CollectionSpec) (err error) {
	for _, m := range p.names() {
		if *m.at, err = ebpf.LoadPinnedMap(filepath.Join(dir, m.name), nil); err != nil {
			return refused(fmt.Errorf("pinned map %s: %w", m.name, err))
		}
	}
	var version uint32
	if err := p.layout.Lookup(uint32(0), &version); err != nil {
		return refused(err)
	}
	if version != layout {
		return unavailable(ReasonLayout, "%s has layout %d, this is %d", dir, version, layout)
	}
	for _, m := range p.names() {
		want := spec.Maps[m.name]
		if m.at != &p.layout && m.at != &p.ports {
			want.MaxEntries = p.flows.MaxEntries()
		}
		if err := want.Compatible(*m.at); err != nil {
			return unavailable(ReasonLayout, "%s: %w", dir, err)
		}
	}
	return nil
}

// linkName is the file of an attachment: dots are not allowed there, and
// colons are not in names of interfaces.
func linkName(nic string) string { return "link-" + strings.ReplaceAll(nic, ".", ":") }

// nicOf is the interface of such a file.
func nicOf(file string) (string, bool) {
	name, ok := strings.CutPrefix(file, "link-")
	return strings.ReplaceAll(name, ":", "."), ok
}
