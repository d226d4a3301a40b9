package propagation

// A Field is a header field that carries trace context.
type Field uint8

// The fields, numbered as enum context_field in bpf/abi.h.
const (
	Traceparent Field = iota + 1
	Tracestate
	BaggageList
	B3Single
	B3TraceID
	B3SpanID
	B3Sampled
	B3Flags
	UberTraceID
	JaegerDebugID
	AmznTraceID
	DatadogTraceID
	DatadogParentID
	DatadogPriority
	DatadogTags
	fieldsEnd
)

// names are the fields' as each format's description writes them.
var names = [fieldsEnd]string{
	Traceparent: "traceparent", Tracestate: "tracestate", BaggageList: "baggage",
	B3Single: "b3", B3TraceID: "X-B3-TraceId", B3SpanID: "X-B3-SpanId", B3Sampled: "X-B3-Sampled", B3Flags: "X-B3-Flags",
	UberTraceID: "uber-trace-id", JaegerDebugID: "jaeger-debug-id",
	AmznTraceID:    "X-Amzn-Trace-Id",
	DatadogTraceID: "x-datadog-trace-id", DatadogParentID: "x-datadog-parent-id",
	DatadogPriority: "x-datadog-sampling-priority", DatadogTags: "x-datadog-tags",
}

// Name returns the field's name as its format writes it.
func (f Field) Name() string { return names[f] }

// IsContext tells whether a request with the field has a context of its own, be it
// malformed (FIELDS_OF_CONTEXT in bpf/propagation.h).
func (f Field) IsContext() bool {
	switch f {
	case Tracestate, BaggageList, JaegerDebugID, DatadogTags:
		return false
	}
	return true
}

// Fields returns the fields that are read of a format. Either of B3's names reads both
// of its encodings (specification, context/api-propagators.md, "B3 Requirements").
func (f Format) Fields() []Field {
	switch f {
	case TraceContext:
		return []Field{Traceparent, Tracestate}
	case Baggage:
		return []Field{BaggageList}
	case B3, B3Multi:
		return []Field{B3Single, B3TraceID, B3SpanID, B3Sampled, B3Flags}
	case Jaeger:
		return []Field{UberTraceID, JaegerDebugID}
	case XRay:
		return []Field{AmznTraceID}
	case Datadog:
		return []Field{DatadogTraceID, DatadogParentID, DatadogPriority, DatadogTags}
	}
	return nil
}

// Fields returns the fields that are read, each once and in order of their numbers.
func (f Formats) Fields() []Field {
	var has [fieldsEnd]bool
	for _, format := range f {
		for _, field := range format.Fields() {
			has[field] = true
		}
	}
	var all []Field
	for field, ok := range has {
		if ok {
			all = append(all, Field(field))
		}
	}
	return all
}

// A Matcher tells which field a name is.
type Matcher struct{ fields []Field }

// Matcher makes a matcher of the fields that are read.
func (f Formats) Matcher() Matcher { return Matcher{f.Fields()} }

// Field returns the field that is called name, in any case; 0: none that is read.
func (m Matcher) Field(name []byte) Field {
	for _, f := range m.fields {
		if equalFold(name, names[f]) {
			return f
		}
	}
	return 0
}

// equalFold compares ASCII without regard to case.
func equalFold(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i := range b {
		if lower(b[i]) != lower(name[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}
