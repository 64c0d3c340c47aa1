package wire

import (
	"encoding/binary"
	"math/bits"
)

// A header name is looked up as three words of eight octets, letters in lower case, zeros behind its end.
type nameWords [3]uint64

const maxKnownName = 24

// slot needs no search: the multiplier was chosen so that every known name has a slot of its own; a test proves it.
func (w *nameWords) slot() byte { return slot(w[0], w[1], w[2]) }

func slot(w0, w1, w2 uint64) byte {
	return byte((w0 + bits.RotateLeft64(w1, 29) + bits.RotateLeft64(w2, 47)) * 0x35bc171a64c6df39 >> 56)
}

func wordsOf[T ~string | ~[]byte](name T) (w nameWords, ok bool) {
	if len(name) == 0 || len(name) > maxKnownName {
		return w, false
	}
	for i := range len(name) {
		w[i>>3] |= uint64(lower(name[i])) << (i & 7 * 8)
	}
	return w, true
}

// nameIndex finds known names.
type nameIndex struct {
	slots   [256]HeaderID
	words   [numHeaders]nameWords
	compact [256]HeaderID // by the letter of a compact form, either case
}

// names is constant after package start-up.
var names = buildNames()

func buildNames() (x nameIndex) {
	for id := HdrOther + 1; id < numHeaders; id++ {
		w, _ := wordsOf(headers[id].name)
		x.words[id] = w
		x.slots[w.slot()] = id
		if c := headers[id].compact; c != 0 {
			x.compact[c], x.compact[c-'a'+'A'] = id, id
		}
	}
	return x
}

// LookupHeader finds the header with this name: any case, long or compact. It answers HdrOther for a name that is
// not in the table.
func LookupHeader(name []byte) HeaderID { return lookup(name) }

func lookup[T ~string | ~[]byte](name T) HeaderID {
	if len(name) == 1 {
		return names.compact[name[0]]
	}
	w, ok := wordsOf(name)
	if id := names.slots[w.slot()]; ok && names.words[id] == w && len(headers[id].name) == len(name) {
		return id
	}
	return HdrOther
}

// scanKnownName reads a known header name at b[at:] that is followed by ":" at once, as nearly all are, and returns
// its length; 0 sends the caller the long way.
func scanKnownName(b []byte, at int) (id HeaderID, n int) {
	if uint(at)+maxKnownName > uint(len(b)) {
		return scanLastName(b[at:])
	}
	s := b[at : at+maxKnownName]
	var w1, w2 uint64
	w0 := binary.LittleEndian.Uint64(s)
	colon := equals(w0, ':') & tops
	if colon == 0 {
		w1 = binary.LittleEndian.Uint64(s[8:])
		if colon = equals(w1, ':') & tops; colon == 0 {
			w2 = binary.LittleEndian.Uint64(s[16:])
			colon = equals(w2, ':') & tops
			w2 = fold(w2) & below(colon)
			w1 = fold(w1)
			n = 16
		} else {
			w1 = fold(w1) & below(colon)
			n = 8
		}
		w0 = fold(w0)
	} else {
		w0 = fold(w0) & below(colon)
	}
	if n += firstMark(colon); n == 1 {
		if id = names.compact[s[0]]; id == HdrOther {
			n = 0
		}
		return id, n
	}
	id = names.slots[slot(w0, w1, w2)]
	if w := &names.words[id]; w[0] != w0 || w[1] != w1 || w[2] != w2 {
		return HdrOther, 0
	}
	return id, n
}

// scanLastName is scanKnownName for the last octets of a message.
func scanLastName(b []byte) (id HeaderID, n int) {
	var s [maxKnownName]byte
	copy(s[:], b)
	return scanKnownName(s[:], 0)
}

// fold sets bit 5 of the octets that have bit 6, which makes letters lower case and leaves "-" the only one of itself.
func fold(x uint64) uint64 { return x | x&(0x40*ones)>>1 }

// below masks the octets in front of the first mark; all of them when there is none.
func below(mark uint64) uint64 { return (mark&-mark)>>7 - 1 }
