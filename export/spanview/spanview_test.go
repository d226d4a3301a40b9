package spanview

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func view(name string, attributes ...attribute.KeyValue) View {
	return Of(tracetest.SpanStub{Name: name, Attributes: attributes}.Snapshot())
}

func TestLabel(t *testing.T) {
	f := func(want, name string, attributes ...attribute.KeyValue) {
		t.Helper()
		v := view(name, attributes...)
		if got := v.Label(); got != want {
			t.Errorf("label is %q, want %q", got, want)
		}
	}
	method, path := attribute.String("http.request.method", "GET"), attribute.String("url.path", "/users/7")
	f("", "")
	f("GET", "GET", method)
	f("GET /users/7", "GET", method, path)
	f("GET /users/7", "GET /users/{id}", method, path)
	f("HTTP /users/7", "HTTP", path)
	f("GET /a%20b", "GET", method, attribute.String("url.full", "http://h:80/a%20b?secret=1"))
	f("GET", "GET", method, attribute.String("url.full", "http://h:x/"))
	f("SELECT shop.orders", "SELECT shop.orders", attribute.String("db.system.name", "mysql"))
}

func TestOf(t *testing.T) {
	start := time.Unix(1, 0)
	v := Of(tracetest.SpanStub{
		Name: "GET", StartTime: start, EndTime: start.Add(time.Second),
		Status:   sdktrace.Status{Code: codes.Error},
		Resource: resource.NewSchemaless(attribute.String("service.name", "shop"), attribute.Int("process.pid", 7)),
		Attributes: []attribute.KeyValue{
			attribute.Int("http.response.status_code", 503), attribute.String("error.type", "503"),
			attribute.String("server.address", "::1"), attribute.Int("server.port", 80)},
	}.Snapshot())
	if v.Service != "shop" || v.PID != "7" || v.Status != "503" || v.ErrorType != "503" || !v.Failed ||
		v.Peer != "[::1]:80" || v.Duration() != time.Second {
		t.Errorf("view is %+v", v)
	}
	if v := view("call", attribute.String("rpc.response.status_code", "OK")); v.Status != "OK" || v.Failed {
		t.Errorf("view is %+v", v)
	}
}
