package export

import (
	"fmt"
	"strconv"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/export/internal/otelcol"
	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/internal/destination"
)

// with128 makes the collector put the two halves of a trace id together.
const with128 = "--feature-gates=receiver.datadogreceiver.Enable128BitTraceID"

// TestDatadogArrives: Datadog carries ids of 128 bits, parents, kinds, times to the nanosecond, links and errors. The
// span's name is its resource there, which has an operation's name. Numbers arrive as floating point, but for a status and
// those that would lose digits; everything else is text, events as JSON. Resource and scope are tags among the others.
func TestDatadogArrives(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", otelcol.FreePort(t))
	c := otelcol.Start(t, "datadog", fmt.Sprintf("{endpoint: %q, trace_id_cache_size: 10}", address), with128)
	deliver(t, "datadog", destination.Settings{Endpoint: "http://" + address})
	asSent(t, c, throughDatadog)
}

func TestOddSpansArriveInDatadog(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", otelcol.FreePort(t))
	c := otelcol.Start(t, "datadog", fmt.Sprintf("{endpoint: %q}", address))
	oddArrive(t, c, "datadog", destination.Settings{Endpoint: "http://" + address})
}

// operations are the names of the shop's spans' operations.
var operations = map[string]string{
	"GET /items/{id}": "http.server.request", "GET": "http.client.request", "SELECT orders": "SELECT orders", // which this receiver makes of postgresql.query

	"place": "internal", "POST /orders": "http.server.request", "orders send": "kafka.producer", "POST": "http.client.request",
	"orders process": "kafka.consumer", "GET /" + valid(sampletrace.Odd): "http.server.request",
}

func throughDatadog(s *otelcol.Span) {
	name, kind := valid(s.Name), trace.SpanKind(s.Kind).String()
	all := map[string]any{}
	for _, from := range []map[string]any{s.Resource, s.Attributes} {
		for k, v := range from {
			n, number := v.(int64)
			switch {
			case number && k != "http.response.status_code" && n < 1<<53:
				all[k] = float64(n)
			case k == "shop.price":
				all[k] = v
			default:
				all[k] = asStrings(map[string]any{k: v})[k]
			}
		}
	}
	delete(all, "service.name")
	s.Resource = map[string]any{"service.name": s.Resource["service.name"], "service.version": "1.2",
		"telemetry.sdk.name": "Datadog", "telemetry.sdk.version": "Datadog-throughline-unknown"}
	all["span.kind"], all["dd.span.Resource"] = kind, name
	s.Name = operations[name]
	all["otel.library.name"], all["otel.library.version"], s.Scope = s.Scope, "0.1.0", "Datadog"
	all["w3c.tracestate"], s.State = s.State, ""
	id, err := strconv.ParseUint(s.ID, 16, 64)
	if err != nil {
		panic(err)
	}
	all["otel.trace_id"], all["datadog.trace.id"], all["datadog.span.id"] = s.Trace, "1", strconv.FormatUint(id, 10)
	switch kind {
	case "server", "consumer":
		all["_top_level"] = 1.0
	case "client":
		all["peer.hostname"] = all["server.address"]
		fallthrough
	case "producer":
		all["_dd.measured"] = 1.0
	}
	if query, ok := all["db.query.text"]; ok {
		all["dd.span.Resource"], all["db.system"] = query, "postgresql"
	}
	if s.ID == sampletrace.SpanID(1).String() { // the first of the batch's trace
		all["_dd.p.tid"], all["_sampling_priority_v1"], all["sampling.priority"] = s.Trace[:16], 1.0, "1.000000"
	}
	throughDatadogStatus(s, all)
	if len(s.Events) > 0 {
		all["events"] = `[{"time_unix_nano":1773480413602000000,"name":"exception","attributes":` +
			`{"exception.message":"none left","exception.type":"OutOfStock","shop.left":0}},` +
			`{"time_unix_nano":1773480413603000000,"name":"retried"}]`
		all["_dd.span_events.has_exception"], s.Events = "true", nil
	}
	s.Attributes = all
}

// throughDatadogStatus: there is no Unset.
func throughDatadogStatus(s *otelcol.Span, all map[string]any) {
	switch s.Status {
	case 2:
		all["otel.status_code"], all["exception.message"] = "Error", all["http.response.status_code"]
		if s.Message != "" {
			all["otel.status_description"], all["exception.message"] = s.Message, s.Message
		}
		s.Message = ""
	case 1:
		all["otel.status_code"] = "Ok"
	default:
		s.Status = 1
	}
}
