package export

import (
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// limit ends a local output: after the wanted number of traces or spans, or when it can no longer be written to.
// A nil limit admits everything. Its methods are called by the exporter's one caller at a time.
type limit struct {
	count  int // 0: no limit
	traces bool
	end    func()

	spans int
	seen  map[trace.TraceID]struct{}
}

// admit keeps the spans within the limit; last is true when no further one would be new.
func (l *limit) admit(spans []sdktrace.ReadOnlySpan) (wanted []sdktrace.ReadOnlySpan, last bool) {
	switch {
	case l == nil || l.count == 0:
		return spans, false
	case l.traces:
		return l.admitTraces(spans)
	}
	wanted = spans[:min(len(spans), l.count-l.spans)]
	l.spans += len(wanted)
	return wanted, l.spans == l.count
}

func (l *limit) admitTraces(spans []sdktrace.ReadOnlySpan) (wanted []sdktrace.ReadOnlySpan, last bool) {
	if l.seen == nil {
		l.seen = map[trace.TraceID]struct{}{}
	}
	for _, span := range spans {
		id := span.SpanContext().TraceID()
		if _, ok := l.seen[id]; !ok && len(l.seen) == l.count {
			continue
		}
		l.seen[id] = struct{}{}
		wanted = append(wanted, span)
	}
	return wanted, len(l.seen) == l.count
}

// broken ends an output that cannot be written to.
func (l *limit) broken() {
	if l != nil {
		l.end()
	}
}
