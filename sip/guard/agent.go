package guard

import (
	"hash/maphash"
	"sync/atomic"
)

// DefaultUserAgents are what scanners and fraud tools call themselves.
func DefaultUserAgents() []string {
	return []string{
		"friendly-scanner", "friendly-request", "sipvicious", "sundayddr", "sip-scan", "sipscan", "sipcli", "smap",
		"siparmyknife", "iwar", "vaxsipuseragent", "vaxipuseragent", "pplsip", "nmap", "masscan", "zgrab",
	}
}

// agents finds words in a User-Agent, in any case.
type agents struct {
	words  []string               // in lower case
	first  [256]bool              // octets that a word begins with, in either case
	seed   maphash.Seed           // of memory
	memory [1 << 10]atomic.Uint64 // hash of a text that was looked at; the lowest bit is the answer
}

func newAgents(words []string) *agents {
	a := &agents{seed: maphash.MakeSeed()}
	for _, w := range words {
		if w = lowerString(w); w != "" {
			a.words = append(a.words, w)
			a.first[w[0]] = true
			if 'a' <= w[0] && w[0] <= 'z' {
				a.first[w[0]-'a'+'A'] = true
			}
		}
	}
	return a
}

// longestAgent is how much of a User-Agent is looked at.
const longestAgent = 512

// match reports whether one of the words is in text. Most phones say the same
// as many others, so answers are remembered.
func (a *agents) match(text []byte) bool {
	if len(a.words) == 0 {
		return false
	}
	text = text[:min(len(text), longestAgent)]
	h := maphash.Bytes(a.seed, text) | 2
	slot := &a.memory[h>>32%uint64(len(a.memory))]
	if seen := slot.Load(); seen>>1 == h>>1 {
		return seen&1 != 0
	}
	found := a.search(text)
	h &^= 1
	if found {
		h |= 1
	}
	slot.Store(h)
	return found
}

func (a *agents) search(text []byte) bool {
	for i, c := range text {
		if !a.first[c] {
			continue
		}
		for _, w := range a.words {
			if startsFold(text[i:], w) {
				return true
			}
		}
	}
	return false
}

// startsFold reports whether text begins with word, which is in lower case.
func startsFold(text []byte, word string) bool {
	if len(text) < len(word) {
		return false
	}
	for i := range len(word) {
		if lower(text[i]) != word[i] {
			return false
		}
	}
	return true
}
