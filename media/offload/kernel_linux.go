package offload

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Kernel is the Offloader that works.
type Kernel struct {
	cfg     Config
	nl      *netlink.Handle // in the network namespace of Open
	lock    *os.File
	program *ebpf.Program
	maps    *pinned

	mu       sync.Mutex
	attached map[string]*attachment
	flows    map[netip.AddrPort]*entry
	slots    slotPool
	copying  copying
	memory   memory
	scratch  forwardSlot
	versions []uint32 // by slot: at the last walk
	walks    uint64
	closed   bool
}

var _ Offloader = (*Kernel)(nil)

// entry is a flow in the maps.
type entry struct {
	flow    Flow
	slot    uint32
	out     uint32 // interface
	claimed bool
}

// Open attaches the program to the interfaces and takes over the flows that an
// earlier process of the instance has left: they are listed, not claimed. An
// error is an *Unavailable unless cfg is wrong. Close it in the end.
//
// It works on the network namespace of the calling thread; who has several
// calls Check in the same one.
func Open(cfg Config) (_ *Kernel, err error) {
	cfg, err = cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	k := &Kernel{cfg: cfg, attached: map[string]*attachment{}, flows: map[netip.AddrPort]*entry{}, lock: cfg.Lock}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.Close())
		}
	}()
	if k.nl, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return nil, unavailable(ReasonSystem, "netlink: %w", err)
	}
	if err := probe(cfg, k.nl); err != nil {
		return nil, err
	}
	if err := k.lockPins(); err != nil {
		return nil, err
	}
	if err := k.load(); err != nil {
		return nil, err
	}
	for _, name := range cfg.Interfaces {
		if err := k.attach(name); err != nil {
			return nil, err
		}
	}
	if err := k.detachOthers(); err != nil {
		return nil, err
	}
	return k, nil
}

// lockPins makes the directory this process's own, or sees that the lock of
// the process before is for it.
func (k *Kernel) lockPins() (err error) {
	if k.lock == nil {
		k.lock, err = lock(k.cfg.pins())
		return err
	}
	have, err := k.lock.Stat()
	if err != nil {
		return unavailable(ReasonBPFFS, "%w", err)
	}
	if want, err := os.Stat(k.cfg.pins()); err != nil || !os.SameFile(have, want) {
		return errors.Join(unavailable(ReasonBusy, "the lock handed over is not that of %s", k.cfg.pins()), err)
	}
	return nil
}

// Lock is what keeps the directory of the instance this process's own, for
// another process to which it hands over. It stays the Kernel's to close. From
// now on no flow is found by its port that is not yet: the other process may
// change it.
func (k *Kernel) Lock() *os.File {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.copying.over = true
	return k.lock
}

// load makes or opens the maps, and the program for them.
func (k *Kernel) load() error {
	spec, err := specs(k.cfg.Flows)
	if err != nil {
		return err
	}
	var found bool
	if k.maps, found, err = openPins(k.cfg.pins(), spec); err != nil {
		return err
	}
	if k.memory, err = newMemory(k.maps.slots); err != nil {
		return err
	}
	k.slots = slotPool{size: k.maps.flows.MaxEntries()}
	if found {
		if err := k.find(); err != nil {
			return err
		}
	}
	delete(spec.Maps, "layout")
	c, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{
		forwardMapFlows: k.maps.flows, forwardMapSlots: k.maps.slots, forwardMapPorts: k.maps.ports}})
	if err != nil {
		return refused(fmt.Errorf("program: %w", err))
	}
	k.program = c.DetachProgram(forwardProgClass5Forward)
	c.Close()
	return nil
}

// find lists the flows in the maps.
func (k *Kernel) find() error {
	var key forwardKey
	var value forwardFlow
	for i := k.maps.flows.Iterate(); ; {
		if !i.Next(&key, &value) {
			if err := i.Err(); err != nil {
				return refused(fmt.Errorf("flows: %w", err))
			}
			break
		}
		if value.Slot >= k.slots.size {
			return unavailable(ReasonLayout, "a flow with slot %d of %d", value.Slot, k.slots.size)
		}
		f := decode(&key, &value)
		k.memory.heal(value.Slot)
		k.flows[f.Local] = &entry{flow: f, slot: value.Slot, out: value.Interface}
		k.slots.use(value.Slot, f.Local)
	}
	k.slots.found()
	return k.forgetCopies()
}

// detachOthers leaves the interfaces that are not configured any more.
func (k *Kernel) detachOthers() error {
	files, err := os.ReadDir(k.cfg.pins())
	if err != nil {
		return unavailable(ReasonBPFFS, "%w", err)
	}
	for _, f := range files {
		if name, ok := nicOf(f.Name()); ok && k.attached[name] == nil {
			if err := os.Remove(filepath.Join(k.cfg.pins(), f.Name())); err != nil {
				return unavailable(ReasonBPFFS, "%w", err)
			}
		}
	}
	return sweepFilters(k.nl, k.filterName(), func(nic string) bool { return k.attached[nic] != nil })
}

// Hook is how the program is attached to an interface, HookAny when it is not.
func (k *Kernel) Hook(name string) Hook {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch a := k.attached[name]; {
	case a == nil:
		return HookAny
	case a.link == nil:
		return HookClsact
	}
	return HookTCX
}

// Close leaves the flows as they are: packets go on being forwarded.
func (k *Kernel) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil
	}
	k.closed = true
	var errs []error
	for _, a := range k.attached {
		if a.link != nil {
			errs = append(errs, a.link.Close())
		}
	}
	if k.program != nil {
		errs = append(errs, k.program.Close())
	}
	errs = append(errs, k.memory.close())
	if k.maps != nil {
		errs = append(errs, k.maps.close())
	}
	if k.lock != nil {
		errs = append(errs, k.lock.Close())
	}
	if k.nl != nil {
		k.nl.Close()
	}
	return errors.Join(errs...)
}

// Purge ends whatever an instance has left in the kernel, of any layout. No
// process may have it open.
func Purge(cfg Config) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return unavailable(ReasonSystem, "netlink: %w", err)
	}
	defer nl.Close()
	own, err := lock(cfg.pins())
	if err != nil {
		return err
	}
	defer own.Close()
	k := &Kernel{cfg: cfg}
	if err := sweepFilters(nl, k.filterName(), func(string) bool { return false }); err != nil {
		return err
	}
	if err := detachPinned(cfg.pins()); err != nil {
		return err
	}
	if err := os.RemoveAll(cfg.pins()); err != nil {
		return fmt.Errorf("offload: %w", err)
	}
	return nil
}

// detachPinned takes the program from the interfaces of pinned links. Without
// their pins the kernel would do so too, but some time later.
func detachPinned(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("offload: %w", err)
	}
	for _, f := range files {
		if _, ok := nicOf(f.Name()); !ok {
			continue
		}
		if l, err := link.LoadPinnedLink(filepath.Join(dir, f.Name()), nil); err == nil {
			_ = l.Detach() // its interface may be gone
			_ = l.Close()
		}
	}
	return nil
}
