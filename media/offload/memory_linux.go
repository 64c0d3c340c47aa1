package offload

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// memory are the slots as user space sees them: the program's own memory. A
// system call for each of them, or copies of all of them each second, would cost
// more than what is forwarded.
type memory struct {
	raw   []byte
	slots []forwardSlot
}

// head are the octets of a slot that no version guards: the copy of a flow, the
// version itself and the lease.
const head = unsafe.Offsetof(forwardSlot{}.Ssrc)

// patience is how long the program may be at a slot. It needs nanoseconds, but its
// CPU may not be let run by the host; who was killed leaves a slot for ever.
const patience = 10 * time.Millisecond

func newMemory(m *ebpf.Map) (memory, error) {
	size := int(unsafe.Sizeof(forwardSlot{})) * int(m.MaxEntries())
	pages := os.Getpagesize()
	raw, err := unix.Mmap(m.FD(), 0, (size+pages-1)/pages*pages, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return memory{}, refused(fmt.Errorf("slots in memory: %w", err))
	}
	return memory{raw, unsafe.Slice((*forwardSlot)(unsafe.Pointer(&raw[0])), m.MaxEntries())}, nil
}

func (m *memory) close() error {
	if m.raw == nil {
		return nil
	}
	raw := m.raw
	*m = memory{}
	return unix.Munmap(raw)
}

// counters are the words of a slot that the version guards.
func (s *forwardSlot) counters() []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Add(unsafe.Pointer(s), head)), (unsafe.Sizeof(*s)-head)/8)
}

// await calls try, with the version of the slot, until it does what it is to, or
// until the slot has been busy at one and the same version for as long as
// patience. It is that version that tells the dead: the one who waits may have
// been kept from its CPU for longer than that, while packets went on.
func (s *forwardSlot) await(try func(version uint32) bool) bool {
	var stuck uint32
	var end time.Time
	for i := 0; ; i++ {
		version := atomic.LoadUint32(&s.Version)
		if try(version) {
			return true
		}
		if version&1 == 0 || version != stuck {
			i, stuck, end = 0, version, time.Time{}
		}
		if i < 1000 {
			continue
		}
		if now := time.Now(); end.IsZero() {
			end = now.Add(patience)
		} else if now.After(end) {
			return false
		}
	}
}

// version tells whether a slot has counted since it was another one.
func (m *memory) version(slot uint32) uint32 { return atomic.LoadUint32(&m.slots[slot].Version) }

// read copies what a slot has counted, and tells whether at one moment: who died
// there has left some of it.
func (m *memory) read(slot uint32, into *forwardSlot) bool {
	s := &m.slots[slot]
	from, to := s.counters(), into.counters()
	return s.await(func(before uint32) bool {
		for i := range from {
			to[i] = atomic.LoadUint64(&from[i])
		}
		return before&1 == 0 && atomic.LoadUint32(&s.Version) == before
	})
}

// reset makes a slot's figures begin anew, while the program may be counting
// there.
func (m *memory) reset(slot uint32) {
	s := &m.slots[slot]
	var even uint32
	own := s.await(func(version uint32) bool {
		even = version &^ 1
		return atomic.CompareAndSwapUint32(&s.Version, even, even+1)
	})
	if !own {
		even = atomic.LoadUint32(&s.Version) &^ 1 // of one who died there
	}
	words := s.counters()
	for i := range words {
		atomic.StoreUint64(&words[i], 0)
	}
	atomic.StoreUint32(&s.Version, even+2)
}

// lease says until when a flow lives.
func (m *memory) lease(slot uint32, until uint64) { atomic.StoreUint64(&m.slots[slot].Until, until) }

func (m *memory) leased(slot uint32) uint64 { return atomic.LoadUint64(&m.slots[slot].Until) }

// copy puts a flow where the program finds it by its port. It must not be
// looking there.
func (m *memory) copy(slot uint32, key *forwardKey, flow *forwardFlow) {
	s := &m.slots[slot]
	s.Key, s.Flow = *key, *flow
}

// heal opens a slot that one who died while it began anew has left closed.
func (m *memory) heal(slot uint32) {
	s := &m.slots[slot]
	if !s.await(func(version uint32) bool { return version&1 == 0 }) {
		atomic.AddUint32(&s.Version, 1)
	}
}
