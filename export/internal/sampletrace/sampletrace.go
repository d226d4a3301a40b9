// Package sampletrace makes the traces that the exporters' tests and benchmarks print and send.
package sampletrace

import (
	"encoding/binary"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// Begin is when the sample traces begin.
var Begin = time.Date(2026, 3, 14, 9, 26, 53, 589_000_000, time.UTC)

// TraceID is the n-th trace's id.
func TraceID(n int) trace.TraceID {
	id := trace.TraceID{0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6}
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

// SpanID is the id of a trace's n-th span; 0 is no span.
func SpanID(n int) trace.SpanID {
	var id trace.SpanID
	if n > 0 {
		binary.BigEndian.PutUint64(id[:], 0x00f0_67aa_0ba9_0000+uint64(n))
	}
	return id
}

// Span describes one span in few words.
type Span struct {
	Trace, ID, Parent int
	Service           string
	PID               int
	Kind              trace.SpanKind
	Method, Path      string
	// Peer and Port are the server's.
	Peer string
	Port int
	// Status is the HTTP status code, 0 for none.
	Status int
	// Error is the error type, "" for none.
	Error string
	// At and For are the span's place in time.
	At, For   time.Duration
	Unsampled bool
}

// Snapshot is the span as the exporters get it.
func (s Span) Snapshot() sdktrace.ReadOnlySpan {
	flags := trace.FlagsSampled
	if s.Unsampled {
		flags = 0
	}
	context := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: TraceID(s.Trace), SpanID: SpanID(s.ID), TraceFlags: flags})
	stub := tracetest.SpanStub{
		Name:        s.Method,
		SpanContext: context,
		SpanKind:    s.Kind,
		StartTime:   Begin.Add(s.At),
		EndTime:     Begin.Add(s.At + s.For),
		Attributes: []attribute.KeyValue{
			attribute.String("http.request.method", s.Method),
			attribute.String("url.path", s.Path),
			attribute.String("network.protocol.version", "1.1"),
		},
		Resource: resource.NewSchemaless(
			attribute.String("service.name", s.Service),
			attribute.Int("process.pid", s.PID)),
		InstrumentationScope: instrumentation.Scope{Name: "throughline", Version: "0.1.0"},
	}
	if s.Parent > 0 {
		stub.Parent = trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: TraceID(s.Trace), SpanID: SpanID(s.Parent), TraceFlags: flags,
			Remote: s.Kind == trace.SpanKindServer})
	}
	if s.Status != 0 {
		stub.Attributes = append(stub.Attributes, attribute.Int("http.response.status_code", s.Status))
	}
	if s.Peer != "" {
		stub.Attributes = append(stub.Attributes,
			attribute.String("server.address", s.Peer), attribute.Int("server.port", s.Port))
	}
	if s.Error != "" {
		stub.Attributes = append(stub.Attributes, attribute.String("error.type", s.Error))
		stub.Status = sdktrace.Status{Code: codes.Error}
	}
	return stub.Snapshot()
}

// Snapshots are the spans as the exporters get them.
func Snapshots(spans []Span) []sdktrace.ReadOnlySpan {
	all := make([]sdktrace.ReadOnlySpan, 0, len(spans))
	for _, span := range spans {
		all = append(all, span.Snapshot())
	}
	return all
}

const (
	server = trace.SpanKindServer
	client = trace.SpanKindClient
	ms     = time.Millisecond
)

// Checkout is one request through three services, as their spans end: the innermost first. One call of a payment
// provider that nobody traces fails.
func Checkout() []Span {
	return []Span{
		{ID: 3, Parent: 2, Service: "cart", PID: 4711, Kind: server, Method: "GET", Path: "/cart/42",
			Status: 200, At: 4200 * time.Microsecond, For: 31 * ms, Peer: "cart", Port: 8081},
		{ID: 2, Parent: 1, Service: "gateway", PID: 4242, Kind: client, Method: "GET", Path: "/cart/42",
			Status: 200, At: 3 * ms, For: 34 * ms, Peer: "cart", Port: 8081},
		{ID: 6, Parent: 5, Service: "orders", PID: 5100, Kind: client, Method: "GET", Path: "/stock/coffee",
			Status: 200, At: 44 * ms, For: 800 * time.Microsecond, Peer: "10.0.3.7", Port: 9200},
		{ID: 7, Parent: 5, Service: "orders", PID: 5100, Kind: client, Method: "POST", Path: "/v1/charges",
			Status: 503, Error: "503", At: 46 * ms, For: 61 * ms, Peer: "pay.example.com", Port: 443},
		{ID: 8, Parent: 5, Service: "orders", PID: 5100, Kind: client, Method: "POST", Path: "/v1/charges",
			Error: "timeout", At: 108 * ms, For: 14 * ms, Peer: "pay.example.com", Port: 443},
		{ID: 5, Parent: 4, Service: "orders", PID: 5100, Kind: server, Method: "POST", Path: "/orders",
			Status: 502, Error: "502", At: 40500 * time.Microsecond, For: 83 * ms, Peer: "orders", Port: 8082},
		{ID: 4, Parent: 1, Service: "gateway", PID: 4242, Kind: client, Method: "POST", Path: "/orders",
			Status: 502, Error: "502", At: 39 * ms, For: 85500 * time.Microsecond, Peer: "orders", Port: 8082},
		{ID: 1, Service: "gateway", PID: 4242, Kind: server, Method: "POST", Path: "/checkout",
			Status: 502, Error: "502", At: 0, For: 128 * ms, Peer: "shop.example.com", Port: 8080},
	}
}
