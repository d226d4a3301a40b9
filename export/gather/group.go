package gather

import (
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// group is the spans of one trace that are handed on together.
type group struct {
	id       trace.TraceID
	spans    []sdktrace.ReadOnlySpan
	start    time.Time // of the span that began first
	last     time.Time // when the last span came
	root     bool      // a span without a parent is among them
	late     bool      // the trace has been handed on before
	released bool
}

func (g *group) add(span sdktrace.ReadOnlySpan, now time.Time) {
	if start := span.StartTime(); len(g.spans) == 0 || start.Before(g.start) {
		g.start = start
	}
	g.spans = append(g.spans, span)
	g.last = now
	g.root = g.root || !span.Parent().SpanID().IsValid()
}

// recent remembers the last few traces that were handed on.
type recent struct {
	ring []trace.TraceID
	next int
	set  map[trace.TraceID]struct{}
}

func newRecent(size int) *recent {
	return &recent{ring: make([]trace.TraceID, 0, size), set: map[trace.TraceID]struct{}{}}
}

func (r *recent) has(id trace.TraceID) bool {
	_, ok := r.set[id]
	return ok
}

func (r *recent) add(id trace.TraceID) {
	if r.has(id) {
		return
	}
	if len(r.ring) < cap(r.ring) {
		r.ring = append(r.ring, id)
	} else {
		delete(r.set, r.ring[r.next])
		r.ring[r.next] = id
		r.next = (r.next + 1) % len(r.ring)
	}
	r.set[id] = struct{}{}
}
