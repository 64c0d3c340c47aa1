package rendezvous

import (
	"cmp"
	"math"
	"slices"
)

// Table is a set of members with weights. The zero Table has none.
type Table struct {
	groups []group
}

// group is the members of one weight. Among them the greatest draw wins
// whatever the weight is, so that a logarithm is needed once for a group only,
// and not at all when there is one.
type group struct {
	weight  float64
	members []member
}

type member struct {
	seed  uint64
	index int
}

// NewTable makes a table of members by their seeds, which are hashes of their
// names, and weights, which are greater than zero. The order is of no
// importance to who wins.
func NewTable(seeds []uint64, weights []float64) Table {
	var t Table
	for i, seed := range seeds {
		g := slices.IndexFunc(t.groups, func(g group) bool { return g.weight == weights[i] })
		if g < 0 {
			g = len(t.groups)
			t.groups = append(t.groups, group{weight: weights[i]})
		}
		t.groups[g].members = append(t.groups[g].members, member{seed: seed, index: i})
	}
	// Ties, as rare as they are, are broken by what does not depend on the order.
	slices.SortFunc(t.groups, func(a, b group) int { return cmp.Compare(b.weight, a.weight) })
	for _, g := range t.groups {
		slices.SortFunc(g.members, func(a, b member) int { return cmp.Compare(a.seed, b.seed) })
	}
	return t
}

// Best is the index of the member that wins the hash h, -1 when there is none.
func (t *Table) Best(h uint64) int {
	if len(t.groups) == 1 {
		index, _ := t.groups[0].best(h)
		return index
	}
	winner, top := -1, math.Inf(-1)
	for i := range t.groups {
		g := &t.groups[i]
		index, draw := g.best(h)
		if score := logUniform(draw) / g.weight; score > top {
			winner, top = index, score
		}
	}
	return winner
}

func (g *group) best(h uint64) (index int, draw uint64) {
	index = g.members[0].index
	for _, m := range g.members {
		if d := m.draw(h); d > draw {
			index, draw = m.index, d
		}
	}
	return index, draw
}

// Order appends the indices of all members to dst, the winner of h first, then
// who would win without it, and so on.
func (t *Table) Order(dst []int, h uint64) []int {
	type ranked struct {
		index int
		score float64
	}
	var all []ranked
	for _, g := range t.groups {
		for _, m := range g.members {
			all = append(all, ranked{m.index, logUniform(m.draw(h)) / g.weight})
		}
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(b.score, a.score) })
	for _, m := range all {
		dst = append(dst, m.index)
	}
	return dst
}

func (m member) draw(h uint64) uint64 { return mix(h^m.seed, 0xa0761d6478bd642f) }

// logUniform is the logarithm of draw as a number between 0 and 1. Divided by
// the weight it makes the share of wins the share of weight, whatever the other
// members are.
func logUniform(draw uint64) float64 {
	return math.Log((float64(draw>>11) + 0.5) / (1 << 53))
}
