package offload

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/cilium/ebpf"
)

// batch is how many elements of a map are moved by one system call.
const batch = 4096

// scratch is memory for batches.
type scratch struct {
	keys   []uint32
	slots  []forwardSlot
	leases []uint64
}

func (s *scratch) grow() {
	if s.keys == nil {
		s.keys, s.slots, s.leases = make([]uint32, batch), make([]forwardSlot, batch), make([]uint64, batch)
	}
}

// Walk visits the figures of every flow, with a system call for some thousands.
func (k *Kernel) Walk(visit func(local netip.AddrPort, s Stats)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return os.ErrClosed
	}
	k.scratch.grow()
	var cursor ebpf.MapBatchCursor
	for done := 0; done < len(k.slots.local); {
		n := min(batch, len(k.slots.local)-done)
		got, err := k.maps.slots.BatchLookup(&cursor, k.scratch.keys[:n], k.scratch.slots[:n],
			&ebpf.BatchOptions{ElemFlags: uint64(ebpf.LookupLock)})
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return refused(fmt.Errorf("figures: %w", err))
		}
		if got == 0 {
			break
		}
		now, wall := ktime(), time.Now()
		for i := range got {
			if local := k.slots.local[k.scratch.keys[i]]; local.IsValid() {
				visit(local, k.scratch.slots[i].figures(now, wall))
			}
		}
		done += got
	}
	return k.copySettled(ktime())
}

// Renew extends the leases of what this process owns, has routes looked up
// again for hosts that are no routers, and ends what nobody owns when its
// lease is over.
func (k *Kernel) Renew() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return os.ErrClosed
	}
	k.scratch.grow()
	now := ktime()
	until := now + uint64(k.cfg.Lease)
	n := 0
	flush := func() error {
		_, err := k.maps.leases.BatchUpdate(k.scratch.keys[:n], k.scratch.leases[:n], nil)
		n = 0
		if err != nil {
			return refused(fmt.Errorf("leases: %w", err))
		}
		return nil
	}
	for local, e := range k.flows {
		if !e.claimed {
			if err := k.expire(local, e, now); err != nil {
				return err
			}
			continue
		}
		k.scratch.keys[n], k.scratch.leases[n] = e.slot, until
		if n++; n == batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if n > 0 {
		if err := flush(); err != nil {
			return err
		}
	}
	return k.reroute()
}

// expire ends a flow that nobody owns when its lease is over.
func (k *Kernel) expire(local netip.AddrPort, e *entry, now uint64) error {
	var until uint64
	if err := k.maps.leases.Lookup(e.slot, &until); err != nil {
		return failed("lease of", local, err)
	}
	if now <= until {
		return nil
	}
	_, err := k.remove(local, e)
	return err
}

// Check finds out whether the interfaces have the program.
func (k *Kernel) Check() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return os.ErrClosed
	}
	for _, name := range k.cfg.Interfaces {
		a := k.attached[name]
		if ok, err := k.holds(a); err != nil {
			return err
		} else if ok {
			continue
		}
		if a.link != nil {
			_ = a.link.Close() // of an interface that is gone
			a.link = nil
		}
		if err := k.attach(name); err != nil {
			return err
		}
	}
	return nil
}
