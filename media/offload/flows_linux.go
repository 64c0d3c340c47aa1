package offload

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// ktime is the clock of leases and arrivals.
func ktime() uint64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0 // never, on Linux
	}
	return uint64(t.Nano())
}

// failed wraps what a map operation said.
func failed(what string, local netip.AddrPort, err error) error {
	err = fmt.Errorf("offload: %s %v: %w", what, local, err)
	if errors.Is(err, unix.EPERM) {
		return &Unavailable{Reason: ReasonCapability, Err: err}
	}
	return err
}

// Install begins a flow or replaces one; see Offloader.
func (k *Kernel) Install(f Flow) error {
	f = f.normal()
	if err := f.validate(); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return os.ErrClosed
	}
	out, err := k.route(f.From.Addr(), f.To.Addr())
	if err != nil {
		return err
	}
	e, known := k.flows[f.Local]
	if !known {
		slot, ok := k.slots.take(f.Local)
		if !ok {
			return ErrFull
		}
		e = &entry{slot: slot}
	}
	if !e.claimed { // figures of a flow that nobody took over are nobody's
		k.memory.reset(e.slot)
	}
	if err := k.write(&f, e.slot, out); err != nil {
		if !known {
			k.slots.release(e.slot)
		}
		return err
	}
	e.flow, e.out, e.claimed = f, out, true
	k.flows[f.Local] = e
	return nil
}

// write puts a flow with a new lease into the maps.
func (k *Kernel) write(f *Flow, slot, out uint32) error {
	k.memory.lease(slot, ktime()+uint64(k.cfg.Lease))
	return k.put(f, slot, out)
}

func (k *Kernel) put(f *Flow, slot, out uint32) error {
	if err := k.changing(f.Local); err != nil {
		return err
	}
	key, value := encodeKey(f.Local), f.encode(slot, out)
	if err := k.maps.flows.Put(&key, &value); err != nil {
		if errors.Is(err, unix.E2BIG) {
			return ErrFull
		}
		return failed("installing", f.Local, err)
	}
	k.copying.changed(f.Local, ktime())
	return nil
}

// Release sends all packets of a flow to user space; see Offloader.
func (k *Kernel) Release(local netip.AddrPort) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, ok := k.flows[plain(local)]
	if !ok || k.closed {
		return ErrUnknown
	}
	f := e.flow
	f.Released = true
	if err := k.put(&f, e.slot, e.out); err != nil {
		return err
	}
	e.flow = f
	return nil
}

// Remove ends a flow and returns its last figures.
func (k *Kernel) Remove(local netip.AddrPort) (Stats, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	local = plain(local)
	e, ok := k.flows[local]
	if !ok || k.closed {
		return Stats{}, ErrUnknown
	}
	return k.remove(local, e)
}

func (k *Kernel) remove(local netip.AddrPort, e *entry) (Stats, error) {
	if err := k.changing(local); err != nil {
		return Stats{}, err
	}
	key := encodeKey(local)
	if err := k.maps.flows.Delete(&key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return Stats{}, failed("removing", local, err)
	}
	delete(k.flows, local)
	k.slots.release(e.slot)
	return k.figures(e.slot), nil
}

// Figures returns those of one flow; see Offloader.
func (k *Kernel) Figures(local netip.AddrPort) (Stats, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	local = plain(local)
	e, ok := k.flows[local]
	if !ok || k.closed {
		return Stats{}, ErrUnknown
	}
	return k.figures(e.slot), nil
}

func (k *Kernel) figures(slot uint32) Stats {
	k.memory.read(slot, &k.scratch)
	return k.scratch.figures(ktime(), time.Now())
}

// List returns all flows.
func (k *Kernel) List() []Flow {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := make([]Flow, 0, len(k.flows))
	for _, e := range k.flows {
		list = append(list, e.flow)
	}
	return list
}

// Claim takes over flows that were found at the start; see Offloader.
func (k *Kernel) Claim(locals ...netip.AddrPort) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var missing []error
	until := ktime() + uint64(k.cfg.Lease)
	for _, local := range locals {
		e, ok := k.flows[plain(local)]
		if !ok || k.closed {
			missing = append(missing, fmt.Errorf("%w: %v", ErrUnknown, local))
			continue
		}
		k.memory.lease(e.slot, until)
		e.claimed = true
		k.copying.changed(plain(local), ktime())
	}
	return errors.Join(missing...)
}
