package tariff

import (
	"math/bits"
	"strings"
)

// The index is a trie over the symbols of numbers. The children of a node lie
// side by side and a bit set says which there are, so that a node takes 12
// bytes and a step one load: the memory is the cost of a lookup, not the
// arithmetic.

const (
	// bySource marks a value as the root of a trie over the source, and byList
	// beside it as the number of a list of sources.
	bySource = 1 << 31
	byList   = 1 << 30
	noSymbol = 0xff
)

type node struct {
	first uint32 // index of the first child
	value uint32 // 0 none; fee index + 1; bySource | root; or bySource | byList | list
	bits  uint16 // which symbols have a child
}

// symbol numbers what a prefix may be made of, in the order of the bytes: so
// sorted prefixes have their symbols in order.
func symbol(c byte) uint8 {
	switch {
	case c >= '0' && c <= '9':
		return c - '0' + 3
	case c == '#':
		return 0
	case c == '*':
		return 1
	case c == '+':
		return 2
	}
	return noSymbol
}

// entry is a prefix and the value it leads to.
type entry struct {
	prefix string
	value  uint32
}

// grow adds a trie of sorted entries with different prefixes and returns its root.
func grow(nodes []node, entries []entry) ([]node, uint32) {
	root := uint32(len(nodes))
	nodes = append(nodes, node{})
	return plant(nodes, root, entries, 0), root
}

// plant fills node at with entries that share their first depth symbols.
func plant(nodes []node, at uint32, entries []entry, depth int) []node {
	n := node{}
	if len(entries) > 0 && len(entries[0].prefix) == depth {
		n.value = entries[0].value
		entries = entries[1:]
	}
	for _, e := range entries {
		n.bits |= 1 << symbol(e.prefix[depth])
	}
	n.first = uint32(len(nodes))
	for range bits.OnesCount16(n.bits) {
		nodes = append(nodes, node{})
	}
	nodes[at] = n
	for child := n.first; len(entries) > 0; child++ {
		c, end := entries[0].prefix[depth], 1
		for end < len(entries) && entries[end].prefix[depth] == c {
			end++
		}
		nodes = plant(nodes, child, entries[:end], depth+1)
		entries = entries[end:]
	}
	return nodes
}

// found is a fee and how much of the numbers its prefixes cover.
type found struct {
	fee    uint32
	dest   uint16
	source uint16
	text   bool // not by prefixes of the numbers
}

// next returns the child of n for a symbol of a number.
func (s *Snapshot) next(n *node, c byte) *node {
	v := symbol(c)
	if v == noSymbol || n.bits>>v&1 == 0 {
		return nil
	}
	return &s.nodes[n.first+uint32(bits.OnesCount16(n.bits&(1<<v-1)))]
}

// lookup walks down from root as far as the number goes and returns the
// longest prefix with a fee for the source.
func (s *Snapshot) lookup(root uint32, number string, q *Query) (hit found, ok bool) {
	n := &s.nodes[root]
	for depth := 0; n != nil; depth++ {
		if n.value != 0 {
			if in, match := s.resolve(n.value, q); match {
				in.dest = uint16(depth)
				hit, ok = in, true
			}
		}
		if depth == len(number) {
			break
		}
		n = s.next(n, number[depth])
	}
	return hit, ok
}

// resolve finds the fee of a value: where a destination has fees by source, the
// longest one.
func (s *Snapshot) resolve(v uint32, q *Query) (found, bool) {
	switch {
	case v&bySource == 0:
		return found{fee: v - 1}, true
	case v&byList != 0:
		for _, e := range s.lists[v&^(bySource|byList)] {
			if strings.HasPrefix(q.SourceURI, e.prefix) || strings.HasPrefix(q.Source, e.prefix) {
				return found{fee: e.value - 1, source: uint16(len(e.prefix))}, true
			}
		}
		return found{}, false
	}
	n := &s.nodes[v&^bySource]
	hit, ok := found{}, false
	for depth := 0; n != nil; depth++ {
		if n.value != 0 {
			hit, ok = found{fee: n.value - 1, source: uint16(depth)}, true
		}
		if depth == len(q.Source) {
			break
		}
		n = s.next(n, q.Source[depth])
	}
	return hit, ok
}
