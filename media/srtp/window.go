package srtp

import "math/bits"

const (
	defaultWords = 2
	maxWords     = 8
	maxIndex     = 1<<48 - 1
	maxIndexRTCP = 1<<31 - 1
)

// window knows which of the last indices have been used. Bit 0 of the first
// word is top.
type window struct {
	started bool
	// resumed: no packet was seen since the context was imported.
	resumed bool
	top     uint64
	seen    [maxWords]uint64
}

// used tells whether index was marked, or is too old to tell.
func (w *window) used(index uint64, words int) bool {
	if !w.started || index > w.top {
		return false
	}
	back := w.top - index
	if back >= uint64(words)*64 {
		return true
	}
	return w.seen[back/64]>>(back%64)&1 != 0
}

// mark notes an index. One that is too old is ignored.
func (w *window) mark(index uint64, words int) {
	switch {
	case !w.started:
		w.started, w.top = true, index
		w.seen = [maxWords]uint64{1}
	case index > w.top:
		w.shift(index-w.top, words)
		w.top = index
		w.seen[0] |= 1
	default:
		if back := w.top - index; back < uint64(words)*64 {
			w.seen[back/64] |= 1 << (back % 64)
		}
	}
	w.resumed = false
}

func (w *window) shift(n uint64, words int) {
	if n >= uint64(words)*64 {
		clear(w.seen[:])
		return
	}
	whole, part := int(n/64), int(n%64)
	for i := words - 1; i >= 0; i-- {
		var v uint64
		if j := i - whole; j >= 0 {
			v = w.seen[j] << part
			if part > 0 && j > 0 {
				v |= w.seen[j-1] >> (bits.UintSize - part)
			}
		}
		w.seen[i] = v
	}
}

// close marks everything up to the top as used.
func (w *window) close() {
	for i := range w.seen {
		w.seen[i] = ^uint64(0)
	}
}

// guess is the index that a sequence number most likely has (RFC 3711 section
// 3.3.1). There is nothing before roll-over counter 0.
func (w *window) guess(seq uint16) uint64 {
	if !w.started {
		return uint64(seq)
	}
	roc, last := w.top>>16, uint16(w.top)
	switch {
	case last < 1<<15 && seq > last && seq-last > 1<<15 && roc > 0:
		roc--
	case last >= 1<<15 && seq < last && last-seq > 1<<15:
		roc++
	}
	return roc<<16 | uint64(seq)
}
