package metrics

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// judged is what the SDK's own aggregation makes of values.
func judged(t *testing.T, aggregation sdkmetric.Aggregation, values []float64) metricdata.Aggregation {
	t.Helper()
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader),
		sdkmetric.WithView(sdkmetric.NewView(sdkmetric.Instrument{Name: "*"}, sdkmetric.Stream{Aggregation: aggregation})))
	h, err := provider.Meter("").Float64Histogram("judge", metric.WithUnit("s"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		h.Record(context.Background(), v)
	}
	var got metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &got); err != nil {
		t.Fatal(err)
	}
	return got.ScopeMetrics[0].Metrics[0].Data
}

// samples are durations of many shapes: the buckets of some are few, those of others many, and they come in any order.
func samples() map[string][]float64 {
	r := rand.New(rand.NewPCG(1, 2))
	draw := func(n int, one func() float64) []float64 {
		var all []float64
		for range n {
			all = append(all, one())
		}
		return all
	}
	return map[string][]float64{
		"one":          {0.25},
		"powers":       {1, 2, 4, 8, 0.5, 0.25, 1024, 1.0 / 1024},
		"bounds":       {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 10.1},
		"falling":      {8, 4, 2, 1, 0.5, 0.25, 0.125, 1e-9},
		"rising":       {1e-9, 1e-6, 1e-3, 1, 1e3, 1e6},
		"zeros":        {0, 0, 1, 0},
		"nanoseconds":  draw(2000, func() float64 { return float64(r.IntN(1e6)+1) / 1e9 }),
		"milliseconds": draw(2000, func() float64 { return (1 + r.Float64()) / 1e3 }),
		"exponential":  draw(5000, func() float64 { return r.ExpFloat64() / 20 }),
		"log-normal":   draw(5000, func() float64 { return math.Exp(r.NormFloat64()*3 - 4) }),
		"all":          draw(5000, func() float64 { return math.Ldexp(1+r.Float64(), r.IntN(80)-60) }),
	}
}

func TestExponentialAsTheSDK(t *testing.T) {
	for name, values := range samples() {
		want := judged(t, sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: maxBuckets, MaxScale: maxScale}, values).(metricdata.ExponentialHistogram[float64]).DataPoints[0]
		h := newHistogram(nil)
		for _, v := range values {
			h.record(v)
		}
		e := h.exponential
		low, _ := want.Min.Value()
		high, _ := want.Max.Value()
		if h.count != want.Count || h.sum != want.Sum || h.min != low || h.max != high || e.zero != want.ZeroCount {
			t.Errorf("%s: count %d sum %v from %v to %v with %d zeros, want %+v", name, h.count, h.sum, h.min, h.max, e.zero, want)
		}
		if e.scale != want.Scale || e.first != want.PositiveBucket.Offset || !slices.Equal(e.counts, want.PositiveBucket.Counts) {
			t.Errorf("%s: scale %d from %d: %v\nwant  scale %d from %d: %v", name, e.scale, e.first, e.counts,
				want.Scale, want.PositiveBucket.Offset, want.PositiveBucket.Counts)
		}
	}
}

func TestExplicitAsTheSDK(t *testing.T) {
	bounds := instruments()[0].bounds
	for name, values := range samples() {
		want := judged(t, sdkmetric.AggregationExplicitBucketHistogram{Boundaries: bounds}, values).(metricdata.Histogram[float64]).DataPoints[0]
		h := newHistogram(bounds)
		for _, v := range values {
			h.record(v)
		}
		low, _ := want.Min.Value()
		high, _ := want.Max.Value()
		if h.count != want.Count || h.sum != want.Sum || h.min != low || h.max != high || !slices.Equal(h.explicit.counts, want.BucketCounts) {
			t.Errorf("%s: %+v, want %+v", name, h, want)
		}
	}
}

// FuzzExponential: each value lies between the bounds of its bucket, whatever came before it, and none is lost.
func FuzzExponential(f *testing.F) {
	f.Add(uint64(1), uint64(1_000_000), uint64(3_600_000_000_000))
	f.Fuzz(func(t *testing.T, a, b, c uint64) {
		h := newHistogram(nil)
		for _, ns := range []uint64{a, b, c, b, a} {
			v := float64(ns) / float64(time.Second)
			h.record(v)
			e := h.exponential
			if len(e.counts) > maxBuckets {
				t.Fatalf("%d buckets", len(e.counts))
			}
			total := e.zero
			for _, n := range e.counts {
				total += n
			}
			if total != h.count {
				t.Fatalf("%d in buckets, %d counted", total, h.count)
			}
			if v == 0 {
				continue
			}
			i := float64(int32(index(v) >> (maxScale - e.scale)))
			width := math.Exp2(-float64(e.scale))
			if at := math.Log2(v); at < i*width-1e-9 || at > (i+1)*width+1e-9 {
				t.Fatalf("%v is in bucket %v at scale %d", v, i, e.scale)
			}
		}
	})
}
