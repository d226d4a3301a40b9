package xray

import (
	"cmp"
	"encoding/json"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/internal/buildinfo"
)

// segment is a document (docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html). Strings that are no
// UTF-8 become it when they are encoded.
type segment struct {
	Name        string                    `json:"name"`
	ID          string                    `json:"id"`
	TraceID     string                    `json:"trace_id"`
	ParentID    string                    `json:"parent_id,omitempty"`
	Type        string                    `json:"type,omitempty"`      // "subsegment"
	Namespace   string                    `json:"namespace,omitempty"` // "remote", of a call
	Start       seconds                   `json:"start_time"`
	End         seconds                   `json:"end_time"`
	Fault       bool                      `json:"fault,omitempty"`    // 5xx, or any failure without a status
	Error       bool                      `json:"error,omitempty"`    // 4xx
	Throttle    bool                      `json:"throttle,omitempty"` // 429
	Cause       *cause                    `json:"cause,omitempty"`
	HTTP        *exchange                 `json:"http,omitempty"`
	SQL         *statement                `json:"sql,omitempty"`
	Service     *version                  `json:"service,omitempty"`
	AWS         map[string]any            `json:"aws,omitempty"`
	Annotations map[string]any            `json:"annotations,omitempty"`
	Metadata    map[string]map[string]any `json:"metadata,omitempty"`
	Links       []link                    `json:"links,omitempty"`
}

// seconds since 1970 with six decimals: more, a float64 would not keep.
type seconds int64

func (s seconds) MarshalJSON() ([]byte, error) {
	micros := strconv.FormatInt(int64(s), 10)
	micros = strings.Repeat("0", max(7-len(micros), 0)) + micros
	return []byte(micros[:len(micros)-6] + "." + micros[len(micros)-6:]), nil
}

func at(t time.Time) seconds { return seconds(max(t.UnixMicro(), 0)) }

type cause struct {
	Exceptions []exception `json:"exceptions"`
}

type exception struct {
	ID      string `json:"id"`
	Type    string `json:"type,omitempty"`
	Message string `json:"message,omitempty"`
	Remote  bool   `json:"remote,omitempty"`
}

type exchange struct {
	Request  *request  `json:"request,omitempty"`
	Response *response `json:"response,omitempty"`
}

