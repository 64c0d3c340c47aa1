package offload

import (
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

// TestLines wants what a packet needs of a slot in four lines of the cache.
func TestLines(t *testing.T) {
	var s forwardSlot
	if at := unsafe.Offsetof(s.Base); at != 256 || unsafe.Sizeof(s)%64 != 0 {
		t.Errorf("seldom counted from octet %d on, %d octets", at, unsafe.Sizeof(s))
	}
}

// fake is memory with one slot that no program knows.
func fake() *memory { return &memory{slots: make([]forwardSlot, 1)} }

// TestReadTogether has one writer count two words as the program does, and a
// reader that must not see one of them before the other.
func TestReadTogether(t *testing.T) {
	m := fake()
	s, stop, done := &m.slots[0], make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := uint64(1); ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			for from := time.Now(); time.Since(from) < time.Microsecond; { // until the next packet
			}
			atomic.AddUint32(&s.Version, 1)
			atomic.StoreUint64(&s.Received, n)
			atomic.StoreUint64(&s.Dropped, n)
			atomic.AddUint32(&s.Version, 1)
		}
	}()
	var got forwardSlot
	counted := false // the writer may have been kept from its CPU for longer than patience
	for begun := time.Now(); time.Since(begun) < 200*time.Millisecond || !counted && time.Since(begun) < 10*time.Second; {
		if !m.read(0, &got) {
			continue
		}
		if counted = counted || got.Received != 0; got.Received != got.Dropped {
			t.Errorf("received %d, dropped %d", got.Received, got.Dropped)
			break
		}
	}
	close(stop)
	<-done
	if !counted {
		t.Error("nothing was counted")
	}
}

// TestDeadOwner: who died in the middle of a slot keeps nobody from it for
// longer than patience.
func TestDeadOwner(t *testing.T) {
	for name, mend := range map[string]func(*memory){
		"begun anew": func(m *memory) { m.reset(0) },
		"found":      func(m *memory) { m.heal(0) },
	} {
		m := fake()
		m.slots[0].Version, m.slots[0].Received = 7, 5
		var got forwardSlot
		if whole := m.read(0, &got); whole || got.Received != 5 {
			t.Errorf("%s: whole %t, %+v", name, whole, got)
		}
		if mend(m); m.slots[0].Version != 8 {
			t.Errorf("%s: version %d", name, m.slots[0].Version)
		}
		if mend(m); m.slots[0].Version&1 != 0 {
			t.Errorf("%s: version %d", name, m.slots[0].Version)
		}
	}
}

// TestBusySlot: a slot that another CPU does not leave has the packet go to user
// space, and the next one is forwarded when it has.
func TestBusySlot(t *testing.T) {
	l := load(t, 4)
	f := flowAB(false)
	l.install(f, loop)
	b := frame(f.Source, f.Local, rtp{pt: 8, ssrc: 7}.packet(20))
	s := &l.memory.slots[l.flows[f.Local].slot]
	s.Version = 1
	if code, _ := l.once(b); code != next {
		t.Errorf("returns %d", code)
	}
	l.memory.heal(l.flows[f.Local].slot)
	if code, _ := l.once(b); code != redirect || l.figures(f.Local).Received.Packets != 1 || s.Version&1 != 0 {
		t.Errorf("returns %d, %+v", code, l.figures(f.Local))
	}
}
