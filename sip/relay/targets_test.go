package relay

import (
	"fmt"
	"math"
	"net/netip"
	"testing"

	"github.com/class5-go/class5/sip/wire"
)

func newTargets(tb testing.TB, list ...Target) *Targets {
	tb.Helper()
	t, err := NewTargets([]byte("secret"), list...)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func set(tb testing.TB, t *Targets, list ...Target) {
	tb.Helper()
	if err := t.Set(list...); err != nil {
		tb.Fatal(err)
	}
}

func numbered(n int) []Target {
	list := make([]Target, n)
	for i := range list {
		list[i].Addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 5060)
	}
	return list
}

func query(i int, m wire.Method) Query {
	return Query{CallID: fmt.Appendf(nil, "%d@192.0.2.7", i), Branch: fmt.Appendf(nil, "z9hG4bK%d", i), Method: m}
}

// TestShares: each target gets its share of Call-IDs.
func TestShares(t *testing.T) {
	const calls = 40000
	for _, weights := range [][]int{{0, 1}, {1, 1, 1, 1, 1}, {1, 3}, {10, 20, 70}, {7, 7, 7, 1}} {
		list, total := numbered(len(weights)), 0
		for i, w := range weights {
			list[i].Weight = w
			total += max(w, 1)
		}
		targets, got := newTargets(t, list...), map[netip.AddrPort]int{}
		for i := range calls {
			addr, ok := targets.Pick(query(i, wire.REGISTER))
			if !ok {
				t.Fatal("none")
			}
			got[addr]++
		}
		for i, w := range weights {
			want := float64(calls*max(w, 1)) / float64(total)
			if n := float64(got[list[i].Addr]); math.Abs(n-want) > 5*math.Sqrt(want) {
				t.Errorf("weights %v: target %d got %v of %d, want about %v", weights, i, n, calls, want)
			}
		}
	}
}

// TestFewMove: a target that comes takes its share from the others, one that
// goes gives its own away, and nothing else moves.
func TestFewMove(t *testing.T) {
	for _, weighted := range []bool{false, true} {
		list := numbered(6)
		if weighted {
			list[2].Weight = 4
		}
		fewer, all := newTargets(t, list[:5]...), newTargets(t, list...)
		drained := append([]Target(nil), list...)
		drained[5].Draining = true
		down := append([]Target(nil), list...)
		down[5].Down = true
		moved := 0
		for i := range 10000 {
			q := query(i, wire.REGISTER)
			a, _ := fewer.Pick(q)
			b, _ := all.Pick(q)
			if a != b {
				moved++
				if b != list[5].Addr {
					t.Fatalf("call %d moved from %v to %v, which is not new", i, a, b)
				}
			}
			set(t, all, drained...)
			c, _ := all.Pick(q)
			set(t, all, down...)
			d, _ := all.Pick(q)
			set(t, all, list...)
			if c != a || d != a {
				t.Fatalf("call %d goes to %v and %v without the sixth, and to %v if there is none", i, c, d, a)
			}
		}
		if limit := 10000/6 + 200; moved > limit {
			t.Errorf("weighted %v: %d of 10000 moved, want at most %d", weighted, moved, limit)
		}
	}
}

// TestTransactionsStay: the CANCEL, the ACK and the retransmissions of an
// INVITE go where it went, whatever happens to the targets meanwhile.
func TestTransactionsStay(t *testing.T) {
	list := numbered(3)
	targets := newTargets(t, list[:2]...)
	health := [][]Target{
		{{Addr: list[0].Addr, Draining: true}, list[1]},
		{list[0], {Addr: list[1].Addr, Draining: true}},
		{list[0], list[1], list[2]},
		{{Addr: list[0].Addr, Weight: 9}, list[1]},
		list[:2],
	}
	for i := range 1000 {
		set(t, targets, health[i%len(health)]...)
		want, _ := targets.Pick(query(i, wire.INVITE))
		for j, h := range health {
			set(t, targets, h...)
			for _, m := range []wire.Method{wire.INVITE, wire.CANCEL, wire.ACK} {
				if targets.Health(want) == Unknown {
					continue
				}
				if got, ok := targets.Pick(query(i, m)); !ok || got != want {
					t.Fatalf("call %d, health %d: %v goes to %v, the INVITE went to %v", i, j, m, got, want)
				}
			}
		}
	}
	// When its target is down, the CANCEL still belongs there, but a new
	// attempt of the INVITE is better off elsewhere.
	set(t, targets, list[:2]...)
	want, _ := targets.Pick(query(5000, wire.INVITE))
	for i := range 2 {
		list[i].Down = list[i].Addr == want
	}
	set(t, targets, list[:2]...)
	if got, ok := targets.Pick(query(5000, wire.CANCEL)); !ok || got != want {
		t.Errorf("CANCEL goes to %v, want %v", got, want)
	}
	if got, ok := targets.Pick(query(5000, wire.INVITE)); !ok || got == want {
		t.Errorf("INVITE goes to %v, which is down", got)
	}
}

