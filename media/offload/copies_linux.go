package offload

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/cilium/ebpf"
)

// settled is how long a flow has not changed when it gets a copy. Nothing in a
// copy is changed while the program may be reading it: before a flow changes,
// its port is forgotten, and by the time that its slot has another copy no
// packet of before is under way any more.
const settled = uint64(time.Second)

// portCount is PORTS of bpf/layout.h, batch how many of them one system call
// writes.
const (
	portCount = 1 << 15
	batch     = 4096
)

// copying knows which flows the program finds by their port alone.
type copying struct {
	owners map[uint32]netip.AddrPort // by element of the map of ports
	recent map[netip.AddrPort]uint64 // without a copy, and when they changed last or were claimed
	over   bool                      // another process makes them
}

// portOf is the element of a port.
func portOf(local netip.AddrPort) uint32 { return uint32(local.Port()) >> 1 }

func (c *copying) changed(local netip.AddrPort, now uint64) {
	if c.recent == nil {
		c.owners, c.recent = map[uint32]netip.AddrPort{}, map[netip.AddrPort]uint64{}
	}
	c.recent[local] = now
}

// changing has the program look a flow up in the table of flows.
func (k *Kernel) changing(local netip.AddrPort) error {
	delete(k.copying.recent, local)
	port := portOf(local)
	if k.copying.owners[port] != local {
		return nil
	}
	if err := k.maps.ports.Put(port, uint32(0)); err != nil {
		return failed("forgetting the port of", local, err)
	}
	delete(k.copying.owners, port)
	return nil
}

// copySettled has the program find flows by their port that have not changed for
// a while. Of several with the same one, at other addresses, one is. What is
// copied is what the table has, and only of flows that are this process's: the
// one before may have changed others since they were found.
func (k *Kernel) copySettled(now uint64) error {
	if k.copying.over {
		return nil
	}
	for local, at := range k.copying.recent {
		if now-at < settled {
			continue
		}
		delete(k.copying.recent, local)
		e, port := k.flows[local], portOf(local)
		if _, taken := k.copying.owners[port]; taken || e == nil || !e.claimed {
			continue
		}
		key, flow := encodeKey(local), forwardFlow{}
		err := k.maps.flows.Lookup(&key, &flow)
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			continue
		}
		if err == nil {
			flow.Routed = 0 // it looks its own way up
			k.memory.copy(e.slot, &key, &flow)
			err = k.maps.ports.Put(port, e.slot+1)
		}
		if err != nil {
			return failed("copying", local, err)
		}
		k.copying.owners[port] = local
	}
	return nil
}

// forgetCopies has every flow looked up in the table of flows: those that the
// process before has left.
func (k *Kernel) forgetCopies() error {
	keys, zeros := make([]uint32, batch), make([]uint32, batch)
	for first := uint32(0); first < portCount; first += batch {
		for i := range keys {
			keys[i] = first + uint32(i)
		}
		if _, err := k.maps.ports.BatchUpdate(keys, zeros, &ebpf.BatchOptions{}); err != nil {
			return refused(fmt.Errorf("ports: %w", err))
		}
	}
	return nil
}
