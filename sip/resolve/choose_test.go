package resolve

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestSipHash has the first vectors of the function's reference implementation.
func TestSipHash(t *testing.T) {
	secret, in := make([]byte, 16), make([]byte, 64)
	for i := range secret {
		secret[i] = byte(i)
	}
	for i := range in {
		in[i] = byte(i)
	}
	h := newHasher(secret)
	for n, want := range map[int]uint64{0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5} {
		if got := h.sum(in[:n]); got != want {
			t.Errorf("%d octets: %#x, want %#x", n, got, want)
		}
	}
}

// weighted is an answer with one server for each weight.
func weighted(weights ...uint16) Answer {
	var tier []Server
	for i, w := range weights {
		tier = append(tier, Server{Weight: w, Targets: []Target{udp(fmt.Sprintf("192.0.2.%d:5060", i+1))}})
	}
	return Answer{Tiers: [][]Server{tier}}
}

// TestWeights: over 10,000 transactions each server gets its share within 2 %.
func TestWeights(t *testing.T) {
	const n = 10000
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		weights []uint16
		shares  []float64
	}{
		{[]uint16{60, 20, 10, 10}, []float64{0.6, 0.2, 0.1, 0.1}},
		{[]uint16{1, 1}, []float64{0.5, 0.5}},
		{[]uint16{0, 0, 0, 0}, []float64{0.25, 0.25, 0.25, 0.25}},
		{[]uint16{0, 10}, []float64{0, 1}},
		{[]uint16{65535, 1}, []float64{1, 0}},
	} {
		a := weighted(c.weights...)
		h, d := newHasher([]byte("0123456789abcdef")), NewDead(time.Minute)
		byBranch, byOrder := make(map[Target]int), make(map[Target]int)
		for i := range n {
			key := mix(h.sum(fmt.Appendf(nil, "z9hG4bK%d", i)))
			got, ok := a.choose(time.Unix(0, 0), key, h, d, true, Target{})
			if !ok {
				t.Fatal("nothing chosen")
			}
			byBranch[got]++
			byOrder[a.order(time.Unix(0, 0), random.Uint64(), d)[0]]++
		}
		for i, share := range c.shares {
			target := a.Tiers[0][i].Targets[0]
			for how, count := range map[string]int{"by branch": byBranch[target], "at random": byOrder[target]} {
				if got := float64(count) / n; math.Abs(got-share) > 0.02 {
					t.Errorf("%v %s: number %d gets %.3f, want %.3f", c.weights, how, i+1, got, share)
				}
			}
		}
	}
}

// TestSecondByWeight: when the first choice is dead the rest share by weight,
// and nobody else's choice changes.
func TestSecondByWeight(t *testing.T) {
	const n = 10000
	now := time.Unix(0, 0)
	a := weighted(50, 30, 20)
	h, d := newHasher([]byte("0123456789abcdef")), NewDead(time.Minute)
	key := func(i int) uint64 { return mix(h.sum(binary.BigEndian.AppendUint64(nil, uint64(i)))) }
	first := make([]Target, n)
	for i := range first {
		first[i], _ = a.choose(now, key(i), h, d, true, Target{})
	}
	gone := a.Tiers[0][0].Targets[0]
	d.Mark(now, gone, 0)
	moved := make(map[Target]int)
	total := 0
	for i := range first {
		got, _ := a.choose(now, key(i), h, d, true, Target{})
		switch {
		case first[i] == gone:
			moved[got]++
			total++
		case got != first[i]:
			t.Fatalf("transaction %d moved from %v to %v", i, first[i], got)
		}
	}
	if share := float64(moved[a.Tiers[0][1].Targets[0]]) / float64(total); math.Abs(share-0.6) > 0.02 || moved[gone] > 0 {
		t.Errorf("the second gets %.3f of the dead one's share: %v", share, moved)
	}
}

// TestOrder: tiers before weights, addresses of a server together, dead ones last.
func TestOrder(t *testing.T) {
	now := time.Unix(1000, 0)
	a := Answer{Tiers: [][]Server{
		{{Targets: []Target{udp("192.0.2.1:5060"), udp("192.0.2.2:5060")}}, {Targets: []Target{udp("192.0.2.3:5060")}}},
		{{Targets: []Target{udp("192.0.2.4:5060")}}},
	}}
	d := NewDead(time.Minute)
	for key := range uint64(50) {
		got := a.order(now, key, d)
		if len(got) != 4 || got[3] != udp("192.0.2.4:5060") || got[1] == udp("192.0.2.3:5060") {
			t.Fatal(show(got))
		}
	}
	d.Mark(now, udp("192.0.2.2:5060"), 0)
	d.Mark(now.Add(-time.Second), udp("192.0.2.3:5060"), 0)
	if got := show(a.order(now, 1, d)); got != "UDP 192.0.2.1:5060, UDP 192.0.2.4:5060, UDP 192.0.2.3:5060, UDP 192.0.2.2:5060" {
		t.Error(got)
	}
	d.Mark(now.Add(time.Second), udp("192.0.2.1:5060"), 0)
	d.Mark(now.Add(time.Second), udp("192.0.2.4:5060"), 0)
	if got, _ := a.choose(now.Add(time.Second), 1, hasher{}, d, true, Target{}); got != udp("192.0.2.3:5060") {
		t.Errorf("all dead: %v", got)
	}
}

func TestDead(t *testing.T) {
	now := time.Unix(1000, 0)
	at := func(d time.Duration) time.Time { return now.Add(d) }
	x := udp("192.0.2.1:5060")
	named := x
	named.Name = "example.com"
	d := NewDead(30 * time.Second)
	d.Mark(now, named, 0)
	if d.usable(at(29*time.Second), x, true) || len(d.List(at(29*time.Second))) != 1 {
		t.Error("alive before its time")
	}
	if !d.usable(at(30*time.Second), x, false) || !d.usable(at(30*time.Second), x, true) {
		t.Error("not tried when its time is over")
	}
	if d.usable(at(31*time.Second), x, true) {
		t.Error("tried by a second one at the same time")
	}
	d.Mark(at(34*time.Second), x, 0)
	if d.usable(at(93*time.Second), x, true) || !d.usable(at(94*time.Second), x, true) {
		t.Error("a second failure does not count for twice as long")
	}
	d.Answered(at(95*time.Second), x)
	if !d.usable(at(95*time.Second), x, true) {
		t.Error("dead though it answered")
	}
	d.Mark(now, x, 10*time.Second)
	d.Answered(at(5*time.Second), x)
	if d.usable(at(9*time.Second), x, true) || !d.usable(at(10*time.Second), x, true) {
		t.Error("Retry-After is not kept")
	}
	d.Mark(now, x, time.Hour)
	if !d.usable(at(longestDead), x, true) {
		t.Error("dead for longer than it may be")
	}
	for i := range 3 * maxDead {
		d.Mark(at(time.Duration(i)), udp(fmt.Sprintf("10.0.%d.%d:5060", i/256, i%256)), 0)
	}
	if n := len(d.List(now)); n > maxDead {
		t.Errorf("%d entries", n)
	}
}
