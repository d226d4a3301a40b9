package sampletrace

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// Fuzzed is a span that has the text wherever a program's own words can come to stand, and the numbers likewise.
func Fuzzed(text string, number int64, float float64) sdktrace.ReadOnlySpan {
	words := []attribute.KeyValue{attribute.String(text, text), attribute.String("url.full", text), attribute.String("url.path", text),
		attribute.String("server.address", text), attribute.Int64("server.port", number), attribute.String("http.request.method", text),
		attribute.Int64("http.response.status_code", number), attribute.String("db.system.name", text), attribute.String("db.namespace", text),
		attribute.String("db.query.text", text), attribute.StringSlice("list", []string{text, text}), attribute.Float64("float", float),
		attribute.Int64("number", number), attribute.String("error.type", text), attribute.String("messaging.system", text),
		attribute.String("network.peer.address", text), attribute.String("peer.service", text)}
	if number%2 == 0 { // else the first words of the list hide what comes later
		words = words[:1+int(uint64(number)%uint64(len(words)))]
	}
	return tracetest.SpanStub{
		Name:     text,
		SpanKind: trace.SpanKind(uint64(number) % 7),
		SpanContext: trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: TraceID(3), SpanID: SpanID(1), TraceFlags: trace.FlagsSampled}),
		Parent:    trace.NewSpanContext(trace.SpanContextConfig{TraceID: TraceID(3), SpanID: SpanID(2)}),
		StartTime: time.Unix(0, number), EndTime: time.Unix(0, number).Add(time.Duration(float)),
		Attributes: words,
		Resource:   resource.NewSchemaless(attribute.String("service.name", text), attribute.String(text, text)),
		Status:     sdktrace.Status{Code: codes.Error, Description: text},
		Events:     []sdktrace.Event{{Name: text, Time: time.Unix(0, number), Attributes: words}, {Name: text}},
		Links: []sdktrace.Link{{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: TraceID(4), SpanID: SpanID(4)}),
			Attributes: words}},
		InstrumentationScope: instrumentation.Scope{Name: text, Version: text},
	}.Snapshot()
}
