package ring

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/class5-go/class5/internal/rendezvous"
)

// MaxMembers is the greatest number of members of a Ring.
const MaxMembers = 1 << 12

// What New refuses.
var (
	ErrTooMany   = errors.New("too many members")
	ErrDuplicate = errors.New("name twice")
	ErrWeight    = errors.New("weight is not a number above zero")
	ErrLength    = errors.New("as many weights as names are needed, or none")
)

// Ring is a set of named members with weights. It does not change: another set
// is another Ring.
type Ring struct {
	seed  uint64
	names []string
	table rendezvous.Table
}

// New makes a Ring. Weights are relative to each other, above zero and finite;
// nil gives all members the same. secret may be empty; with one, strangers
// can't choose keys that all fall to one member. Rings with the same secret,
// names and weights give the same answers in every process, whatever the order
// of the names.
func New(secret []byte, names []string, weights []float64) (*Ring, error) {
	if len(names) > MaxMembers {
		return nil, fmt.Errorf("ring: %w: %d, at most %d", ErrTooMany, len(names), MaxMembers)
	}
	if weights == nil {
		weights = slices.Repeat([]float64{1}, len(names))
	}
	if len(weights) != len(names) {
		return nil, fmt.Errorf("ring: %w: %d for %d", ErrLength, len(weights), len(names))
	}
	r := &Ring{seed: rendezvous.Seed(secret), names: slices.Clone(names)}
	seeds := make([]uint64, len(names))
	seen := make(map[string]struct{}, len(names))
	for i, name := range names {
		if _, twice := seen[name]; twice {
			return nil, fmt.Errorf("ring: %w: %q", ErrDuplicate, name)
		}
		seen[name] = struct{}{}
		if w := weights[i]; !(w > 0) || math.IsInf(w, 1) {
			return nil, fmt.Errorf("ring: %q: %w: %v", name, ErrWeight, w)
		}
		seeds[i] = rendezvous.Hash(r.seed, name)
	}
	r.table = rendezvous.NewTable(seeds, weights)
	return r, nil
}

// Len is the number of members.
func (r *Ring) Len() int { return len(r.names) }

// Name is the name of member i, which is that of its place in New.
func (r *Ring) Name(i int) string { return r.names[i] }

// Pick is the index of the member that key belongs to, -1 when there is no
// member.
func (r *Ring) Pick(key []byte) int {
	return r.table.Best(rendezvous.Hash(r.seed, key))
}

// PickString is Pick for a string.
func (r *Ring) PickString(key string) int {
	return r.table.Best(rendezvous.Hash(r.seed, key))
}

// Order appends the indices of all members to dst, the one that key belongs to
// first, then the one that it would belong to without the first, and so on:
// where its copies go. It takes longer than Pick.
func (r *Ring) Order(dst []int, key []byte) []int {
	return r.table.Order(dst, rendezvous.Hash(r.seed, key))
}
