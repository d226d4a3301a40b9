// Package otlpwire writes spans as OTLP in Protobuf, and reads them back.
//
// The SDK makes a message of every span and every attribute only for the Protobuf library to walk them twice, which
// would be half of what a span costs the agent. Here the bytes are appended one after the other.
package otlpwire

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// ofResource is a batch's spans of one resource, by scope.
type ofResource struct {
	resource *resource.Resource // the first of those that are equal
	scopes   []ofScope
}

// ofScope is a resource's spans of one scope.
type ofScope struct {
	scope instrumentation.Scope
	spans []sdktrace.ReadOnlySpan
}

// Append appends a batch as a TracesData or ExportTraceServiceRequest, which are the same bytes: resources and scopes in
// the order of their first span.
func Append(b []byte, spans []sdktrace.ReadOnlySpan) []byte {
	for _, r := range group(spans) {
		var resource, scope int
		b, resource = begin(b, tracesResourceSpans)
		b = appendResource(b, r.resource)
		for _, s := range r.scopes {
			b, scope = begin(b, resourceSpansScopeSpans)
			b = appendScope(b, s.scope)
			for _, span := range s.spans {
				b = appendSpan(b, span)
			}
			b = end(b, scope)
		}
		b = end(b, resource)
	}
	return b
}

// Messages makes the messages that the SDK's clients send of a batch, as the SDK's transform does, in the order of
// Append. It appends to b, which the messages share and which must not be written to before they have been sent, and
// returns it longer.
//
// There are but the ResourceSpans and ScopeSpans, and what they contain is encoded already: it is put in their unknown
// fields, whose bytes the Protobuf library sends on as they are. So nothing can be read from these messages; a receiver
// decodes the same as from the SDK's.
func Messages(b []byte, spans []sdktrace.ReadOnlySpan) ([]*tracepb.ResourceSpans, []byte) {
	grouped := group(spans)
	messages := make([]*tracepb.ResourceSpans, 0, len(grouped))
	for _, r := range grouped {
		message := &tracepb.ResourceSpans{ScopeSpans: make([]*tracepb.ScopeSpans, 0, len(r.scopes))}
		start := len(b)
		b = appendResource(b, r.resource)
		message.ProtoReflect().SetUnknown(b[start:len(b):len(b)])
		for _, s := range r.scopes {
			start = len(b)
			b = appendScope(b, s.scope)
			for _, span := range s.spans {
				b = appendSpan(b, span)
			}
			scoped := &tracepb.ScopeSpans{}
			scoped.ProtoReflect().SetUnknown(b[start:len(b):len(b)])
			message.ScopeSpans = append(message.ScopeSpans, scoped)
		}
		messages = append(messages, message)
	}
	return messages, b
}

// group puts spans together whose resources have equal attributes and whose scopes are equal.
func group(spans []sdktrace.ReadOnlySpan) []*ofResource {
	var all []*ofResource
	known := map[attribute.Distinct]*ofResource{}
	for _, span := range spans {
		if span == nil {
			continue
		}
		r := span.Resource()
		of, ok := known[r.Equivalent()]
		if !ok {
			of = &ofResource{resource: r}
			known[r.Equivalent()] = of
			all = append(all, of)
		}
		of.add(span)
	}
	return all
}

func (r *ofResource) add(span sdktrace.ReadOnlySpan) {
	scope := span.InstrumentationScope()
	for i := range r.scopes {
		if r.scopes[i].scope == scope {
			r.scopes[i].spans = append(r.scopes[i].spans, span)
			return
		}
	}
	r.scopes = append(r.scopes, ofScope{scope: scope, spans: []sdktrace.ReadOnlySpan{span}})
}
