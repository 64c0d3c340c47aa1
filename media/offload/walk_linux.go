package offload

import (
	"net/netip"
	"os"
	"time"
)

// every is after how many walks one visits all flows.
const every = 16

// Walk visits the figures that have changed; see Offloader. There is no system
// call for any of them, and one word to look at for a flow that is silent.
func (k *Kernel) Walk(visit func(local netip.AddrPort, s Stats)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return os.ErrClosed
	}
	if n := len(k.slots.local) - len(k.versions); n > 0 {
		k.versions = append(k.versions, make([]uint32, n)...)
	}
	k.walks++
	now, wall := ktime(), time.Now()
	for slot, local := range k.slots.local {
		version := k.memory.version(uint32(slot))
		if !local.IsValid() || version == k.versions[slot] && k.walks%every != 0 {
			continue
		}
		k.versions[slot] = version
		k.memory.read(uint32(slot), &k.scratch)
		visit(local, k.scratch.figures(now, wall))
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
	now := ktime()
	for local, e := range k.flows {
		if e.claimed {
			k.memory.lease(e.slot, now+uint64(k.cfg.Lease))
		} else if now > k.memory.leased(e.slot) {
			if _, err := k.remove(local, e); err != nil {
				return err
			}
		}
	}
	return k.reroute()
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
