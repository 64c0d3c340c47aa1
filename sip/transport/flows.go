package transport

import (
	"cmp"
	"slices"
)

// Flows lists up to limit connections that are open now, the oldest first, for
// an operator to look at.
func (e *Endpoint) Flows(limit int) []Flow {
	all := e.conns.all()
	flows := make([]Flow, 0, len(all))
	for _, c := range all {
		if c.ready.Load() {
			flows = append(flows, c.flow)
		}
	}
	slices.SortFunc(flows, func(a, b Flow) int { return cmp.Compare(a.Generation, b.Generation) })
	return flows[:min(len(flows), max(0, limit))]
}
