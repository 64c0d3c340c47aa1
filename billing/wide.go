package billing

import (
	"math"
	"math/bits"
)

// wide is a signed number of 128 bits as sign and magnitude. The magnitude of
// a zero is never marked negative, so that equal numbers compare equal.
type wide struct {
	hi, lo uint64
	neg    bool
}

func wideInt(v int64) wide {
	return wide{lo: magnitude(v), neg: v < 0}
}

// magnitude is |v|, right for the most negative number too.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

func (w wide) isZero() bool { return w.hi|w.lo == 0 }

func (w wide) int64() (int64, bool) {
	if w.hi != 0 {
		return 0, false
	}
	if w.neg {
		return -int64(w.lo), w.lo <= 1<<63
	}
	return int64(w.lo), w.lo <= math.MaxInt64
}

func (w wide) negate() wide {
	w.neg = !w.neg && !w.isZero()
	return w
}

// cmpMagnitude compares without sign.
func (w wide) cmpMagnitude(v wide) int {
	switch {
	case w.hi != v.hi && w.hi < v.hi, w.hi == v.hi && w.lo < v.lo:
		return -1
	case w == v, w.hi == v.hi && w.lo == v.lo:
		return 0
	}
	return 1
}

func (w wide) cmp(v wide) int {
	switch {
	case w.neg && v.neg:
		return v.cmpMagnitude(w)
	case w.neg:
		return -1
	case v.neg:
		return 1
	}
	return w.cmpMagnitude(v)
}

func (w wide) add(v wide) (wide, bool) {
	if w.neg == v.neg {
		lo, c := bits.Add64(w.lo, v.lo, 0)
		hi, c := bits.Add64(w.hi, v.hi, c)
		return wide{hi, lo, w.neg}, c == 0
	}
	if w.cmpMagnitude(v) < 0 {
		w, v = v, w
	}
	lo, b := bits.Sub64(w.lo, v.lo, 0)
	hi, _ := bits.Sub64(w.hi, v.hi, b)
	return wide{hi, lo, w.neg && hi|lo != 0}, true
}

// mul multiplies by an unsigned factor.
func (w wide) mul(f uint64) (wide, bool) {
	h1, lo := bits.Mul64(w.lo, f)
	h2, mid := bits.Mul64(w.hi, f)
	hi, c := bits.Add64(h1, mid, 0)
	return wide{hi, lo, w.neg && hi|lo != 0}, h2 == 0 && c == 0
}

// shift moves s bits out to the right, 64 at most.
func (w wide) shift(s int) wide {
	w.lo = w.lo>>s | w.hi<<(64-s)
	w.hi >>= s
	return w
}

// div returns the magnitude of w/d cut towards zero, and the rest.
func (w wide) div(d uint64) (q wide, rest uint64) {
	q.hi, rest = w.hi/d, w.hi%d
	q.lo, rest = bits.Div64(rest, w.lo, d)
	q.neg = w.neg && q.hi|q.lo != 0
	return q, rest
}

// divRound divides by d and by step and rounds once to a whole number.
func (w wide) divRound(d, step uint64, m Mode) (wide, bool) {
	q, rest := w.div(d)
	q, coarse := q.div(step)
	// What is left over is coarse*d + rest out of step*d.
	var left, whole wide
	left.hi, left.lo = bits.Mul64(coarse, d)
	left, _ = left.add(wide{lo: rest})
	whole.hi, whole.lo = bits.Mul64(step, d)
	if left.isZero() {
		return q, true
	}
	up := m == Up
	if m == HalfUp || m == HalfEven {
		// Left against whole-left: twice the rest could overflow.
		other, _ := whole.add(wide{left.hi, left.lo, true})
		c := left.cmpMagnitude(other)
		up = c > 0 || c == 0 && (m == HalfUp || q.lo&1 == 1)
	}
	if !up {
		return q, true
	}
	q.neg = w.neg
	return q.add(wide{lo: 1, neg: w.neg})
}