type request struct {
	Method    string `json:"method,omitempty"`
	URL       string `json:"url,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	ClientIP  string `json:"client_ip,omitempty"`
}

type response struct {
	Status        int64 `json:"status,omitempty"`
	ContentLength int64 `json:"content_length,omitempty"`
}

type statement struct {
	URL            string `json:"url,omitempty"`
	DatabaseType   string `json:"database_type,omitempty"`
	SanitizedQuery string `json:"sanitized_query,omitempty"`
	User           string `json:"user,omitempty"`
}

type version struct {
	Version string `json:"version"`
}

type link struct {
	TraceID    string         `json:"trace_id"`
	ID         string         `json:"id"`
	Attributes map[string]any `json:"attributes,omitempty"`
}

// defaultIndexed are the attributes that become annotations, by which traces are found. They have few values: X-Ray
// indexes 50 annotations a trace.
var defaultIndexed = []string{"db.operation.name", "db.system.name", "deployment.environment.name", "error.type",
	"http.request.method", "http.route", "messaging.destination.name", "messaging.system", "rpc.method", "rpc.system.name"}

// traceID writes an id as X-Ray does: version, eight digits that were once the time, and the rest. Ids that hold no time,
// such as those of W3C Trace Context, X-Ray takes since October 2023 (same guide, "Generating trace IDs"), and the
// Collector's exporter sends them on so by default (exporter/awsxrayexporter, skipTimestampValidation).
func traceID(id trace.TraceID) string {
	text := id.String()
	return "1-" + text[:8] + "-" + text[8:]
}

// document is a span's segment, within the limit of size: what is too long is cut or left out from its metadata, which
// then says so. ok is false if the rest is still too large.
func (e *Exporter) document(s sdktrace.ReadOnlySpan) (text []byte, ok bool) {
	all := e.segment(s)
	for _, shorten := range []func(){
		func() {},
		func() { all.shorten() },
		func() {
			all.Metadata = map[string]map[string]any{"throughline": {"left_out": "metadata"}}
			all.Links = nil
		},
	} {
		shorten()
		text, err := json.Marshal(all)
		if err == nil && len(text) <= maxDocument {
			return text, true
		}
	}
	return nil, false
}

// maxValue is how long a value of the metadata of a document that is too large may be, in bytes.
const maxValue = 256

func (s *segment) shorten() {
	for _, mapping := range s.Metadata {
		for key, value := range mapping {
			switch v := value.(type) {
			case string:
				mapping[key] = v[:min(len(v), maxValue)]
			case json.RawMessage:
				mapping[key] = string(v[:min(len(v), maxValue)])
			}
		}
	}
	s.Metadata["throughline"] = map[string]any{"cut_at": maxValue}
}

// values are a span's attributes by name.
type values map[attribute.Key]attribute.Value

func (v values) text(keys ...attribute.Key) string {
	for _, key := range keys {
		if value, ok := v[key]; ok && value.String() != "" {
			return value.String()
		}
	}
	return ""
}

func (v values) number(key attribute.Key) int64 {
	if value := v[key]; value.Type() == attribute.INT64 {
		return value.AsInt64()
	}
	return 0
}

// segment translates a span. A served request is a segment, and so is whatever has no parent in its own process; the rest
// are subsegments, sent on their own.
func (e *Exporter) segment(s sdktrace.ReadOnlySpan) *segment {
	own, resource := values{}, values{}
	for _, a := range s.Attributes() {
		own[a.Key] = a.Value
	}
	for _, a := range s.Resource().Attributes() {
		resource[a.Key] = a.Value
	}
	id, parent := s.SpanContext(), s.Parent()
	x := &segment{ID: id.SpanID().String(), TraceID: traceID(id.TraceID()), Start: at(s.StartTime())}
	x.End = max(at(s.EndTime()), x.Start)
	x.Name = resource.text("service.name")
	if parent.SpanID().IsValid() {
		x.ParentID = parent.SpanID().String()
		if s.SpanKind() != trace.SpanKindServer && !parent.IsRemote() {
			x.Type, x.Name = "subsegment", subsegmentName(s, own)
		}
	}
	if k := s.SpanKind(); x.Type != "" && (k == trace.SpanKindClient || k == trace.SpanKindProducer) {
		x.Namespace = "remote"
	}
	x.Name = name(cmp.Or(x.Name, s.Name(), "unknown"))
	if v := resource.text("service.version"); v != "" && x.Type == "" {
		x.Service = &version{v}
	}
	x.AWS = map[string]any{"xray": map[string]any{"sdk": "throughline", "sdk_version": buildinfo.Version, "auto_instrumentation": true}}
	x.http(s, own)
	x.sql(own)
	x.outcome(s, own)
	e.describe(x, s)
	return x
}

// subsegmentName is whom was called, as the service map shows it, or what was done.
func subsegmentName(s sdktrace.ReadOnlySpan, own values) string {
	switch s.SpanKind() {
	case trace.SpanKindClient, trace.SpanKindProducer:
		server := own.text("server.address", "network.peer.address")
		if database := own.text("db.namespace"); database != "" && server != "" {
			return database + "@" + server
		}
		return cmp.Or(own.text("peer.service"), own.text("rpc.service"), server, own.text("messaging.system"), s.Name())
	}
	return s.Name()
}

// maxName is X-Ray's limit for a name.
const maxName = 200

// name keeps the characters that X-Ray takes in a name: letters, numbers, white space and a few others.
func name(s string) string {
	kept := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == ' ' || strings.ContainsRune(`_.:/%&#=+\-@`, r) {
			return r
		}
		return '_'
	}, strings.ToValidUTF8(s, "_"))
	if runes := []rune(kept); len(runes) > maxName {
		return string(runes[:maxName])
	}
	return kept
}

func (x *segment) http(s sdktrace.ReadOnlySpan, own values) {
	method := own.text("http.request.method")
	if method == "" {
		return
	}
	r := request{Method: own.text("http.request.method_original", "http.request.method"), URL: own.text("url.full"),
		UserAgent: own.text("user_agent.original")}
	if s.SpanKind() == trace.SpanKindServer {
		r.ClientIP = own.text("client.address")
		if r.URL == "" {
			r.URL = address(own)
		}
	}
	x.HTTP = &exchange{Request: &r}
	if status := own.number("http.response.status_code"); status != 0 {
		x.HTTP.Response = &response{Status: status, ContentLength: own.number("http.response.body.size")}
	}
}

// address is a served request's URL, as far as it is known.
func address(own values) string {
	u := url.URL{Path: own.text("url.path")}
	if host := own.text("server.address"); host != "" {
		u.Scheme, u.Host = cmp.Or(own.text("url.scheme"), "http"), hostPort(own, host)
	}
	return u.String()
}

func (x *segment) sql(own values) {
	system := own.text("db.system.name", "db.system")
	if system == "" || x.Type == "" {
		return
	}
	x.SQL = &statement{DatabaseType: system, SanitizedQuery: own.text("db.query.text"), User: own.text("db.user")}
	if host, database := own.text("server.address"), own.text("db.namespace"); host != "" && database != "" {
		x.SQL.URL = (&url.URL{Scheme: scheme(system), Host: hostPort(own, host), Path: database}).String()
	}
}

