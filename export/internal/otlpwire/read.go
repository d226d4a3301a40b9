package otlpwire

import (
	"errors"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// maxDepth bounds how deep values lie in values. Nothing that this agent writes is deeper than a few.
const maxDepth = 32

var errDepth = fmt.Errorf("values are more than %d deep in each other", maxDepth)

// Read returns the spans that Append wrote, in its order. Of a parent it knows what OTLP tells: its span id and whether
// it is remote; trace id, flags and tracestate are the span's own. A link has no tracestate. The error says what makes
// the bytes something else; they may be anything.
func Read(b []byte) ([]sdktrace.ReadOnlySpan, error) {
	var data tracepb.TracesData
	if err := proto.Unmarshal(b, &data); err != nil {
		return nil, fmt.Errorf("decoding spans: %w", err)
	}
	var all []sdktrace.ReadOnlySpan
	for _, rs := range data.GetResourceSpans() {
		attributes, err := readAttributes(rs.GetResource().GetAttributes(), 0)
		if err != nil {
			return nil, fmt.Errorf("decoding a resource: %w", err)
		}
		of := resource.NewWithAttributes(rs.GetSchemaUrl(), attributes...)
		for _, ss := range rs.GetScopeSpans() {
			attributes, err := readAttributes(ss.GetScope().GetAttributes(), 0)
			if err != nil {
				return nil, fmt.Errorf("decoding a scope: %w", err)
			}
			scope := &instrumentation.Scope{
				Name: ss.GetScope().GetName(), Version: ss.GetScope().GetVersion(), SchemaURL: ss.GetSchemaUrl(),
			}
			if len(attributes) > 0 { // a set of nothing is not equal to the zero one
				scope.Attributes = attribute.NewSet(attributes...)
			}
			for _, message := range ss.GetSpans() {
				span, err := readSpan(message)
				if err != nil {
					return nil, fmt.Errorf("decoding span %d: %w", len(all), err)
				}
				span.resource, span.scope = of, scope
				all = append(all, span)
			}
		}
	}
	return all, nil
}

// stored is a span that was read back. It is never changed.
type stored struct {
	// The SDK's interface has a method that nobody else can implement, hence an embedded one, which is nil.
	sdktrace.ReadOnlySpan

	name              string
	identity, parent  trace.SpanContext
	kind              trace.SpanKind
	start, end        time.Time
	attributes        []attribute.KeyValue
	events            []sdktrace.Event
	links             []sdktrace.Link
	status            sdktrace.Status
	droppedAttributes int
	droppedEvents     int
	droppedLinks      int
	resource          *resource.Resource
	scope             *instrumentation.Scope // shared by those of one scope
}

func (s *stored) Name() string                     { return s.name }
func (s *stored) SpanContext() trace.SpanContext   { return s.identity }
func (s *stored) Parent() trace.SpanContext        { return s.parent }
func (s *stored) SpanKind() trace.SpanKind         { return s.kind }
func (s *stored) StartTime() time.Time             { return s.start }
func (s *stored) EndTime() time.Time               { return s.end }
func (s *stored) Attributes() []attribute.KeyValue { return s.attributes }
func (s *stored) Links() []sdktrace.Link           { return s.links }
func (s *stored) Events() []sdktrace.Event         { return s.events }
func (s *stored) Status() sdktrace.Status          { return s.status }
func (s *stored) Resource() *resource.Resource     { return s.resource }
func (s *stored) DroppedAttributes() int           { return s.droppedAttributes }
func (s *stored) DroppedLinks() int                { return s.droppedLinks }
func (s *stored) DroppedEvents() int               { return s.droppedEvents }
func (*stored) ChildSpanCount() int                { return 0 }

func (s *stored) InstrumentationScope() instrumentation.Scope { return *s.scope }

// InstrumentationLibrary is the old name of InstrumentationScope, which the SDK's interface still has.
func (s *stored) InstrumentationLibrary() instrumentation.Library { //nolint:staticcheck // see above
	return *s.scope
}

func readSpan(m *tracepb.Span) (*stored, error) {
	identity, err := readContext(m.GetTraceId(), m.GetSpanId(), m.GetTraceState(), m.GetFlags())
	if err != nil {
		return nil, err
	}
	s := &stored{
		name: m.GetName(), identity: trace.NewSpanContext(identity), kind: readKind(m.GetKind()),
		start: readTime(m.GetStartTimeUnixNano()), end: readTime(m.GetEndTimeUnixNano()), status: readStatus(m.GetStatus()),
		droppedAttributes: int(m.GetDroppedAttributesCount()), droppedEvents: int(m.GetDroppedEventsCount()),
		droppedLinks: int(m.GetDroppedLinksCount()),
	}
	if id := m.GetParentSpanId(); len(id) > 0 {
		parent := identity
		if len(id) != len(parent.SpanID) {
			return nil, fmt.Errorf("a parent's id of %d bytes", len(id))
		}
		copy(parent.SpanID[:], id)
		parent.Remote = m.GetFlags()&uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK) != 0
		s.parent = trace.NewSpanContext(parent)
	}
	if s.attributes, err = readAttributes(m.GetAttributes(), 0); err != nil {
		return nil, err
	}
	for _, e := range m.GetEvents() {
		attributes, err := readAttributes(e.GetAttributes(), 0)
		if err != nil {
			return nil, err
		}
		s.events = append(s.events, sdktrace.Event{Name: e.GetName(), Attributes: attributes,
			DroppedAttributeCount: int(e.GetDroppedAttributesCount()), Time: readTime(e.GetTimeUnixNano())})
	}
	for _, l := range m.GetLinks() {
		context, err := readContext(l.GetTraceId(), l.GetSpanId(), l.GetTraceState(), l.GetFlags())
		if err != nil {
			return nil, err
		}
		context.Remote = l.GetFlags()&uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK) != 0
		attributes, err := readAttributes(l.GetAttributes(), 0)
		if err != nil {
			return nil, err
		}
		s.links = append(s.links, sdktrace.Link{SpanContext: trace.NewSpanContext(context), Attributes: attributes,
			DroppedAttributeCount: int(l.GetDroppedAttributesCount())})
	}
	return s, nil
}

