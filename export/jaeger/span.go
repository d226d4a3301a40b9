package jaeger

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const serviceName attribute.Key = "service.name"

// noService is the name of a process that has none: Jaeger wants one.
const noService = "unknown_service"

// process is a resource.
func process(r *resource.Resource) *jaeger.Process {
	p := &jaeger.Process{ServiceName: noService}
	for _, a := range r.Attributes() {
		if a.Key == serviceName && a.Value.String() != "" {
			p.ServiceName = valid(a.Value.String())
			continue
		}
		p.Tags = append(p.Tags, tag(a))
	}
	return p
}

// translate makes a span of one. Times are in microseconds.
func translate(s sdktrace.ReadOnlySpan) *jaeger.Span {
	id, parent := s.SpanContext(), s.Parent()
	span := &jaeger.Span{
		OperationName: valid(s.Name()),
		SpanId:        spanID(id.SpanID()),
		ParentSpanId:  spanID(parent.SpanID()),
		Flags:         int32(id.TraceFlags() & trace.FlagsSampled),
		StartTime:     max(s.StartTime().UnixMicro(), 0),
		Duration:      max(int64(s.EndTime().Sub(s.StartTime())/time.Microsecond), 0),
		Tags:          tags(s),
	}
	span.TraceIdHigh, span.TraceIdLow = traceID(id.TraceID())
	for _, l := range s.Links() {
		ref := &jaeger.SpanRef{RefType: jaeger.SpanRefType_FOLLOWS_FROM, SpanId: spanID(l.SpanContext.SpanID())}
		ref.TraceIdHigh, ref.TraceIdLow = traceID(l.SpanContext.TraceID())
		span.References = append(span.References, ref)
	}
	for _, e := range s.Events() {
		span.Logs = append(span.Logs, event(e))
	}
	return span
}

func traceID(id trace.TraceID) (high, low int64) {
	return int64(binary.BigEndian.Uint64(id[:8])), int64(binary.BigEndian.Uint64(id[8:]))
}

func spanID(id trace.SpanID) int64 { return int64(binary.BigEndian.Uint64(id[:])) }

// tags are the attributes, and what Jaeger has no field for.
func tags(s sdktrace.ReadOnlySpan) []*jaeger.Tag {
	var all []*jaeger.Tag
	for _, a := range s.Attributes() {
		if a.Key != "error" || s.Status().Code == codes.Unset { // else the status says it
			all = append(all, tag(a))
		}
	}
	if k := s.SpanKind(); k >= trace.SpanKindInternal && k <= trace.SpanKindConsumer {
		all = append(all, text("span.kind", k.String()))
	}
	switch s.Status().Code {
	case codes.Error:
		yes := true
		all = append(all, text("otel.status_code", "ERROR"), &jaeger.Tag{Key: "error", VType: jaeger.TagType_BOOL, VBool: &yes})
		if d := s.Status().Description; d != "" {
			all = append(all, text("otel.status_description", d))
		}
	case codes.Ok:
		all = append(all, text("otel.status_code", "OK"))
	}
	if scope := s.InstrumentationScope(); scope.Name != "" {
		all = append(all, text("otel.scope.name", scope.Name))
		if scope.Version != "" {
			all = append(all, text("otel.scope.version", scope.Version))
		}
	}
	// The specification leaves tracestate open; the Collector writes it so (pkg/translator/jaeger).
	if state := s.SpanContext().TraceState().String(); state != "" {
		all = append(all, text("w3c.tracestate", state))
	}
	return all
}

// event is a log whose field "event" is the name, unless an attribute is called so.
func event(e sdktrace.Event) *jaeger.Log {
	log := &jaeger.Log{Timestamp: max(e.Time.UnixMicro(), 0), Fields: []*jaeger.Tag{}}
	named := false
	for _, a := range e.Attributes {
		named = named || a.Key == "event"
		log.Fields = append(log.Fields, tag(a))
	}
	if e.Name != "" && !named {
		log.Fields = append(log.Fields, text("event", e.Name))
	}
	return log
}

// tag keeps the type of what Jaeger has a type for; the rest is written as JSON.
func tag(a attribute.KeyValue) *jaeger.Tag {
	t := &jaeger.Tag{Key: valid(string(a.Key))}
	switch a.Value.Type() {
	case attribute.BOOL:
		v := a.Value.AsBool()
		t.VType, t.VBool = jaeger.TagType_BOOL, &v
	case attribute.INT64:
		v := a.Value.AsInt64()
		t.VType, t.VLong = jaeger.TagType_LONG, &v
	case attribute.FLOAT64:
		v := a.Value.AsFloat64()
		t.VType, t.VDouble = jaeger.TagType_DOUBLE, &v
	case attribute.BYTESLICE:
		t.VType, t.VBinary = jaeger.TagType_BINARY, a.Value.AsByteSlice()
	default:
		return text(t.Key, a.Value.String())
	}
	return t
}

func text(key, value string) *jaeger.Tag {
	value = valid(value)
	return &jaeger.Tag{Key: key, VType: jaeger.TagType_STRING, VStr: &value}
}

// valid is s as UTF-8, which a string in Thrift has to be.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
