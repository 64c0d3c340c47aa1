package meter

import (
	"math/bits"
	"time"
)

// sub is the number of buckets for each power of two: values are known to 3 %.
const sub = 32

// Histogram counts durations in buckets that grow with the value. The zero
// value is empty and ready.
type Histogram struct {
	counts [64 * sub]uint64
	n      uint64
	max    time.Duration
}

// Add counts one duration; a negative one counts as zero.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.n++
	h.max = max(h.max, d)
}

// Merge adds what o has counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.n += o.n
	h.max = max(h.max, o.max)
}

// Len is the number of durations counted.
func (h *Histogram) Len() uint64 { return h.n }

// Quantile is the least duration that a share q, from 0 to 1, of all do not
// exceed, rounded up to the border of its bucket. It is 0 for an empty
// histogram.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := min(max(uint64(q*float64(h.n)+0.9999999), 1), h.n)
	var seen uint64
	for i, c := range h.counts {
		if seen += c; seen >= rank {
			return min(time.Duration(upper(i)), h.max)
		}
	}
	return h.max
}

// bucket is the index for v: exact below sub, then sub buckets an octave.
func bucket(v uint64) int {
	if v < sub {
		return int(v)
	}
	shift := bits.Len64(v) - bits.Len64(sub)
	return shift*sub + int(v>>shift)
}

// upper is the largest value of a bucket.
func upper(i int) uint64 {
	if i < 2*sub {
		return uint64(i)
	}
	shift := i/sub - 1
	return uint64(i-shift*sub+1)<<shift - 1
}
