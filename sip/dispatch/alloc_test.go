package dispatch

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/wire"
)

func TestPickAllocatesNothing(t *testing.T) {
	if raceEnabled {
		return // the race detector allocates
	}
	list := numbered(8)
	list[0].Weight, list[1].Chassis = 3, "other"
	c := newPool(t, Config{Scope: Chassis}, list...)
	for _, m := range []wire.Method{wire.INVITE, wire.REGISTER, wire.CANCEL} {
		q := c.query(1, m)
		if n := testing.AllocsPerRun(100, func() { c.Pick(q); c.Health(list[0].Addr) }); n != 0 {
			t.Errorf("%v: %v allocations", m, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		c.now = c.now.Add(100 * time.Millisecond)
		for _, p := range c.Tick(c.now) {
			c.Result(c.now, p.Addr, true)
		}
	}); n != 0 {
		t.Errorf("Tick allocates %v times with nothing to change", n)
	}
}

// TestChangesWhileUsed lets the race detector look.
func TestChangesWhileUsed(t *testing.T) {
	list := numbered(4)
	var mu sync.Mutex
	events := 0
	c := newPool(t, Config{Observe: func(Event) { mu.Lock(); events++; mu.Unlock() }}, list...)
	start := c.now
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			for i := range 2000 {
				q := relay.Query{CallID: fmt.Append(nil, g, i), Branch: fmt.Append(nil, g, i), Method: wire.INVITE, At: start}
				addr, ok := c.Pick(q)
				if !ok || c.Health(addr) == relay.Unknown {
					t.Errorf("%v %v", addr, ok)
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 50 {
			c.Result(start, list[i%3].Addr, i%2 == 0)
			c.List()
		}
	})
	for i := range 100 {
		c.pass(200*time.Millisecond, list[1].Addr)
		c.set(list[:3+i%2]...)
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	if events == 0 {
		t.Error("nothing was told")
	}
}

func BenchmarkPick(b *testing.B) {
	for _, weighted := range []bool{false, true} {
		list := numbered(8)
		if weighted {
			list[0].Weight = 2
		}
		c := newPool(b, Config{}, list...)
		for _, m := range []wire.Method{wire.REGISTER, wire.INVITE} {
			q := c.query(1, m)
			b.Run(fmt.Sprintf("8targets/weighted=%v/%v", weighted, m), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, ok := c.Pick(q); !ok {
						b.Fatal("none")
					}
				}
			})
		}
	}
}
