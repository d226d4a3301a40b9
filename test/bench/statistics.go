package main

import (
	"math"
	"slices"
)

// median returns the middle of the values, NaN of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// percentile returns the smallest value that at least p of 100 do not exceed
// (nearest rank). sorted is in ascending order; NaN of none.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// pairwise applies f to the values of the same round.
func pairwise(a, b []float64, f func(a, b float64) float64) []float64 {
	n := min(len(a), len(b))
	out := make([]float64, n)
	for i := range n {
		out[i] = f(a[i], b[i])
	}
	return out
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

func difference(a, b float64) float64 { return a - b }

// A figure is a median over rounds with how far the rounds lie apart.
type figure struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Rounds int     `json:"rounds"`
}

// summarise drops what could not be measured.
func summarise(values []float64) figure {
	values = slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(values) == 0 {
		return figure{}
	}
	return figure{Median: median(values), Min: slices.Min(values), Max: slices.Max(values), Rounds: len(values)}
}

// unsteadyShare is how far rounds may lie apart, as a share of the median,
// before a figure says so.
const unsteadyShare = 0.10

func (f figure) unsteady() bool {
	return f.Rounds > 1 && f.Max-f.Min > unsteadyShare*math.Abs(f.Median)
}
