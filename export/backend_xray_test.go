package export

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/export/internal/otelcol"
	"github.com/throughline/throughline/internal/destination"
)

func startXRay(t *testing.T) (*otelcol.Collector, destination.Settings) {
	address := fmt.Sprintf("127.0.0.1:%d", otelcol.FreePort(t))
	c := otelcol.Start(t, "awsxray", fmt.Sprintf("{endpoint: %q, transport: udp, proxy_server: {endpoint: %q}}",
		address, fmt.Sprintf("127.0.0.1:%d", otelcol.FreePort(t))))
	return c, destination.Settings{Endpoint: address}
}

// TestXRayArrives: X-Ray carries ids, parents, what became of HTTP requests and statements, and errors; times as floating
// point, of which a microsecond is left. A document's name is the service's or whom it called: the span's own is in the
// metadata, with all attributes that are not indexed, the resource, events, status, scope and tracestate. Kinds come out as this
// receiver guesses them. Links it does not read.
func TestXRayArrives(t *testing.T) {
	c, s := startXRay(t)
	deliver(t, "xray", s)
	asSent(t, c, throughXRay)
}

func TestOddSpansArriveInXRay(t *testing.T) {
	c, s := startXRay(t)
	oddArrive(t, c, "xray", s)
}

// named are the documents of the shop's spans by kind and name: subsegments' names.
var named = map[string]string{
	"client GET": "stock.local", "client SELECT orders": "shop@db.local", "internal place": "place",
	"producer orders send": "kafka", "client POST": "orders.local",
}

// indexed are the attributes of the shop's spans that are annotations.
var indexed = []string{"db.operation.name", "db.system.name", "error.type", "http.request.method", "http.route",
	"messaging.destination.name", "messaging.system"}

func throughXRay(s *otelcol.Span) {
	kind := trace.SpanKind(s.Kind).String()
	all, annotations := map[string]any{}, []any{}
	for _, key := range indexed {
		if v, ok := s.Attributes[key]; ok {
			short := strings.ReplaceAll(key, ".", "_")
			all[short], annotations = v, append(annotations, short)
			delete(s.Attributes, key)
		}
	}
	if len(annotations) > 0 {
		all["aws.xray.annotations"] = annotations
	}
	all["aws.xray.metadata.default"] = viaJSON(s.Attributes)
	all["aws.xray.metadata.resource"] = viaJSON(s.Resource)
	throughXRayHTTP(s, all, kind)
	if kind == "client" && all["db_system_name"] != nil {
		all["db.system"], all["db.name"], all["db.connection_string"] = "postgresql", "shop", "postgresql://db.local:5432"
		all["db.statement"] = s.Attributes["db.query.text"]
	}
	more := map[string]any{"name": s.Name, "kind": kind, "scope": s.Scope + " 0.1.0", "tracestate": s.State}
	throughXRayStatus(s, all, more, kind)
	if kind == "internal" {
		more["events"] = json.RawMessage(`[{"time":1773480413.602,"name":"exception","attributes":{"exception.type":"OutOfStock",` +
			`"exception.message":"none left","shop.left":0}},{"time":1773480413.603,"name":"retried","attributes":{}}]`)
	}
	all["aws.xray.metadata.otel"] = viaJSON(more)
	service := s.Resource["service.name"]
	s.Name, s.Scope, s.State, s.Links = fmt.Sprint(service), "", "", nil
	s.Resource = map[string]any{"service.name": service, "cloud.provider": "aws",
		"telemetry.sdk.name": "throughline", "telemetry.sdk.version": "unknown"}
	if name := named[kind+" "+fmt.Sprint(more["name"])]; name != "" {
		s.Name, s.Resource["service.name"] = name, name
	} else {
		s.Resource["service.version"] = "1.2"
	}
	if len(s.Events) > 0 {
		s.Resource["telemetry.sdk.language"] = "java" // this receiver's guess where there is an exception
	}
	switch kind {
	case "producer":
		s.Kind = int(trace.SpanKindClient)
	case "consumer":
		s.Kind = int(trace.SpanKindInternal)
	}
	s.Start, s.End = asFloat(s.Start), asFloat(s.End)
	s.Attributes = all
}

func throughXRayHTTP(s *otelcol.Span, all map[string]any, kind string) {
	if all["http_request_method"] == nil {
		return
	}
	all["http.method"], all["http.status_code"] = all["http_request_method"], s.Attributes["http.response.status_code"]
	all["http.url"] = s.Attributes["url.full"]
	if kind == "server" {
		all["http.client_ip"], all["http.url"] = s.Attributes["client.address"], s.Attributes["url.path"]
	}
	if size, ok := s.Attributes["http.response.body.size"]; ok {
		all["http.response_content_length"] = size
		all["http.user_agent"], all["http.url"] = "Mozilla/5.0", "https://shop.example.com:443/caf%E9"
	}
}

// throughXRayStatus: a status above 399 is one of error or fault, which this receiver takes for the span's.
func throughXRayStatus(s *otelcol.Span, all, more map[string]any, kind string) {
	s.Events = nil
	switch {
	case s.Status == 1:
		more["status"] = "Ok"
	case s.Status == 2:
		more["status"] = strings.TrimSpace("Error " + s.Message)
		its := map[string]any{"exception.type": all["error_type"], "aws.xray.exception.id": "01" + s.ID[2:]}
		if s.Message != "" {
			its["exception.message"] = s.Message
		}
		if kind == "client" {
			its["aws.xray.exception.remote"] = true
		}
		s.Events = []otelcol.Event{{Name: "exception", Attributes: its}}
	}
	s.Status, s.Message = 0, ""
	if status, ok := all["http.status_code"].(int64); ok && status >= 400 {
		s.Status = 2
	}
}

// viaJSON is what is left of a value that was read from JSON and written again.
func viaJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		panic(err)
	}
	if text, err = json.Marshal(plain); err != nil {
		panic(err)
	}
	return string(text)
}

// asFloat is a time of nanoseconds that was a floating-point number of seconds, in microseconds.
func asFloat(ns int64) int64 {
	seconds, err := strconv.ParseFloat(fmt.Sprintf("%d.%06d", ns/1e9, ns%1e9/1000), 64)
	if err != nil {
		panic(err)
	}
	return int64(seconds * 1e9)
}
