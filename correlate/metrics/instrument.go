package metrics

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// An instrument is a histogram of durations as the semantic conventions (v1.43.0, "metrics" of HTTP, RPC and databases) have it.
type instrument struct {
	name, description string
	kind              trace.SpanKind
	marker            attribute.Key   // which an exchange has that the instrument measures
	keys              []attribute.Key // of the exchange that its series have
	bounds            []float64       // seconds
}

// instruments are all there are. An exchange is measured by the first one that fits.
func instruments() []instrument {
	// The advice of the conventions for requests, and for statements.
	requests := []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
	statements := []float64{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10}
	return []instrument{
		{
			name: "http.server.request.duration", description: "Duration of HTTP server requests.",
			kind: trace.SpanKindServer, marker: semconv.HTTPRequestMethodKey, bounds: requests,
			keys: []attribute.Key{
				semconv.HTTPRequestMethodKey, semconv.URLSchemeKey, semconv.HTTPRouteKey, semconv.HTTPResponseStatusCodeKey,
				semconv.ErrorTypeKey, semconv.NetworkProtocolNameKey, semconv.NetworkProtocolVersionKey,
			},
		},
		{
			name: "http.client.request.duration", description: "Duration of HTTP client requests.",
			kind: trace.SpanKindClient, marker: semconv.HTTPRequestMethodKey, bounds: requests,
			keys: []attribute.Key{
				semconv.HTTPRequestMethodKey, semconv.URLSchemeKey, semconv.ServerAddressKey, semconv.ServerPortKey,
				semconv.URLTemplateKey, semconv.HTTPResponseStatusCodeKey, semconv.ErrorTypeKey,
				semconv.NetworkProtocolNameKey, semconv.NetworkProtocolVersionKey,
			},
		},
		{
			name: "rpc.server.call.duration", description: "Measures the duration of an incoming Remote Procedure Call (RPC).",
			kind: trace.SpanKindServer, marker: semconv.RPCSystemNameKey, bounds: requests,
			keys: []attribute.Key{semconv.RPCSystemNameKey, semconv.RPCMethodKey, semconv.RPCResponseStatusCodeKey, semconv.ErrorTypeKey},
		},
		{
			name: "rpc.client.call.duration", description: "Measures the duration of an outgoing Remote Procedure Call (RPC).",
			kind: trace.SpanKindClient, marker: semconv.RPCSystemNameKey, bounds: requests,
			keys: []attribute.Key{
				semconv.RPCSystemNameKey, semconv.RPCMethodKey, semconv.RPCResponseStatusCodeKey, semconv.ErrorTypeKey,
				semconv.ServerAddressKey, semconv.ServerPortKey,
			},
		},
		{
			name: "db.client.operation.duration", description: "Duration of database client operations.",
			kind: trace.SpanKindClient, marker: semconv.DBSystemNameKey, bounds: statements,
			keys: []attribute.Key{
				semconv.DBSystemNameKey, semconv.DBOperationNameKey, semconv.DBCollectionNameKey, semconv.DBNamespaceKey,
				semconv.DBQuerySummaryKey, semconv.DBResponseStatusCodeKey, semconv.ErrorTypeKey,
				semconv.ServerAddressKey, semconv.ServerPortKey,
			},
		},
	}
}
