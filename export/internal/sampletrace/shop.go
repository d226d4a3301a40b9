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

// Odd is a string that is no UTF-8, and holds what is special to some format.
const Odd = "caf\xe9 \x00|\"<>\\ ☕"

// Shop is one trace of three services with one of everything that a span can hold: each kind, each status, 4xx and 5xx
// on both sides, attributes of each type, a name and values that are no UTF-8, an event, a link, tracestate, and times
// that are no whole microseconds.
func Shop() []sdktrace.ReadOnlySpan {
	web, orders, stock := service("web", 4242), service("orders", 5100), service("stock", 6007)
	state, err := trace.ParseTraceState("ot=th:8,vendor=a|b")
	if err != nil {
		panic(err) // it is a constant
	}
	all := tracetest.SpanStubs{
		{Name: "GET /items/{id}", SpanKind: server, Resource: stock,
			StartTime: Begin.Add(12*ms + 345*time.Nanosecond), EndTime: Begin.Add(15*ms + 999*time.Nanosecond),
			Attributes: append(request("GET", "http", "/items/7", 404),
				attribute.String("http.route", "/items/{id}"), attribute.String("client.address", "10.0.0.9"),
				attribute.Bool("shop.cached", true), attribute.Bool("shop.sold_out", false))},
		{Name: "GET", SpanKind: client, Resource: orders, Status: sdktrace.Status{Code: codes.Error, Description: "no such item"},
			StartTime: Begin.Add(11 * ms), EndTime: Begin.Add(16 * ms),
			Attributes: append(request("GET", "http", "/items/7", 404), attribute.String("error.type", "404"),
				attribute.String("url.full", "http://stock.local:8083/items/7"), attribute.String("server.address", "stock.local"),
				attribute.Int("server.port", 8083), attribute.String("network.peer.address", "10.0.0.3"),
				attribute.Int("network.peer.port", 8083), attribute.Int64("shop.large", 1<<60))},
		{Name: "SELECT orders", SpanKind: client, Resource: orders,
			StartTime: Begin.Add(17 * ms), EndTime: Begin.Add(17*ms + 400*time.Nanosecond),
			Attributes: []attribute.KeyValue{attribute.String("db.system.name", "postgresql"),
				attribute.String("db.namespace", "shop"), attribute.String("db.operation.name", "SELECT"),
				attribute.String("db.query.summary", "SELECT orders"), attribute.String("db.query.text", "SELECT a FROM orders WHERE id = ?"),
				attribute.String("server.address", "db.local"), attribute.Int("server.port", 5432)}},
		{Name: "place", SpanKind: trace.SpanKindInternal, Resource: orders, Status: sdktrace.Status{Code: codes.Ok},
			StartTime: Begin.Add(10 * ms), EndTime: Begin.Add(19 * ms),
			Attributes: []attribute.KeyValue{attribute.Float64("shop.price", 2.5), attribute.StringSlice("shop.tags", []string{"a", `b"c`}),
				attribute.Int64Slice("shop.sizes", []int64{1, -2}), attribute.BoolSlice("shop.flags", []bool{true, false}),
				attribute.Float64Slice("shop.rates", []float64{0.5, 2}), attribute.String("shop.odd", Odd), attribute.String("shop.empty", "")},
			Events: []sdktrace.Event{{Name: "exception", Time: Begin.Add(13 * ms), Attributes: []attribute.KeyValue{
				attribute.String("exception.type", "OutOfStock"), attribute.String("exception.message", "none left"), attribute.Int("shop.left", 0)}},
				{Name: "retried", Time: Begin.Add(14 * ms)}},
			Links: []sdktrace.Link{{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{
				TraceID: TraceID(77), SpanID: SpanID(78)}), Attributes: []attribute.KeyValue{attribute.String("shop.why", "retry")}}}},
		{Name: "POST /orders", SpanKind: server, Resource: orders, Status: sdktrace.Status{Code: codes.Error},
			StartTime: Begin.Add(9 * ms), EndTime: Begin.Add(20 * ms),
			Attributes: append(request("POST", "http", "/orders", 503), attribute.String("http.route", "/orders"),
				attribute.String("client.address", "10.0.0.1"), attribute.String("error.type", "503"))},
		{Name: "orders send", SpanKind: trace.SpanKindProducer, Resource: web,
			StartTime: Begin.Add(22 * ms), EndTime: Begin.Add(23 * ms),
			Attributes: []attribute.KeyValue{attribute.String("messaging.system", "kafka"), attribute.String("messaging.destination.name", "orders"),
				attribute.String("peer.service", "kafka")}},
		{Name: "POST", SpanKind: client, Resource: web, Status: sdktrace.Status{Code: codes.Error},
			StartTime: Begin.Add(8 * ms), EndTime: Begin.Add(21 * ms),
			Attributes: append(request("POST", "http", "/orders", 503), attribute.String("error.type", "503"),
				attribute.String("url.full", "http://orders.local:8082/orders"), attribute.String("server.address", "orders.local"),
				attribute.Int("server.port", 8082))},
		{Name: "GET /" + Odd, SpanKind: server, Resource: web,
			StartTime: Begin, EndTime: Begin.Add(30 * ms),
			Attributes: append(request("GET", "https", "/caf\xe9", 200), attribute.String("client.address", "192.0.2.7"),
				attribute.String("user_agent.original", "Mozilla/5.0"), attribute.String("server.address", "shop.example.com"),
				attribute.Int("server.port", 443), attribute.Int("http.response.body.size", 512))},
		{Name: "orders process", SpanKind: trace.SpanKindConsumer, Resource: stock,
			StartTime: Begin.Add(24 * ms), EndTime: Begin.Add(25 * ms),
			Attributes: []attribute.KeyValue{attribute.String("messaging.system", "kafka"), attribute.String("messaging.destination.name", "orders")}},
	}
	parents := []int{2, 4, 4, 5, 7, 8, 8, 0, 6}
	for i := range all {
		s := &all[i]
		s.SpanContext = trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: TraceID(1), SpanID: SpanID(i + 1), TraceFlags: trace.FlagsSampled, TraceState: state})
		if parents[i] > 0 {
			s.Parent = trace.NewSpanContext(trace.SpanContextConfig{TraceID: TraceID(1), SpanID: SpanID(parents[i]),
				TraceFlags: trace.FlagsSampled, Remote: s.SpanKind == server || s.SpanKind == trace.SpanKindConsumer})
		}
		s.InstrumentationScope = instrumentation.Scope{Name: "throughline", Version: "0.1.0"}
	}
	return all.Snapshots()
}

func service(name string, pid int) *resource.Resource {
	return resource.NewSchemaless(attribute.String("service.name", name), attribute.String("service.version", "1.2"),
		attribute.Int("process.pid", pid), attribute.String("host.name", "node-a"))
}

func request(method, scheme, path string, status int) []attribute.KeyValue {
	return []attribute.KeyValue{attribute.String("http.request.method", method), attribute.String("url.scheme", scheme),
		attribute.String("url.path", path), attribute.Int("http.response.status_code", status)}
}
