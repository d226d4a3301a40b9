package otlpwire

import (
	"math"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
)

// appendResource appends the fields of a ResourceSpans but for its ScopeSpans.
func appendResource(b []byte, r *resource.Resource) []byte {
	if r == nil {
		return b
	}
	b, start := begin(b, resourceSpansResource)
	b = appendSet(b, resourceAttributes, r.Iter())
	b = end(b, start)
	return appendText(b, resourceSpansSchemaURL, r.SchemaURL())
}

// appendScope appends the fields of a ScopeSpans but for its spans.
func appendScope(b []byte, scope instrumentation.Scope) []byte {
	if scope == (instrumentation.Scope{}) {
		return b
	}
	b, start := begin(b, scopeSpansScope)
	b = appendText(b, scopeName, scope.Name)
	b = appendText(b, scopeVersion, scope.Version)
	b = appendSet(b, scopeAttributes, scope.Attributes.Iter())
	b = end(b, start)
	return appendText(b, scopeSpansSchemaURL, scope.SchemaURL)
}

// appendSpan appends a span of a ScopeSpans, its fields in the order of their numbers.
func appendSpan(b []byte, span sdktrace.ReadOnlySpan) []byte {
	b, start := begin(b, scopeSpansSpans)
	context, parent := span.SpanContext(), span.Parent()
	b = appendIDs(b, spanTraceID, spanSpanID, context)
	b = appendText(b, spanTraceState, context.TraceState().String())
	if id := parent.SpanID(); id.IsValid() {
		b = appendBytesAlways(b, spanParentSpanID, id[:])
	}
	b = appendText(b, spanName, span.Name())
	b = appendVarint(b, spanKind, uint64(kind(span.SpanKind())))
	b = appendFixed64(b, spanStart, unixNano(span.StartTime()))
	b = appendFixed64(b, spanEnd, unixNano(span.EndTime()))
	b = appendAttributes(b, spanAttributes, span.Attributes())
	b = appendCount(b, spanDroppedAttributes, span.DroppedAttributes())
	for _, event := range span.Events() {
		b = appendEvent(b, &event)
	}
	b = appendCount(b, spanDroppedEvents, span.DroppedEvents())
	for _, link := range span.Links() {
		b = appendLink(b, &link)
	}
	b = appendCount(b, spanDroppedLinks, span.DroppedLinks())
	b = appendStatus(b, span.Status())
	b = appendFixed32(b, spanFlags, flags(context, parent))
	return end(b, start)
}

func appendEvent(b []byte, event *sdktrace.Event) []byte {
	b, start := begin(b, spanEvents)
	b = appendFixed64(b, eventTime, unixNano(event.Time))
	b = appendText(b, eventName, event.Name)
	b = appendAttributes(b, eventAttributes, event.Attributes)
	b = appendCount(b, eventDroppedAttributes, event.DroppedAttributeCount)
	return end(b, start)
}

// appendLink leaves the tracestate out, as the SDK does.
func appendLink(b []byte, link *sdktrace.Link) []byte {
	b, start := begin(b, spanLinks)
	b = appendIDs(b, linkTraceID, linkSpanID, link.SpanContext)
	b = appendAttributes(b, linkAttributes, link.Attributes)
	b = appendCount(b, linkDroppedAttributes, link.DroppedAttributeCount)
	b = appendFixed32(b, linkFlags, flags(link.SpanContext, link.SpanContext))
	return end(b, start)
}

// appendStatus appends a message even if it is empty.
func appendStatus(b []byte, status sdktrace.Status) []byte {
	b, start := begin(b, spanStatus)
	b = appendText(b, statusMessage, status.Description)
	switch status.Code {
	case codes.Ok:
		b = appendVarint(b, statusCode, uint64(tracepb.Status_STATUS_CODE_OK))
	case codes.Error:
		b = appendVarint(b, statusCode, uint64(tracepb.Status_STATUS_CODE_ERROR))
	}
	return end(b, start)
}

func appendIDs(b []byte, traceField, spanField protowire.Number, context trace.SpanContext) []byte {
	traceID, spanID := context.TraceID(), context.SpanID()
	b = appendBytesAlways(b, traceField, traceID[:])
	return appendBytesAlways(b, spanField, spanID[:])
}

// appendCount appends n as the nearest number that the field can hold.
func appendCount(b []byte, field protowire.Number, n int) []byte {
	return appendVarint(b, field, uint64(min(max(n, 0), math.MaxUint32)))
}

// unixNano is 0 for times before 1970.
func unixNano(t time.Time) uint64 { return uint64(max(0, t.UnixNano())) }

// flags are those of a span or link and whether its parent is remote, which is always known.
func flags(context, parent trace.SpanContext) uint32 {
	flags := uint32(context.TraceFlags()) | uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK)
	if parent.IsRemote() {
		flags |= uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
	}
	return flags
}

func kind(k trace.SpanKind) tracepb.Span_SpanKind {
	switch k {
	case trace.SpanKindInternal:
		return tracepb.Span_SPAN_KIND_INTERNAL
	case trace.SpanKindServer:
		return tracepb.Span_SPAN_KIND_SERVER
	case trace.SpanKindClient:
		return tracepb.Span_SPAN_KIND_CLIENT
	case trace.SpanKindProducer:
		return tracepb.Span_SPAN_KIND_PRODUCER
	case trace.SpanKindConsumer:
		return tracepb.Span_SPAN_KIND_CONSUMER
	default:
		return tracepb.Span_SPAN_KIND_UNSPECIFIED
	}
}
