package offload

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// route finds the interface that packets leave by. The source may be an
// address that this node does not have: then the kernel is asked without it.
func (k *Kernel) route(from, to netip.Addr) (uint32, error) {
	routes, err := k.nl.RouteGetWithOptions(to.AsSlice(), &netlink.RouteGetOptions{SrcAddr: from.AsSlice()})
	if err != nil {
		routes, err = k.nl.RouteGet(to.AsSlice())
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %v: %w", ErrRoute, to, err)
	}
	if len(routes) == 0 || routes[0].Type != unix.RTN_UNICAST || routes[0].LinkIndex == 0 {
		return 0, fmt.Errorf("%w: %v is not another host", ErrRoute, to)
	}
	return uint32(routes[0].LinkIndex), nil
}

// reroute writes the flows anew whose packets leave by another interface now,
// or by none: then they go up.
func (k *Kernel) reroute() error {
	type way struct{ from, to netip.Addr }
	ways := map[way]uint32{}
	for _, e := range k.flows {
		if !e.claimed {
			continue
		}
		w := way{e.flow.From.Addr(), e.flow.To.Addr()}
		out, ok := ways[w]
		if !ok {
			out, _ = k.route(w.from, w.to) // 0: there is no way
			ways[w] = out
		}
		if out == e.out {
			continue
		}
		if err := k.put(&e.flow, e.slot, out); err != nil {
			return err
		}
		e.out = out
	}
	return nil
}