func readContext(traceID, spanID []byte, state string, flags uint32) (trace.SpanContextConfig, error) {
	var c trace.SpanContextConfig
	if len(traceID) != len(c.TraceID) || len(spanID) != len(c.SpanID) {
		return c, fmt.Errorf("ids of %d and %d bytes", len(traceID), len(spanID))
	}
	copy(c.TraceID[:], traceID)
	copy(c.SpanID[:], spanID)
	c.TraceFlags = trace.TraceFlags(flags)
	if state != "" {
		var err error
		if c.TraceState, err = trace.ParseTraceState(state); err != nil {
			return c, err
		}
	}
	return c, nil
}

// readTime takes what unixNano wrote; a time that it could not write comes back as 1970.
func readTime(nanoseconds uint64) time.Time {
	return time.Unix(0, int64(min(nanoseconds, math.MaxInt64)))
}

func readKind(k tracepb.Span_SpanKind) trace.SpanKind {
	for _, known := range []trace.SpanKind{trace.SpanKindInternal, trace.SpanKindServer, trace.SpanKindClient,
		trace.SpanKindProducer, trace.SpanKindConsumer} {
		if kind(known) == k {
			return known
		}
	}
	return trace.SpanKindUnspecified
}

func readStatus(m *tracepb.Status) sdktrace.Status {
	s := sdktrace.Status{Description: m.GetMessage()}
	switch m.GetCode() {
	case tracepb.Status_STATUS_CODE_OK:
		s.Code = codes.Ok
	case tracepb.Status_STATUS_CODE_ERROR:
		s.Code = codes.Error
	}
	return s
}

func readAttributes(messages []*commonpb.KeyValue, depth int) ([]attribute.KeyValue, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	all := make([]attribute.KeyValue, 0, len(messages))
	for _, m := range messages {
		value, err := readValue(m.GetValue(), depth)
		if err != nil {
			return nil, err
		}
		all = append(all, attribute.KeyValue{Key: attribute.Key(m.GetKey()), Value: value})
	}
	return all, nil
}

func readValue(m *commonpb.AnyValue, depth int) (attribute.Value, error) {
	if depth > maxDepth {
		return attribute.Value{}, errDepth
	}
	switch v := m.GetValue().(type) {
	case nil:
		return attribute.Value{}, nil
	case *commonpb.AnyValue_StringValue:
		return attribute.StringValue(v.StringValue), nil
	case *commonpb.AnyValue_BoolValue:
		return attribute.BoolValue(v.BoolValue), nil
	case *commonpb.AnyValue_IntValue:
		return attribute.Int64Value(v.IntValue), nil
	case *commonpb.AnyValue_DoubleValue:
		return attribute.Float64Value(v.DoubleValue), nil
	case *commonpb.AnyValue_BytesValue:
		return attribute.ByteSliceValue(v.BytesValue), nil
	case *commonpb.AnyValue_KvlistValue:
		values, err := readAttributes(v.KvlistValue.GetValues(), depth+1)
		return attribute.MapValue(values...), err
	case *commonpb.AnyValue_ArrayValue:
		return readArray(v.ArrayValue.GetValues(), depth+1)
	}
	return attribute.Value{}, errors.New("a value of a type that this agent does not write")
}

// readArray makes a list of one type of it if it can, as there is one for it.
func readArray(messages []*commonpb.AnyValue, depth int) (attribute.Value, error) {
	values := make([]attribute.Value, 0, len(messages))
	for _, m := range messages {
		value, err := readValue(m, depth)
		if err != nil {
			return value, err
		}
		values = append(values, value)
	}
	kind := attribute.STRING // an array of nothing looks the same whatever it is of
	for i, value := range values {
		if i == 0 {
			kind = value.Type()
		} else if value.Type() != kind {
			return attribute.SliceValue(values...), nil
		}
	}
	switch kind {
	case attribute.STRING:
		return attribute.StringSliceValue(each(values, attribute.Value.AsString)), nil
	case attribute.INT64:
		return attribute.Int64SliceValue(each(values, attribute.Value.AsInt64)), nil
	case attribute.BOOL:
		return attribute.BoolSliceValue(each(values, attribute.Value.AsBool)), nil
	case attribute.FLOAT64:
		return attribute.Float64SliceValue(each(values, attribute.Value.AsFloat64)), nil
	}
	return attribute.SliceValue(values...), nil
}

func each[T any](values []attribute.Value, of func(attribute.Value) T) []T {
	all := make([]T, 0, len(values))
	for _, value := range values {
		all = append(all, of(value))
	}
	return all
}
