package sampletrace

import (
	"math"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// OddSpans are spans that a careless exporter loses a batch over, one oddity each.
func OddSpans() []sdktrace.ReadOnlySpan {
	of := func(a ...attribute.KeyValue) tracetest.SpanStub {
		return tracetest.SpanStub{Name: "odd", SpanKind: client, StartTime: Begin, EndTime: Begin.Add(ms), Attributes: a,
			Resource: service("odd", 1)}
	}
	backwards, before, endless := of(), of(), of()
	backwards.EndTime = Begin.Add(-time.Hour)
	before.StartTime, before.EndTime = time.Time{}, time.Time{}
	endless.StartTime, endless.EndTime = time.Unix(-5, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	nameless := tracetest.SpanStub{SpanKind: trace.SpanKind(99)}
	nothing := of(attribute.KeyValue{Key: "empty"}, attribute.String("", "no key"), attribute.String("\xff", "\xff"))
	nothing.Name, nothing.Resource = "\xff\x00", resource.NewSchemaless(attribute.Int("service.name", 5), attribute.String("\xfe", "\xfe"))
	status := of()
	status.Status = sdktrace.Status{Code: codes.Error, Description: Odd}
	status.Events = []sdktrace.Event{{Name: Odd, Attributes: []attribute.KeyValue{attribute.Float64(Odd, math.NaN())}}, {}}
	status.Links = []sdktrace.Link{{}, {Attributes: []attribute.KeyValue{attribute.String(Odd, Odd)}}}
	stubs := tracetest.SpanStubs{backwards, before, endless, nameless, nothing, status,
		of(attribute.Float64("nan", math.NaN()), attribute.Float64("inf", math.Inf(1)), attribute.Float64("less", math.Inf(-1)),
			attribute.Float64Slice("all", []float64{math.NaN(), math.Inf(1)}), attribute.Int64("max", math.MaxInt64)),
		of(attribute.ByteSlice("bytes", []byte{0, 255}), attribute.Slice("mixed", attribute.IntValue(1), attribute.StringValue(Odd)),
			attribute.Map("map", attribute.String(Odd, Odd))),
		of(attribute.String("http.response.status_code", "many"), attribute.Int("server.address", 5), attribute.String("server.port", "x"),
			attribute.String("network.peer.address", "nowhere"), attribute.Bool("url.full", true), attribute.Int("error", 3),
			attribute.String("http.request.method", Odd), attribute.StringSlice("service.name", nil)),
		of(attribute.String("long", strings.Repeat("x", 4000))),
	}
	for i := range stubs {
		stubs[i].SpanContext = trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: TraceID(2), SpanID: SpanID(i + 1), TraceFlags: trace.FlagsSampled})
	}
	return stubs.Snapshots()
}
