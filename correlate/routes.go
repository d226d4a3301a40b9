package correlate

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/route"
)

// Routes says whose routes are inferred from paths. The zero value: nobody's.
type Routes struct {
	// Served is set if those of SERVER spans are, as http.route.
	Served bool
	// Made is set if those of CLIENT spans are, as url.template, which the semantic conventions have as an opt-in.
	Made bool
	// Table bounds them and says where they are kept.
	Table route.Config
}

// inference gives exchanges the routes that no framework told. It is used by one goroutine.
type inference struct {
	Routes
	table *route.Table
}

func newInference(r Routes) inference { return inference{Routes: r, table: route.New(r.Table)} }

// route completes an exchange of HTTP, which is one with a path. service names the process behind it.
func (i *inference) route(x *flow.Exchange, service string) {
	server := x.Kind == trace.SpanKindServer
	if server && !i.Served || !server && !i.Made {
		return
	}
	path, status, key := "", 0, route.Key{Name: service}
	for n := range x.Attributes {
		switch a := &x.Attributes[n]; a.Key {
		case semconv.URLPathKey:
			path = a.Value.AsString()
		case semconv.HTTPResponseStatusCodeKey:
			status = int(a.Value.AsInt64())
		case semconv.HTTPRouteKey, semconv.URLTemplateKey:
			return
		case semconv.ServerAddressKey:
			if !server {
				key = route.Key{Made: true, Name: a.Value.AsString()}
			}
		}
	}
	found := i.table.Of(key, path, status)
	if found == nil {
		return
	}
	name := semconv.URLTemplateKey
	if server {
		name = semconv.HTTPRouteKey
	}
	x.Name = found.Name(x.Name)
	x.Attributes = append(x.Attributes, attribute.KeyValue{Key: name, Value: attribute.StringValue(found.Text)})
}
