package offload

import (
	"net/netip"
	"testing"
	"time"
)

// copied tells whether the program finds a flow by its port.
func (l *loaded) copied(local netip.AddrPort) bool {
	l.t.Helper()
	var slot uint32
	if err := l.maps.ports.Lookup(portOf(local), &slot); err != nil {
		l.t.Fatal(err)
	}
	e := l.flows[local]
	return slot != 0 && e != nil && slot == e.slot+1
}

// settle is a walk at a time after now.
func (l *loaded) settle(after time.Duration) {
	l.t.Helper()
	if err := l.copySettled(ktime() + uint64(after)); err != nil {
		l.t.Fatal(err)
	}
}

// claim installs a flow as one of this process.
func (l *loaded) claim(f Flow) {
	l.t.Helper()
	l.install(f, loop)
	l.flows[f.Local].claimed = true
}

// TestCopies: a flow that has not changed for a while is found by its port, and
// is forwarded and counted as before; before it changes it is not any more.
func TestCopies(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		l := load(t, 8)
		f := flowAB(v6)
		b := frame(f.Source, f.Local, rtp{pt: 8, ssrc: 7}.packet(20))
		l.claim(f)
		if l.settle(0); l.copied(f.Local) {
			t.Fatal("copied at once")
		}
		if l.settle(2 * time.Second); !l.copied(f.Local) {
			t.Fatal("not copied")
		}
		if code, out := l.once(b); code != redirect {
			t.Fatalf("returns %d", code)
		} else if got, ok := dissect(out); !ok || got.to != f.To || got.from != f.From || !got.sum {
			t.Errorf("%+v", got)
		}
		// That it is the copy is seen by one that is not the same.
		slot := l.flows[f.Local].slot
		l.memory.slots[slot].Flow.ToPort = swap16(9)
		if _, out := l.once(b); true {
			if got, ok := dissect(out); !ok || got.to != netip.AddrPortFrom(f.To.Addr(), 9) {
				t.Errorf("not by the copy: %+v", got)
			}
		}
		if err := l.Release(f.Local); err != nil {
			t.Fatal(err)
		}
		if code, _ := l.once(b); code != next || l.copied(f.Local) {
			t.Errorf("released: returns %d", code)
		}
		l.settle(2 * time.Second)
		if code, _ := l.once(b); code != next || !l.copied(f.Local) {
			t.Errorf("released and copied: returns %d", code)
		}
		if err := l.write(&f, slot, loop); err != nil {
			t.Fatal(err)
		}
		if _, out := l.once(b); l.copied(f.Local) {
			t.Error("changed, and still copied")
		} else if got, ok := dissect(out); !ok || got.to != f.To {
			t.Errorf("given back: %+v", got)
		}
		l.settle(2 * time.Second)
		s, err := l.Remove(f.Local)
		if err != nil || s.Forwarded.Packets != 3 || s.Up[UpReleased] != 2 || s.Received.Packets != 5 {
			t.Errorf("%+v, %v", s, err)
		}
		if code, _ := l.once(b); code != next || len(l.copying.owners)+len(l.copying.recent) != 0 {
			t.Errorf("removed: returns %d, %+v", code, l.copying)
		}
	}
}

// TestCopiesOfSomePorts: of flows with one port at several addresses one is
// found by it, the others as ever.
func TestCopiesOfSomePorts(t *testing.T) {
	l := load(t, 8)
	var flows []Flow
	for i := range 3 {
		f := flowAB(i == 2)
		if i == 1 {
			f.Local = netip.AddrPortFrom(f.Local.Addr().Next(), f.Local.Port())
		}
		l.claim(f)
		flows = append(flows, f)
	}
	forwarded := func() (copies int) {
		t.Helper()
		for _, f := range flows {
			if code, _ := l.once(frame(f.Source, f.Local, rtp{pt: 8}.packet(20))); code != redirect {
				t.Errorf("%v: returns %d", f.Local, code)
			}
			if l.copied(f.Local) {
				copies++
			}
		}
		return copies
	}
	l.settle(2 * time.Second)
	if n := forwarded(); n != 1 {
		t.Errorf("%d copies", n)
	}
	for i, f := range flows {
		if l.copied(f.Local) {
			if _, err := l.Remove(f.Local); err != nil {
				t.Fatal(err)
			}
			flows = append(flows[:i], flows[i+1:]...)
			break
		}
	}
	if forwarded(); len(flows) != 2 {
		t.Error("none was copied")
	}
}

// TestNoCopies: what may not be this process's to change, or is not there any
// more, is not copied; who begins anew forgets what the process before did.
func TestNoCopies(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*loaded, Flow)
		after  func(*loaded, Flow)
	}{
		"nobody's":    {before: func(l *loaded, f Flow) { l.flows[f.Local].claimed = false }},
		"handed over": {before: func(l *loaded, _ Flow) { _ = l.Lock() }},
		"removed by another": {before: func(l *loaded, f Flow) {
			key := encodeKey(f.Local)
			_ = l.maps.flows.Delete(&key)
		}},
		"found": {after: func(l *loaded, _ Flow) {
			if err := l.forgetCopies(); err != nil {
				t.Error(err)
			}
		}},
	} {
		l := load(t, 8)
		f := flowAB(false)
		l.claim(f)
		if c.before != nil {
			c.before(l, f)
		}
		l.settle(2 * time.Second)
		if c.after != nil {
			if !l.copied(f.Local) {
				t.Errorf("%s: not copied before", name)
			}
			c.after(l, f)
		}
		if l.copied(f.Local) {
			t.Errorf("%s: copied", name)
		}
	}
}
