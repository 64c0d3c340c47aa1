package offload

import "net/netip"

// slotPool gives each flow a number. Numbers come back in the order in which
// they were given up, so that a program that is still at the old flow does not
// count for a new one.
type slotPool struct {
	size  uint32
	local []netip.AddrPort // by slot, up to the highest in use; zero: free
	free  []uint32
}

func (p *slotPool) take(local netip.AddrPort) (uint32, bool) {
	// Fresh ones first, until enough of the others have had time to rest.
	if n := uint32(len(p.local)); n < p.size && len(p.free) < 64 {
		p.local = append(p.local, local)
		return n, true
	}
	if len(p.free) == 0 {
		return 0, false
	}
	n := p.free[0]
	p.free = p.free[1:]
	p.local[n] = local
	return n, true
}

func (p *slotPool) release(n uint32) {
	p.local[n] = netip.AddrPort{}
	p.free = append(p.free, n)
}

// use marks one as found in the maps.
func (p *slotPool) use(n uint32, local netip.AddrPort) {
	for uint32(len(p.local)) <= n {
		p.local = append(p.local, netip.AddrPort{})
	}
	p.local[n] = local
}

// found lists those between the used ones as free.
func (p *slotPool) found() {
	for n, local := range p.local {
		if !local.IsValid() {
			p.free = append(p.free, uint32(n))
		}
	}
}
