package ice_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ice"
	"pgregory.net/rapid"
)

// TestBothAgree: whatever the network does, both sides end with the same pair
// for each component, or with none.
func TestBothAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newNetwork(t)
		w.rng = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		w.loss = rapid.SampledFrom([]float64{0, 0, 0.05, 0.2}).Draw(rt, "loss")
		w.max = w.min + time.Duration(rapid.IntRange(0, 300).Draw(rt, "jitter ms"))*time.Millisecond
		components := rapid.IntRange(1, 2).Draw(rt, "components")
		na, nb := rapid.IntRange(1, 3).Draw(rt, "addresses of a"), rapid.IntRange(1, 3).Draw(rt, "addresses of b")
		locals := func(net string, n int) (out []ice.Local) {
			for h := range n {
				for c := range components {
					out = append(out, host(c+1, fmt.Sprintf("%s.%d:%d", net, h+1, 4000+c)))
				}
			}
			return out
		}
		if rapid.Bool().Draw(rt, "NAT") {
			w.nats = append(w.nats, newNAT("10.0.0.0/8", "203.0.113.9"))
		}
		// Some ways are closed, in both directions.
		closed := map[[2]netip.Addr]bool{}
		for i := range na {
			for j := range nb {
				if rapid.IntRange(0, 3).Draw(rt, "closed") == 0 {
					x, y := netip.MustParseAddr(fmt.Sprintf("10.0.0.%d", i+1)), netip.MustParseAddr(fmt.Sprintf("198.51.100.%d", j+1))
					closed[[2]netip.Addr{x, y}], closed[[2]netip.Addr{y, x}] = true, true
				}
			}
		}
		w.blocked = func(from, to netip.AddrPort) bool {
			return closed[[2]netip.Addr{from.Addr(), to.Addr()}]
		}
		role := func(name string) bool { return rapid.Bool().Draw(rt, name) }
		a := w.join("a", ice.Config{Controlling: role("a controls")}, locals("10.0.0", na)...)
		b := w.join("b", ice.Config{Controlling: role("b controls"), Lite: rapid.IntRange(0, 3).Draw(rt, "lite") == 0}, locals("198.51.100", nb)...)
		bLite := b.lite
		w.signal(a, b, false, bLite)
		moved := rapid.IntRange(0, 5).Draw(rt, "move b") == 0
		if moved {
			w.run(time.Duration(rapid.IntRange(0, 2000).Draw(rt, "after ms")) * time.Millisecond)
			w.move(rt, b)
		}
		w.run(5 * time.Minute)
		okA, okB := a.State(0) == ice.StateCompleted, b.State(0) == ice.StateCompleted
		lost := a.saw(ice.EventConsentLost) || b.saw(ice.EventConsentLost)
		if okA != okB && !bLite && !lost {
			rt.Fatalf("a %v, b %v", a.State(0), b.State(0))
		}
		if okA && okB && !lost {
			for c := range components {
				if !w.agreed(a, b, c+1) {
					p, _ := a.Path(0, c+1)
					q, _ := b.Path(0, c+1)
					rt.Fatalf("component %d: a %v, b %v", c+1, p, q)
				}
			}
			if a.Controlling() == b.Controlling() {
				rt.Fatal("both have the same role")
			}
		}
		if len(closed) == 0 && w.loss == 0 && (!okA || !okB) {
			rt.Fatalf("every way is open: a %v, b %v", a.State(0), b.State(0))
		}
	})
}

// move exports an agent, passes it through JSON and goes on with the import.
func (w *network) move(t interface{ Fatal(...any) }, n *node) {
	text, err := json.Marshal(n.Export())
	if err != nil {
		t.Fatal(err)
	}
	var st ice.State
	if err := json.Unmarshal(text, &st); err != nil {
		t.Fatal(err)
	}
	moved, err := ice.Import(n.cfg, st, w.now)
	if err != nil {
		t.Fatal(err)
	}
	n.Agent = moved
}

// TestRoleConflict: any tie-breakers, any start.
func TestRoleConflict(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		both := rapid.Bool().Draw(rt, "both control")
		tie := func(name string, stream uint64) *fixedRand {
			return &fixedRand{first: rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(rt, name), rng: rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), stream))}
		}
		w := newNetwork(t)
		w.loss = rapid.SampledFrom([]float64{0, 0.1}).Draw(rt, "loss")
		ra, rb := tie("tie of a", 1), tie("tie of b", 2)
		if rapid.IntRange(0, 3).Draw(rt, "equal") == 0 {
			rb.first = ra.first
		}
		a := w.join("a", ice.Config{Controlling: both, Rand: ra}, host(1, "192.0.2.1:4000"))
		b := w.join("b", ice.Config{Controlling: both, Rand: rb}, host(1, "198.51.100.1:6000"))
		w.signal(a, b, false, false)
		w.run(time.Minute)
		if !completed(a, b) || !w.agreed(a, b, 1) || a.Controlling() == b.Controlling() {
			rt.Fatalf("a %v controlling %v, b %v controlling %v", a.State(0), a.Controlling(), b.State(0), b.Controlling())
		}
		if a.Stats().Conflicts+b.Stats().Conflicts == 0 {
			rt.Fatal("no conflict was noticed")
		}
	})
}

// fixedRand gives some octets first.
type fixedRand struct {
	first []byte
	rng   *rand.Rand
}

func (f *fixedRand) Read(b []byte) (int, error) {
	n := copy(b, f.first)
	f.first = nil
	for i := n; i < len(b); i++ {
		b[i] = byte(f.rng.Uint32())
	}
	return len(b), nil
}
