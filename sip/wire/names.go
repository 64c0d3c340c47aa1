package wire

import (
	"encoding/binary"
	"math/bits"
)

// A header name is looked up as three words of eight octets, letters in lower case, zeros behind its end.
type nameWords [3]uint64

const maxKnownName = 24

// slot needs no search: the multiplier was chosen so that every known name has a slot of its own; a test proves it.
func (w *nameWords) slot() byte {
	return byte((w[0] + bits.RotateLeft64(w[1], 29) + bits.RotateLeft64(w[2], 47)) * 0x35bc171a64c6df39 >> 56)
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
// its length; 0 sends the caller the long way. Setting bit 5 of every octet takes CR for "-" and nothing else that
// matters: the caller refuses control characters in any case.
func scanKnownName(b []byte, at int) (id HeaderID, n int) {
	if uint(at)+maxKnownName > uint(len(b)) {
		return HdrOther, 0
	}
	s := b[at : at+maxKnownName]
	var w nameWords
	for i := range w {
		x := binary.LittleEndian.Uint64(s[i*8:])
		if colon := equals(x, ':') & tops; colon != 0 {
			n = firstMark(colon)
			mask := uint64(1)<<(n*8) - 1
			w[i] = (x | space) & mask
			n += i * 8
			break
		}
		w[i] = x | space
	}
	if n == 1 {
		return names.compact[s[0]], 1
	}
	if id = names.slots[w.slot()]; id == HdrOther || names.words[id] != w {
		return HdrOther, 0
	}
	return id, n
}
