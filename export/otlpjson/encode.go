package otlpjson

import (
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// appendTracesData appends the TracesData object of the spans. Fields stand in the order of their numbers; those with
// their default value are left out, as Protobuf's JSON does.
func appendTracesData(b []byte, spans []*tracepb.ResourceSpans) []byte {
	o := object{b: append(b, '{')}
	list(&o, "resourceSpans", spans, resourceSpansMembers)
	return o.close()
}

func resourceSpansMembers(o *object, rs *tracepb.ResourceSpans) {
	if r := rs.GetResource(); r != nil {
		o.object("resource", func(o *object) { resourceMembers(o, r) })
	}
	list(o, "scopeSpans", rs.GetScopeSpans(), scopeSpansMembers)
	o.string("schemaUrl", rs.GetSchemaUrl())
}

func resourceMembers(o *object, r *resourcepb.Resource) {
	list(o, "attributes", r.GetAttributes(), keyValueMembers)
	o.number("droppedAttributesCount", uint64(r.GetDroppedAttributesCount()))
}

func scopeSpansMembers(o *object, ss *tracepb.ScopeSpans) {
	if scope := ss.GetScope(); scope != nil {
		o.object("scope", func(o *object) {
			o.string("name", scope.GetName())
			o.string("version", scope.GetVersion())
			list(o, "attributes", scope.GetAttributes(), keyValueMembers)
			o.number("droppedAttributesCount", uint64(scope.GetDroppedAttributesCount()))
		})
	}
	list(o, "spans", ss.GetSpans(), spanMembers)
	o.string("schemaUrl", ss.GetSchemaUrl())
}

func spanMembers(o *object, s *tracepb.Span) {
	o.hex("traceId", s.GetTraceId())
	o.hex("spanId", s.GetSpanId())
	o.string("traceState", s.GetTraceState())
	o.hex("parentSpanId", s.GetParentSpanId())
	o.string("name", s.GetName())
	o.number("kind", uint64(s.GetKind()))
	o.quoted("startTimeUnixNano", s.GetStartTimeUnixNano())
	o.quoted("endTimeUnixNano", s.GetEndTimeUnixNano())
	list(o, "attributes", s.GetAttributes(), keyValueMembers)
	o.number("droppedAttributesCount", uint64(s.GetDroppedAttributesCount()))
	list(o, "events", s.GetEvents(), eventMembers)
	o.number("droppedEventsCount", uint64(s.GetDroppedEventsCount()))
	list(o, "links", s.GetLinks(), linkMembers)
	o.number("droppedLinksCount", uint64(s.GetDroppedLinksCount()))
	if status := s.GetStatus(); status != nil {
		o.object("status", func(o *object) {
			o.string("message", status.GetMessage())
			o.number("code", uint64(status.GetCode()))
		})
	}
	o.number("flags", uint64(s.GetFlags()))
}

func eventMembers(o *object, e *tracepb.Span_Event) {
	o.quoted("timeUnixNano", e.GetTimeUnixNano())
	o.string("name", e.GetName())
	list(o, "attributes", e.GetAttributes(), keyValueMembers)
	o.number("droppedAttributesCount", uint64(e.GetDroppedAttributesCount()))
}

func linkMembers(o *object, l *tracepb.Span_Link) {
	o.hex("traceId", l.GetTraceId())
	o.hex("spanId", l.GetSpanId())
	o.string("traceState", l.GetTraceState())
	list(o, "attributes", l.GetAttributes(), keyValueMembers)
	o.number("droppedAttributesCount", uint64(l.GetDroppedAttributesCount()))
	o.number("flags", uint64(l.GetFlags()))
}

func keyValueMembers(o *object, kv *commonpb.KeyValue) {
	o.string("key", kv.GetKey())
	if v := kv.GetValue(); v != nil {
		o.object("value", func(o *object) { anyValueMembers(o, v) })
	}
}

// anyValueMembers writes which of the values is set even if it is the default of its type.
func anyValueMembers(o *object, v *commonpb.AnyValue) {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		o.key("stringValue")
		o.b = appendString(o.b, v.StringValue)
	case *commonpb.AnyValue_BoolValue:
		o.bool("boolValue", v.BoolValue)
	case *commonpb.AnyValue_IntValue:
		o.int("intValue", v.IntValue)
	case *commonpb.AnyValue_DoubleValue:
		o.double("doubleValue", v.DoubleValue)
	case *commonpb.AnyValue_BytesValue:
		o.base64("bytesValue", v.BytesValue)
	case *commonpb.AnyValue_ArrayValue:
		o.object("arrayValue", func(o *object) { list(o, "values", v.ArrayValue.GetValues(), anyValueMembers) })
	case *commonpb.AnyValue_KvlistValue:
		o.object("kvlistValue", func(o *object) { list(o, "values", v.KvlistValue.GetValues(), keyValueMembers) })
	}
}
