package metrics

import (
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"
)

// spread is how many exemplars an exponential histogram has: the newest ones, since its buckets move.
const spread = 8

// An exemplar is a measurement with the span that it was taken from.
type exemplar struct {
	value   float64
	at      time.Time
	traceID trace.TraceID
	spanID  trace.SpanID
}

// exemplars are the newest measurement of each explicit bucket, or the newest of all. The zero value has none and takes no memory.
type exemplars struct {
	kept []exemplar
	next int
}

// offer keeps a measurement of a span that is exported. bucket is below 0 if there is none, buckets how many there are.
func (e *exemplars) offer(bucket, buckets int, x exemplar) {
	if bucket < 0 {
		bucket, buckets = e.next, spread
		e.next = (e.next + 1) % spread
	}
	if e.kept == nil {
		e.kept = make([]exemplar, buckets)
	}
	e.kept[bucket] = x
}

func (e *exemplars) data() []metricdata.Exemplar[float64] {
	var all []metricdata.Exemplar[float64]
	for i := range e.kept {
		if x := &e.kept[i]; x.traceID.IsValid() {
			traceID, spanID := x.traceID, x.spanID
			all = append(all, metricdata.Exemplar[float64]{Time: x.at, Value: x.value, TraceID: traceID[:], SpanID: spanID[:]})
		}
	}
	return all
}