// scheme keeps what may stand before "://": X-Ray's url of a database is one.
func scheme(system string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(system))
}

func hostPort(own values, host string) string {
	if port := own.number("server.port"); port != 0 {
		return net.JoinHostPort(host, strconv.FormatInt(port, 10))
	}
	return host
}

// outcome says whose fault a failure was, by the status as the guide defines it.
func (x *segment) outcome(s sdktrace.ReadOnlySpan, own values) {
	status := own.number("http.response.status_code")
	failed := s.Status().Code == codes.Error
	switch {
	case status == 429:
		x.Error, x.Throttle = true, true
	case status >= 400 && status < 500:
		x.Error = true
	case status >= 500 || failed:
		x.Fault = true
	}
	if !failed {
		return
	}
	remote := x.Namespace == "remote"
	var all []exception
	for _, e := range s.Events() {
		if e.Name != "exception" {
			continue
		}
		its := values{}
		for _, a := range e.Attributes {
			its[a.Key] = a.Value
		}
		all = append(all, exception{Type: its.text("exception.type"), Message: its.text("exception.message"), Remote: remote})
	}
	if kind, message := own.text("error.type"), s.Status().Description; len(all) == 0 && kind+message != "" {
		all = append(all, exception{Type: kind, Message: message, Remote: remote})
	}
	for i := range all { // 16 digits that are unique within the trace
		id := s.SpanContext().SpanID()
		id[0] ^= byte(i + 1)
		all[i].ID = id.String()
	}
	if len(all) > 0 {
		x.Cause = &cause{all}
	}
}

// Namespaces of the metadata.
const (
	ofSpan     = "default" // where X-Ray's SDKs put attributes too
	ofResource = "resource"
	ofOTel     = "otel" // what of a span belongs to no attribute
)

// maxAnnotation is X-Ray's limit for a value, in characters.
const maxAnnotation = 1000

// describe puts every attribute with the annotations or into the metadata.
func (e *Exporter) describe(x *segment, s sdktrace.ReadOnlySpan) {
	x.Annotations, x.Metadata = map[string]any{}, map[string]map[string]any{ofSpan: {}, ofResource: {}, ofOTel: {}}
	for _, a := range s.Attributes() {
		e.put(x, ofSpan, a)
	}
	for _, a := range s.Resource().Attributes() {
		e.put(x, ofResource, a)
	}
	more := x.Metadata[ofOTel]
	more["name"], more["kind"] = s.Name(), s.SpanKind().String()
	if s.Status().Code != codes.Unset {
		more["status"] = strings.TrimSpace(s.Status().Code.String() + " " + s.Status().Description)
	}
	if scope := s.InstrumentationScope(); scope.Name != "" {
		more["scope"] = strings.TrimSpace(scope.Name + " " + scope.Version)
	}
	if state := s.SpanContext().TraceState().String(); state != "" {
		more["tracestate"] = state
	}
	if len(s.Events()) > 0 {
		var events []map[string]any
		for _, event := range s.Events() {
			events = append(events, map[string]any{"time": at(event.Time), "name": event.Name, "attributes": plain(event.Attributes)})
		}
		more["events"] = events
	}
	for _, l := range s.Links() {
		if l.SpanContext.IsValid() {
			x.Links = append(x.Links, link{traceID(l.SpanContext.TraceID()), l.SpanContext.SpanID().String(), plain(l.Attributes)})
		}
	}
}

func (e *Exporter) put(x *segment, namespace string, a attribute.KeyValue) {
	value := value(a.Value)
	text, isText := value.(string)
	if _, isList := value.(json.RawMessage); !e.indexed[string(a.Key)] || isList || isText && len([]rune(text)) > maxAnnotation {
		x.Metadata[namespace][string(a.Key)] = value
		return
	}
	x.Annotations[annotation(string(a.Key))] = value
}

// annotation keeps letters, digits and underscores: other characters hide an annotation from filters.
func annotation(key string) string {
	return strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '_'
	}, key)
}

func plain(attributes []attribute.KeyValue) map[string]any {
	all := make(map[string]any, len(attributes))
	for _, a := range attributes {
		all[string(a.Key)] = value(a.Value)
	}
	return all
}

// value is what JSON makes of one; what it has no word for is text.
func value(v attribute.Value) any {
	switch v.Type() {
	case attribute.BOOL, attribute.INT64:
		return v.AsInterface()
	case attribute.FLOAT64:
		if n := v.AsFloat64(); !math.IsNaN(n) && !math.IsInf(n, 0) {
			return n
		}
	case attribute.BOOLSLICE, attribute.INT64SLICE, attribute.FLOAT64SLICE, attribute.STRINGSLICE, attribute.SLICE, attribute.MAP:
		if list := []byte(v.String()); json.Valid(list) {
			return json.RawMessage(list)
		}
	}
	return v.String()
}
