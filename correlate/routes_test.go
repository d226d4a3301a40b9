package correlate

import (
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/correlate/flow"
)

// TestRoutes: who gets a route, under which name.
func TestRoutes(t *testing.T) {
	served, both := Routes{Served: true}, Routes{Served: true, Made: true}
	path := func(kind trace.SpanKind, more ...attribute.KeyValue) *flow.Exchange {
		return &flow.Exchange{Name: "GET", Kind: kind, Attributes: append([]attribute.KeyValue{
			attribute.String("url.path", "/orders/42"), attribute.String("server.address", "shop"), attribute.Int("http.response.status_code", 200)}, more...)}
	}
	for _, c := range []struct {
		name      string
		routes    Routes
		x         *flow.Exchange
		key, want string
	}{
		{"served", served, path(trace.SpanKindServer), "http.route", "/orders/{id}"},
		{"made", both, path(trace.SpanKindClient), "url.template", "/orders/{id}"},
		{"made, not asked for", served, path(trace.SpanKindClient), "", ""},
		{"off", Routes{}, path(trace.SpanKindServer), "", ""},
		{"of a framework", both, path(trace.SpanKindServer, attribute.String("http.route", "/orders/:n")), "", ""},
		{"no path", both, &flow.Exchange{Name: "GET", Kind: trace.SpanKindServer}, "", ""},
		{"no response", both, &flow.Exchange{Name: "GET", Kind: trace.SpanKindServer, Attributes: []attribute.KeyValue{attribute.String("url.path", "/a")}}, "", ""},
	} {
		n := len(c.x.Attributes)
		in := newInference(c.routes)
		in.route(c.x, "shop")
		name := "GET"
		if c.want != "" {
			name += " " + c.want
		}
		if c.x.Name != name || (len(c.x.Attributes) > n) != (c.want != "") {
			t.Errorf("%s: %q with %v", c.name, c.x.Name, c.x.Attributes[n:])
		}
		if c.want == "" {
			continue
		}
		if last := c.x.Attributes[n]; string(last.Key) != c.key || last.Value.AsString() != c.want {
			t.Errorf("%s: %v", c.name, last)
		}
	}
}

// TestRoutesOfServices: services do not share what was learned, callers of one server do.
func TestRoutesOfServices(t *testing.T) {
	in := newInference(Routes{Served: true, Made: true})
	route := func(kind trace.SpanKind, service, host, path string) string {
		x := &flow.Exchange{Name: "GET", Kind: kind, Attributes: []attribute.KeyValue{attribute.String("url.path", path),
			attribute.String("server.address", host), attribute.Int("http.response.status_code", 200)}}
		in.route(x, service)
		return x.Name
	}
	for _, name := range []string{"ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ida"} {
		route(trace.SpanKindServer, "a", "h", "/users/"+name)
		route(trace.SpanKindClient, "a", "h", "/users/"+name)
	}
	for _, c := range []struct {
		kind                trace.SpanKind
		service, host, want string
	}{
		{trace.SpanKindServer, "a", "other", "GET /users/{slug}"}, {trace.SpanKindServer, "b", "h", "GET /users/jane"},
		{trace.SpanKindClient, "b", "h", "GET /users/{slug}"}, {trace.SpanKindClient, "a", "other", "GET /users/jane"},
	} {
		if got := route(c.kind, c.service, c.host, "/users/jane"); got != c.want {
			t.Errorf("%v of %s at %s: %s, want %s", c.kind, c.service, c.host, got, c.want)
		}
	}
}