// TestRemembered: what must not be done twice stays where it was begun; what
// may be goes where there is room.
func TestRemembered(t *testing.T) {
	list := numbered(2)
	for m, stays := range map[wire.Method]bool{
		wire.MESSAGE: true, wire.SUBSCRIBE: true, wire.MethodUnknown: true, wire.REGISTER: false, wire.OPTIONS: false,
	} {
		targets := newTargets(t, list...)
		want, _ := targets.Pick(query(1, m))
		drained := append([]Target(nil), list...)
		for i := range drained {
			drained[i].Draining = drained[i].Addr == want
		}
		set(t, targets, drained...)
		if got, ok := targets.Pick(query(1, m)); !ok || got == want != stays {
			t.Errorf("%v: first to %v, when that drains to %v", m, want, got)
		}
	}
}

func TestNoneLeft(t *testing.T) {
	list := numbered(2)
	list[0].Down, list[1].Draining = true, true
	targets := newTargets(t, list...)
	if got, ok := targets.Pick(query(1, wire.INVITE)); !ok || got != list[1].Addr {
		t.Errorf("with nothing but a draining target: %v, %v", got, ok)
	}
	list[1].Down = true
	set(t, targets, list...)
	if got, ok := targets.Pick(query(2, wire.INVITE)); ok {
		t.Errorf("with all targets down: %v", got)
	}
	set(t, targets)
	if got, ok := targets.Pick(query(3, wire.REGISTER)); ok {
		t.Errorf("without targets: %v", got)
	}
	if got := targets.Health(list[0].Addr); got != Unknown {
		t.Errorf("health of a stranger: %v", got)
	}
}

func TestHealth(t *testing.T) {
	list := numbered(3)
	list[1].Down, list[2].Draining = true, true
	targets := newTargets(t, list...)
	for i, want := range []Health{Up, Down, Up} {
		if got := targets.Health(list[i].Addr); got != want {
			t.Errorf("target %d: %v, want %v", i, got, want)
		}
	}
	if got := targets.List(); len(got) != 3 || !got[1].Down || !got[2].Draining || got[0].Weight != 1 {
		t.Errorf("%+v", got)
	}
}

func TestTargetsRefused(t *testing.T) {
	good := Target{Addr: proxyA}
	targets := newTargets(t, good)
	for name, list := range map[string][]Target{
		"no port":     {{Addr: netip.MustParseAddrPort("10.0.0.1:0")}},
		"no address":  {{}},
		"any address": {{Addr: netip.MustParseAddrPort("0.0.0.0:5060")}},
		"twice":       {good, {Addr: netip.MustParseAddrPort("[::ffff:10.0.0.11]:5060")}},
		"too many":    numbered(maxTargets + 1),
	} {
		if err := targets.Set(list...); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := NewTargets(nil, list...); err == nil {
			t.Errorf("%s: accepted by NewTargets", name)
		}
	}
	if targets.Health(proxyA) != Up {
		t.Error("the table changed on an error")
	}
}

// TestManyAddresses: the numbers of the memory are used again after a while,
// and never say something wrong.
func TestManyAddresses(t *testing.T) {
	targets := newTargets(t)
	for i := range 80 {
		list := numbered(1000)
		for j := range list {
			a := list[j].Addr.Addr().As4()
			a[1] = byte(i)
			list[j].Addr = netip.AddrPortFrom(netip.AddrFrom4(a), 5060)
		}
		set(t, targets, list...)
		for c := range 50 {
			invite, ok := targets.Pick(query(c, wire.INVITE))
			if !ok || targets.Health(invite) != Up {
				t.Fatalf("set %d: call %d goes to %v", i, c, invite)
			}
			if cancel, _ := targets.Pick(query(c, wire.CANCEL)); cancel != invite {
				t.Fatalf("set %d: CANCEL of call %d goes to %v, not %v", i, c, cancel, invite)
			}
		}
	}
}

func BenchmarkPick(b *testing.B) {
	for _, weighted := range []bool{false, true} {
		list := numbered(8)
		if weighted {
			list[0].Weight = 2
		}
		targets := newTargets(b, list...)
		q := Query{CallID: []byte("a84b4c76e66710@pc33.atlanta.example.com"), Branch: []byte("z9hG4bK776asdhds"), Method: wire.INVITE}
		b.Run(fmt.Sprintf("8targets/weighted=%v", weighted), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := targets.Pick(q); !ok {
					b.Fatal("none")
				}
			}
		})
	}
}
