package datadog

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// span is Datadog's. Trace ids are 64 bits; the other 64 are a tag.
type span struct {
	service, name, resource, typ string
	trace, id, parent            uint64
	start, duration              int64 // nanoseconds
	error                        int32
	meta                         map[string]string
	metrics                      map[string]float64
}

// renamed are the attributes that Datadog has other names for (opentelemetry-mapping-go, HTTPMappings, and
// docs.datadoghq.com/opentelemetry/schema_semantics/semantic_mapping).
var renamed = map[attribute.Key]string{
	"client.address":              "http.client_ip",
	"container.id":                "container_id",
	"deployment.environment.name": "env",
	"http.request.body.size":      "http.request.content_length",
	"http.request.method":         "http.method",
	"http.response.body.size":     "http.response.content_length",
	"http.response.status_code":   "http.status_code",
	"network.protocol.version":    "http.version",
	"process.pid":                 "process_id",
	"server.address":              "http.server_name",
	"service.version":             "version",
	"telemetry.sdk.language":      "language",
	"url.full":                    "http.url",
	"user_agent.original":         "http.useragent",
}

// translate makes a span of one. The first of a trace carries what is the whole trace's.
func translate(s sdktrace.ReadOnlySpan, first bool) span {
	id := s.SpanContext()
	traceID, spanID, parent := id.TraceID(), id.SpanID(), s.Parent().SpanID()
	d := span{
		trace:  binary.BigEndian.Uint64(traceID[8:]),
		id:     binary.BigEndian.Uint64(spanID[:]),
		parent: binary.BigEndian.Uint64(parent[:]),
		start:  nanoseconds(s.StartTime()),
		meta:   map[string]string{}, metrics: map[string]float64{},
	}
	d.duration = min(max(int64(s.EndTime().Sub(s.StartTime())), 0), math.MaxInt64-d.start)
	for _, a := range s.Resource().Attributes() {
		d.attribute(a)
	}
	for _, a := range s.Attributes() { // which win over the resource's
		d.attribute(a)
	}
	d.describe(s)
	d.fail(s)
	d.context(s)
	if first {
		d.metrics["_sampling_priority_v1"] = 1 // sampled
		if high := traceID[:8]; binary.BigEndian.Uint64(high) != 0 {
			d.meta["_dd.p.tid"] = hex.EncodeToString(high)
		}
	}
	return d
}

// nanoseconds is a time that is no negative number and no overflow.
func nanoseconds(t time.Time) int64 {
	switch {
	case t.Unix() < 0:
		return 0
	case t.Unix() > math.MaxInt64/int64(time.Second)-1:
		return math.MaxInt64
	}
	return t.UnixNano()
}

// exact is the largest integer that a float64 can hold beside all smaller ones.
const exact = 1 << 53

// attribute puts numbers with the metrics and the rest with the meta, where numbers go too that would come out as
// others. A status is looked for as text.
func (d *span) attribute(a attribute.KeyValue) {
	key := string(a.Key)
	switch {
	case key == "service.name":
		d.service = a.Value.String()
		return
	case renamed[a.Key] != "":
		key = renamed[a.Key]
	case key == "error":
		key = "error.attribute" // the agent's own means that the span failed
	}
	delete(d.meta, key)
	delete(d.metrics, key)
	switch n := number(a.Value); {
	case key == "http.status_code" || math.IsNaN(n) || math.IsInf(n, 0):
		d.meta[key] = a.Value.String()
	default:
		d.metrics[key] = n
	}
}

// number is NaN for what is none, or none that a float64 can hold.
func number(v attribute.Value) float64 {
	switch v.Type() {
	case attribute.INT64:
		if n := v.AsInt64(); -exact <= n && n <= exact {
			return float64(n)
		}
	case attribute.FLOAT64:
		return v.AsFloat64()
	}
	return math.NaN()
}

