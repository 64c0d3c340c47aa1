package dispatch

import (
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/wire"
	"pgregory.net/rapid"
)

// flip takes a target down or up, by no more than reports about it.
func (c *clock) flip(addr netip.AddrPort, up bool) {
	for range 2 {
		c.now = c.now.Add(300 * time.Millisecond)
		if up {
			c.Result(c.now, addr, true)
		} else {
			c.Unreachable(c.now, addr)
		}
	}
}

// TestTransactionsNeverMove: an INVITE, what is sent again of it, its CANCEL and
// the ACK to its 487 meet the same proxy, and so do other requests that must not
// be done twice, while the state of the targets changes at every step.
func TestTransactionsNeverMove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := numbered(rapid.IntRange(2, 5).Draw(t, "targets"))
		for i := range list {
			list[i].Chassis = []string{"one", "two"}[i%2]
		}
		pool, err := New(Config{
			Scope: rapid.SampledFrom([]Scope{Any, Chassis}).Draw(t, "scope"), Chassis: "one",
			MoveAfter: time.Hour, Random: func() uint64 { return 1e8 },
		}, list...)
		if err != nil {
			t.Fatal(err)
		}
		c := &clock{Pool: pool, now: time.Unix(1700000000, 0)}
		place := map[int]netip.AddrPort{}
		methods := map[int]wire.Method{}
		ask := func(i int, m wire.Method) {
			got, ok := c.Pick(c.query(i, m))
			want, known := place[i]
			switch {
			case known && (!ok || got != want):
				t.Fatalf("transaction %d: %v goes to %v (%v), it began at %v", i, m, got, ok, want)
			case ok:
				place[i] = got
			}
		}
		target := rapid.IntRange(0, len(list)-1)
		transaction := rapid.IntRange(0, 30)
		t.Repeat(map[string]func(*rapid.T){
			"request": func(t *rapid.T) {
				i := transaction.Draw(t, "transaction")
				if _, ok := methods[i]; !ok {
					methods[i] = rapid.SampledFrom([]wire.Method{wire.INVITE, wire.INVITE, wire.MESSAGE, wire.SUBSCRIBE}).Draw(t, "method")
				}
				ask(i, methods[i])
			},
			"cancel": func(t *rapid.T) {
				if i := transaction.Draw(t, "transaction"); methods[i] == wire.INVITE && place[i].IsValid() {
					ask(i, wire.CANCEL)
					ask(i, wire.ACK)
				}
			},
			"flip": func(t *rapid.T) {
				c.flip(list[target.Draw(t, "target")].Addr, rapid.Bool().Draw(t, "up"))
			},
			"busy": func(t *rapid.T) {
				c.Busy(c.now, list[target.Draw(t, "target")].Addr, 5*time.Second)
			},
			"drain": func(t *rapid.T) {
				if err := c.Drain(c.now, list[target.Draw(t, "target")].Addr, rapid.Bool().Draw(t, "on")); err != nil {
					t.Fatal(err)
				}
			},
			"set": func(t *rapid.T) {
				next := append([]Target(nil), list...)
				next[target.Draw(t, "target")].Weight = rapid.IntRange(1, 9).Draw(t, "weight")
				leave := target.Draw(t, "leave")
				if err := c.Set(append(next[:leave:leave], next[leave+1:]...)...); err != nil {
					t.Fatal(err)
				}
			},
			"pass": func(t *rapid.T) {
				c.pass(time.Duration(rapid.IntRange(1, 50).Draw(t, "tenths")) * 100 * time.Millisecond)
			},
		})
	})
}

// TestDeadTarget: what a dead target has not answered goes elsewhere after a
// while, and stays there; what it may have begun does not.
func TestDeadTarget(t *testing.T) {
	list := numbered(3)
	c := newPool(t, Config{}, list...)
	c.pass(time.Second)
	dead := c.pick(1, wire.INVITE)
	c.pick(2, wire.MESSAGE)
	c.flip(dead, false)
	if got := c.pick(1, wire.INVITE); got != dead {
		t.Errorf("moved to %v at once", got)
	}
	c.pass(DefaultMoveAfter, dead)
	if got := c.pick(1, wire.CANCEL); got != dead {
		t.Errorf("CANCEL goes to %v, the INVITE went to %v", got, dead)
	}
	next := c.pick(1, wire.INVITE)
	if next == dead {
		t.Errorf("the INVITE goes to %v still", next)
	}
	c.flip(dead, true)
	c.pass(DefaultSlowStart)
	for _, m := range []wire.Method{wire.INVITE, wire.CANCEL, wire.ACK} {
		if got := c.pick(1, m); got != next {
			t.Errorf("%v goes to %v, the INVITE went to %v at last", m, got, next)
		}
	}
}

// TestIdempotent: REGISTER and OPTIONS are not remembered.
func TestIdempotent(t *testing.T) {
	list := numbered(2)
	for _, m := range []wire.Method{wire.REGISTER, wire.OPTIONS} {
		c := newPool(t, Config{}, list...)
		first := c.pick(1, m)
		if err := c.Drain(c.now, first, true); err != nil {
			t.Fatal(err)
		}
		if got := c.pick(1, m); got == first {
			t.Errorf("%v stays at %v", m, got)
		}
	}
}
