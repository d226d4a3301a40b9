package main

import (
	"math"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{5, 1, 3}, 3},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v: %v, want %v", c.values, got, c.want)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("median of nothing is a number")
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	for _, c := range []struct {
		sorted []float64
		p      float64
		want   float64
	}{
		{hundred, 50, 50},
		{hundred, 99, 99},
		{hundred, 100, 100},
		{hundred, 0, 1},
		{[]float64{1, 2}, 50, 1},
		{[]float64{1, 2}, 51, 2},
		{[]float64{7}, 99, 7},
	} {
		if got := percentile(c.sorted, c.p); got != c.want {
			t.Errorf("percentile %v of %d values: %v, want %v", c.p, len(c.sorted), got, c.want)
		}
	}
	if !math.IsNaN(percentile(nil, 50)) {
		t.Error("percentile of nothing is a number")
	}
}

func TestRatioOfRounds(t *testing.T) {
	got := summarise(pairwise([]float64{90, 40, 7}, []float64{100, 50}, ratio))
	if math.Abs(got.Median-0.85) > 1e-9 || got.Min != 0.8 || got.Max != 0.9 || got.Rounds != 2 {
		t.Errorf("%+v", got)
	}
	if got := summarise(pairwise([]float64{1}, []float64{0}, ratio)); got.Rounds != 0 {
		t.Errorf("a ratio to nothing is a figure: %+v", got)
	}
}

func TestUnsteady(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   bool
	}{
		{[]float64{100}, false},
		{[]float64{100, 104, 108}, false},
		{[]float64{100, 104, 120}, true},
		{[]float64{-1, 1}, true},
	} {
		if got := summarise(c.values).unsteady(); got != c.want {
			t.Errorf("%v unsteady: %v, want %v", c.values, got, c.want)
		}
	}
}
