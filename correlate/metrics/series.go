package metrics

import (
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// overflowKey marks the series of what has no room (OpenTelemetry specification, "Cardinality Limits").
const overflowKey = attribute.Key("otel.metric.overflow")

// A series is one set of attributes of one resource.
type series struct {
	attributes attribute.Set
	resource   *described
	began      time.Time
	used       time.Time
	durations  histogram
	exemplars  exemplars
}

// A table holds the series of one instrument: so many at most, and one for all that has no room.
type table struct {
	most     int
	bounds   []float64
	series   map[string]*series
	overflow *series
	folded   uint64 // measurements in overflow
}

func newTable(most int, bounds []float64) table {
	return table{most: most, bounds: bounds, series: map[string]*series{}}
}

// full tells that what is new goes to the overflow, which is one of the series itself.
func (t *table) full() bool { return len(t.series) >= t.most-1 }

// of finds the series of a key, which describe tells if it is new.
func (t *table) of(key []byte, now time.Time, describe func() (*described, attribute.Set)) *series {
	if s, ok := t.series[string(key)]; ok {
		s.used = now
		return s
	}
	if t.full() {
		if t.overflow == nil {
			t.overflow = &series{attributes: attribute.NewSet(overflowKey.Bool(true)), began: now, durations: newHistogram(t.bounds)}
		}
		t.folded++
		t.overflow.used = now
		return t.overflow
	}
	s := &series{began: now, used: now, durations: newHistogram(t.bounds)}
	s.resource, s.attributes = describe()
	// What redaction made the same is one series by either key.
	for _, other := range t.series {
		if other.resource == s.resource && other.attributes.Equals(&s.attributes) {
			s = other
			break
		}
	}
	t.series[string(key)] = s
	return s
}

// forget takes out what was not used since then, if the table is full.
func (t *table) forget(since time.Time) {
	if !t.full() {
		return
	}
	for key, s := range t.series {
		if s.used.Before(since) {
			delete(t.series, key)
		}
	}
}

// each calls do for every series once.
func (t *table) each(do func(*series)) {
	seen := make(map[*series]bool, len(t.series))
	for _, s := range t.series {
		if !seen[s] {
			seen[s] = true
			do(s)
		}
	}
	if t.overflow != nil {
		do(t.overflow)
	}
}

// appendKey writes a value so that no two sets of values are written the same.
func appendKey(key []byte, v attribute.Value) []byte {
	switch v.Type() {
	case attribute.STRING:
		s := v.AsString()
		key = append(key, 's', byte(len(s)), byte(len(s)>>8), byte(len(s)>>16), byte(len(s)>>24))
		return append(key, s...)
	case attribute.INT64:
		return appendNumber(append(key, 'i'), uint64(v.AsInt64()))
	case attribute.FLOAT64:
		return appendNumber(append(key, 'f'), math.Float64bits(v.AsFloat64()))
	}
	return appendKey(append(key, 'o'), attribute.StringValue(v.String()))
}

func appendNumber(key []byte, n uint64) []byte {
	for ; n >= 0x80; n >>= 7 {
		key = append(key, byte(n)|0x80)
	}
	return append(key, byte(n))
}

// points are a histogram as the SDK's exporters take it.
func points(all []*series, now time.Time, of func(*series) (*histogram, *exemplars)) metricdata.Aggregation {
	var explicit []metricdata.HistogramDataPoint[float64]
	var exponential []metricdata.ExponentialHistogramDataPoint[float64]
	for _, s := range all {
		h, x := of(s)
		if h.count == 0 {
			continue
		}
		low, high := metricdata.NewExtrema(h.min), metricdata.NewExtrema(h.max)
		if e := h.exponential; e != nil {
			exponential = append(exponential, metricdata.ExponentialHistogramDataPoint[float64]{
				Attributes: s.attributes, StartTime: s.began, Time: now, Count: h.count, Sum: h.sum, Min: low, Max: high,
				Scale: e.scale, ZeroCount: e.zero, Exemplars: x.data(),
				PositiveBucket: metricdata.ExponentialBucket{Offset: e.first, Counts: append([]uint64(nil), e.counts...)},
			})
			continue
		}
		explicit = append(explicit, metricdata.HistogramDataPoint[float64]{
			Attributes: s.attributes, StartTime: s.began, Time: now, Count: h.count, Sum: h.sum, Min: low, Max: high,
			Bounds: h.explicit.bounds, BucketCounts: append([]uint64(nil), h.explicit.counts...), Exemplars: x.data(),
		})
	}
	switch {
	case len(exponential) > 0:
		return metricdata.ExponentialHistogram[float64]{DataPoints: exponential, Temporality: metricdata.CumulativeTemporality}
	case len(explicit) > 0:
		return metricdata.Histogram[float64]{DataPoints: explicit, Temporality: metricdata.CumulativeTemporality}
	}
	return nil
}
