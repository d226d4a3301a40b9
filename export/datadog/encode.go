package datadog

import (
	"strings"

	"github.com/tinylib/msgp/msgp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// byTrace puts the spans of each trace together, in the order of the first of each.
func byTrace(spans []sdktrace.ReadOnlySpan) [][]sdktrace.ReadOnlySpan {
	var all [][]sdktrace.ReadOnlySpan
	index := map[trace.TraceID]int{}
	for _, s := range spans {
		id := s.SpanContext().TraceID()
		i, ok := index[id]
		if !ok {
			i = len(all)
			index[id] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], s)
	}
	return all
}

// encode is the intake's message: a list of traces, each a list of spans (pkg/proto/datadog/trace/span.proto, whose
// json names are the keys).
func encode(traces [][]sdktrace.ReadOnlySpan) []byte {
	b := msgp.AppendArrayHeader(nil, uint32(len(traces)))
	for _, spans := range traces {
		b = msgp.AppendArrayHeader(b, uint32(len(spans)))
		for i, s := range spans {
			b = appendSpan(b, translate(s, i == 0))
		}
	}
	return b
}

// fields is how many appendSpan writes.
const fields = 12

func appendSpan(b []byte, s span) []byte {
	b = msgp.AppendMapHeader(b, fields)
	b = text(text(b, "service"), s.service)
	b = text(text(b, "name"), s.name)
	b = text(text(b, "resource"), s.resource)
	b = text(text(b, "type"), s.typ)
	b = msgp.AppendUint64(text(b, "trace_id"), s.trace)
	b = msgp.AppendUint64(text(b, "span_id"), s.id)
	b = msgp.AppendUint64(text(b, "parent_id"), s.parent)
	b = msgp.AppendInt64(text(b, "start"), s.start)
	b = msgp.AppendInt64(text(b, "duration"), s.duration)
	b = msgp.AppendInt32(text(b, "error"), s.error)
	b = msgp.AppendMapHeader(text(b, "meta"), uint32(len(s.meta)))
	for key, value := range s.meta {
		b = text(text(b, key), value)
	}
	b = msgp.AppendMapHeader(text(b, "metrics"), uint32(len(s.metrics)))
	for key, value := range s.metrics {
		b = msgp.AppendFloat64(text(b, key), value)
	}
	return b
}

// text appends a string, which has to be UTF-8.
func text(b []byte, s string) []byte { return msgp.AppendString(b, strings.ToValidUTF8(s, "\uFFFD")) }
