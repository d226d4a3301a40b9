package metrics

import (
	"math"
	"slices"
	"sort"
)

// A histogram counts durations in seconds, in buckets of either kind.
type histogram struct {
	explicit    explicit
	exponential *exponential // instead, if it is not nil
	sum         float64
	min, max    float64
	count       uint64
}

// newHistogram makes one with these upper bounds, which are in order; nil: an exponential one.
func newHistogram(bounds []float64) histogram {
	if bounds == nil {
		return histogram{exponential: &exponential{scale: maxScale}}
	}
	return histogram{explicit: explicit{bounds: bounds, counts: make([]uint64, len(bounds)+1)}}
}

// record adds one duration, and tells its bucket; exponential ones have none that stays.
func (h *histogram) record(seconds float64) (bucket int) {
	if h.count == 0 || seconds < h.min {
		h.min = seconds
	}
	h.max = max(h.max, seconds)
	h.count++
	h.sum += seconds
	if h.exponential != nil {
		h.exponential.record(seconds)
		return -1
	}
	return h.explicit.record(seconds)
}

// explicit buckets have upper bounds, which belong to them, and one has none.
type explicit struct {
	bounds []float64
	counts []uint64
}

func (e *explicit) record(v float64) (bucket int) {
	i := sort.SearchFloat64s(e.bounds, v)
	e.counts[i]++
	return i
}

// What the specification has for base2_exponential_bucket_histogram ("Base2 Exponential Bucket Histogram Aggregation").
const (
	maxScale   = 20
	maxBuckets = 160
)

// exponential buckets: the one of index i has what is above base^i and at most base^(i+1), base = 2^(2^-scale). When the
// range of what was seen needs more than maxBuckets, neighbours become one and the scale one less.
type exponential struct {
	scale  int32
	first  int32 // index of counts[0]
	counts []uint64
	zero   uint64
}

// index is that of v's bucket at maxScale. At scale s it is index >> (maxScale-s), since buckets lie in one another.
func index(v float64) int64 {
	fraction, exponent := math.Frexp(v) // v = fraction * 2^exponent, fraction in [0.5, 1)
	if fraction == 0.5 {                // a power of two, which is its bucket's upper bound
		return int64(exponent-1)<<maxScale - 1
	}
	return int64(exponent)<<maxScale + int64(math.Floor(math.Log(fraction)*(math.Log2E*(1<<maxScale))))
}

func (e *exponential) record(v float64) {
	if v <= 0 {
		e.zero++
		return
	}
	finest := index(v)
	i := int32(finest >> (maxScale - e.scale))
	if len(e.counts) == 0 {
		e.first, e.counts = i, append(e.counts, 1)
		return
	}
	if by := e.excess(i); by > 0 {
		e.downscale(by)
		i = int32(finest >> (maxScale - e.scale))
	}
	if i < e.first {
		e.counts = slices.Insert(e.counts, 0, make([]uint64, e.first-i)...)
		e.first = i
	}
	if n := int(i-e.first) + 1 - len(e.counts); n > 0 {
		e.counts = append(e.counts, make([]uint64, n)...)
	}
	e.counts[i-e.first]++
}

// excess is by how much the scale has to fall for the bucket i to fit.
func (e *exponential) excess(i int32) (by int32) {
	low, high := min(e.first, i), max(e.first+int32(len(e.counts))-1, i)
	for high-low >= maxBuckets {
		low, high = low>>1, high>>1
		by++
	}
	return by
}

func (e *exponential) downscale(by int32) {
	first := e.first >> by
	for n, count := range e.counts {
		to := (e.first+int32(n))>>by - first
		if int(to) != n {
			e.counts[to] += count
			e.counts[n] = 0
		}
	}
	last := (e.first+int32(len(e.counts))-1)>>by - first
	e.counts, e.first = e.counts[:last+1], first
	e.scale -= by
}