// describe says what kind of work it was: GetOTelOperationNameV2, GetOTelSpanType and SpanKind of the agent.
func (d *span) describe(s sdktrace.ReadOnlySpan) {
	kind, database := s.SpanKind(), ""
	system := func(keys ...string) string {
		for _, key := range keys {
			if d.meta[key] != "" {
				return d.meta[key]
			}
		}
		return ""
	}
	if kind == trace.SpanKindClient {
		if database = system("db.system.name", "db.system"); database != "" {
			d.meta["db.system"] = database
		}
		if host := d.meta["http.server_name"]; host != "" {
			d.meta["peer.hostname"] = host
		}
	}
	d.typ, d.name = "custom", kind.String()
	rpc := system("rpc.system.name", "rpc.system")
	switch kind {
	case trace.SpanKindServer:
		d.typ, d.name = "web", "server.request"
		d.metrics["_top_level"] = 1
	case trace.SpanKindClient:
		d.typ, d.name = "http", "client.request"
		d.metrics["_dd.measured"] = 1
	case trace.SpanKindConsumer:
		d.typ = "queue"
		d.metrics["_top_level"] = 1
	case trace.SpanKindProducer:
		d.typ = "queue"
		d.metrics["_dd.measured"] = 1
	default:
		d.name = "internal"
	}
	if !s.Parent().SpanID().IsValid() {
		d.metrics["_top_level"] = 1
	}
	messages := d.meta["messaging.system"]
	switch request := kind == trace.SpanKindServer || kind == trace.SpanKindClient; {
	case request && d.meta["http.method"] != "":
		d.name = "http." + d.name
	case database != "":
		d.typ, d.name = databaseType(database), name(database)+".query"
	case request && rpc != "":
		d.name = name(rpc) + "." + d.name
	case messages != "":
		d.name = name(messages) + "." + cmp.Or(name(d.meta["messaging.operation.name"]), d.name)
	}
	if kind >= trace.SpanKindInternal && kind <= trace.SpanKindConsumer {
		d.meta["span.kind"] = kind.String()
	}
	d.resource = s.Name()
	if query := d.meta["db.query.text"]; database != "" && query != "" {
		d.resource = query // the agent obfuscates it once more
	}
}

// databaseType is the type for which the UI has a look of its own: types.go of Datadog's libraries, as checkDBType of
// the agent chooses them.
func databaseType(system string) string {
	switch system {
	case "redis", "memcached", "cassandra", "mongodb", "elasticsearch", "opensearch":
		return system
	case "hive", "hbase", "neo4j", "couchbase", "couchdb", "azure.cosmosdb", "aws.dynamodb", "geode", "other_sql", "":
		return "db"
	}
	return "sql"
}

// name keeps of a word what a name of an operation may hold.
func name(word string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '.', r == '_':
			return r
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '_'
	}, word)
}

// fail is Status2Error of the agent.
func (d *span) fail(s sdktrace.ReadOnlySpan) {
	status := s.Status()
	if status.Code == codes.Unset {
		return
	}
	d.meta["otel.status_code"] = status.Code.String()
	if status.Code != codes.Error {
		return
	}
	d.error = 1
	if status.Description != "" {
		d.meta["otel.status_description"] = status.Description
	}
	for _, e := range s.Events() {
		if e.Name != "exception" {
			continue
		}
		for _, a := range e.Attributes {
			switch a.Key {
			case "exception.message":
				d.meta["error.msg"] = a.Value.String()
			case "exception.type":
				d.meta["error.type"] = a.Value.String()
			case "exception.stacktrace":
				d.meta["error.stack"] = a.Value.String()
			}
		}
	}
	if text := cmp.Or(d.meta["error.msg"], status.Description, d.meta["http.status_code"]); text != "" {
		d.meta["error.msg"] = text
	}
}

// context writes what belongs to no attribute, under the names that the agent's translation of OTLP gives it.
func (d *span) context(s sdktrace.ReadOnlySpan) {
	d.meta["otel.trace_id"] = s.SpanContext().TraceID().String()
	if scope := s.InstrumentationScope(); scope.Name != "" {
		d.meta["otel.library.name"], d.meta["otel.library.version"] = scope.Name, scope.Version
	}
	if state := s.SpanContext().TraceState().String(); state != "" {
		d.meta["w3c.tracestate"] = state
	}
	if events := s.Events(); len(events) > 0 {
		all := make([]event, 0, len(events))
		for _, e := range events {
			all = append(all, event{nanoseconds(e.Time), e.Name, values(e.Attributes)})
			if e.Name == "exception" {
				d.meta["_dd.span_events.has_exception"] = "true"
			}
		}
		d.meta["events"] = object(all)
	}
	if links := s.Links(); len(links) > 0 {
		all := make([]link, 0, len(links))
		for _, l := range links {
			if l.SpanContext.IsValid() {
				all = append(all, link{l.SpanContext.TraceID().String(), l.SpanContext.SpanID().String(),
					l.SpanContext.TraceState().String(), values(l.Attributes)})
			}
		}
		d.meta["_dd.span_links"] = object(all)
	}
}

// event and link are as MarshalEvents and MarshalLinks of the agent write them.
type event struct {
	Time       int64          `json:"time_unix_nano"`
	Name       string         `json:"name,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
}

type link struct {
	Trace      string         `json:"trace_id"`
	Span       string         `json:"span_id"`
	State      string         `json:"tracestate,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
}

func values(attributes []attribute.KeyValue) map[string]any {
	all := make(map[string]any, len(attributes))
	for _, a := range attributes {
		switch a.Value.Type() {
		case attribute.BOOL, attribute.INT64:
			all[string(a.Key)] = a.Value.AsInterface()
		default:
			all[string(a.Key)] = a.Value.String()
		}
	}
	return all
}

func object(v any) string {
	text, err := json.Marshal(v)
	if err != nil { // booleans, integers and strings always are JSON
		return "[]"
	}
	return string(text)
}
