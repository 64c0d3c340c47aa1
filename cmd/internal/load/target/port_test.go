package target

import (
	"testing"
)

// TestLeases: nobody has bound any of the ports, yet no two leases share one.
func TestLeases(t *testing.T) {
	owner := map[int]int{}
	var all []*Ports
	for i := range 60 {
		n := 1 + i%45
		p, err := LeasePorts(n)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
		for port := int(p.First); port < int(p.First)+n; port++ {
			if other, ok := owner[port]; ok {
				t.Fatalf("port %d is of leases %d and %d", port, other, i)
			}
			owner[port] = i
		}
	}
	for _, p := range all {
		p.Release()
		p.Release()
	}
	big, err := LeasePorts(15_000)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := LeasePorts(10_000); err == nil {
		t.Errorf("ports %d and on are beside %d and on", p.First, big.First)
	}
	big.Release()
}
