package transport

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPacer(t *testing.T) {
	p := pacer{rate: 10}
	for i := range 10 {
		if wait := p.take(time.Hour); wait != 0 {
			t.Fatalf("token %d: wait %v", i, wait)
		}
	}
	if wait := p.take(time.Hour); wait != 100*time.Millisecond {
		t.Errorf("empty: wait %v", wait)
	}
	if wait := p.take(time.Hour + 100*time.Millisecond); wait != 0 {
		t.Errorf("refilled: wait %v", wait)
	}
	unlimited := pacer{rate: -1}
	for range 1000 {
		if unlimited.take(0) != 0 {
			t.Fatal("limited")
		}
	}
}

// A million other sources take no more room, and one that is over its rate
// among few others stays so.
func TestRateTable(t *testing.T) {
	table := newRateTable(10)
	src := netip.MustParseAddr("192.0.2.1")
	n := 0
	for table.allow(src, 0) {
		n++
	}
	if n != 40 {
		t.Errorf("%d at once, want 40", n)
	}
	for i := range 1000 {
		if !table.allow(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 0) {
			t.Fatal("a source that came first refused")
		}
	}
	if table.allow(src, 0) || !table.allow(src, 100*time.Millisecond) || table.allow(src, 100*time.Millisecond) {
		t.Error("rate of the first source forgotten")
	}
	for i := range 1_000_000 {
		table.allow(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), 0)
	}
}

func TestTimerList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list timerList
		var model []*conn
		for range rapid.IntRange(0, 50).Draw(t, "steps") {
			if len(model) == 0 || rapid.Bool().Draw(t, "push") {
				c := &conn{}
				list.push(c)
				model = append(model, c)
			} else {
				i := rapid.IntRange(0, len(model)-1).Draw(t, "remove")
				list.remove(model[i])
				model = slices.Delete(model, i, i+1)
			}
			var got []*conn
			for c := list.first; c != nil; c = c.timer.next {
				got = append(got, c)
			}
			var back []*conn
			for c := list.last; c != nil; c = c.timer.prev {
				back = append(back, c)
			}
			slices.Reverse(back)
			if !slices.Equal(got, model) || !slices.Equal(back, model) {
				t.Fatalf("list of %d and %d, want %d", len(got), len(back), len(model))
			}
		}
	})
}

// A record is open from its first byte to its last, however it is cut.
func TestRecordMeter(t *testing.T) {
	stream := slices.Concat([]byte{22, 3, 3, 0, 2, 'a', 'b'}, []byte{23, 3, 3, 0, 0}, []byte{23, 3, 3, 1, 0}, make([]byte, 256))
	ends := []int{7, 12, 17 + 256}
	for size := 1; size <= len(stream); size++ {
		var m recordMeter
		for at := 0; at < len(stream); {
			n := min(size, len(stream)-at)
			m.add(stream[at : at+n])
			at += n
			if open := m.open() > 0; open == slices.Contains(ends, at) {
				t.Fatalf("pieces of %d: open %v at %d", size, open, at)
			}
		}
	}
}
