package zipkin

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// span is Zipkin's (zipkin.io/zipkin-api, zipkin2-api.yaml, "Span"). Strings that are no UTF-8 become it when they are
// encoded.
type span struct {
	TraceID  string `json:"traceId"`
	ID       string `json:"id"`
	ParentID string `json:"parentId,omitempty"`
	Name     string `json:"name,omitempty"`
	Kind     string `json:"kind,omitempty"`
	// Timestamp and Duration are in microseconds; a duration is at least 1.
	Timestamp   int64             `json:"timestamp"`
	Duration    int64             `json:"duration"`
	Local       *endpoint         `json:"localEndpoint,omitempty"`
	Remote      *endpoint         `json:"remoteEndpoint,omitempty"`
	Annotations []annotation      `json:"annotations,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

type endpoint struct {
	ServiceName string `json:"serviceName,omitempty"`
	IPv4        string `json:"ipv4,omitempty"`
	IPv6        string `json:"ipv6,omitempty"`
	Port        int64  `json:"port,omitempty"`
}

type annotation struct {
	Timestamp int64  `json:"timestamp"`
	Value     string `json:"value"`
}

// Tags that the specification gives a meaning, and below those that only the Collector's translator does
// (opentelemetry-collector-contrib, pkg/translator/zipkin), as the specification leaves them open.
const (
	tagStatus       = "otel.status_code"
	tagError        = "error"
	tagScope        = "otel.scope.name"
	tagScopeVersion = "otel.scope.version"

	tagTraceState = "w3c.tracestate"
	tagLink       = "otlp.link." // and the link's number
)

const serviceName attribute.Key = "service.name"

func translate(s sdktrace.ReadOnlySpan) span {
	start, took := s.StartTime(), s.EndTime().Sub(s.StartTime())
	z := span{
		TraceID:   s.SpanContext().TraceID().String(),
		ID:        s.SpanContext().SpanID().String(),
		Name:      s.Name(),
		Kind:      kind(s.SpanKind()),
		Timestamp: max(start.UnixMicro(), 0),
		Duration:  max(int64(took/time.Microsecond), 1),
		Tags:      map[string]string{},
	}
	if s.Parent().SpanID().IsValid() {
		z.ParentID = s.Parent().SpanID().String()
	}
	for _, a := range s.Resource().Attributes() {
		if a.Key == serviceName {
			z.Local = &endpoint{ServiceName: a.Value.String()}
			continue
		}
		z.Tags[string(a.Key)] = a.Value.String()
	}
	for _, a := range s.Attributes() { // which win over the resource's
		z.Tags[string(a.Key)] = a.Value.String()
	}
	z.status(s.Status())
	z.context(s)
	for _, e := range s.Events() {
		at := e.Time.UnixMicro()
		if at <= 0 { // Zipkin refuses the whole batch
			at = max(z.Timestamp, 1)
		}
		z.Annotations = append(z.Annotations, annotation{Timestamp: at, Value: event(e)})
	}
	if k := s.SpanKind(); k == trace.SpanKindClient || k == trace.SpanKindProducer {
		z.Remote = remote(s.Attributes())
	}
	return z
}

// kind is Zipkin's; it has none for spans inside a service.
func kind(k trace.SpanKind) string {
	switch k {
	case trace.SpanKindServer, trace.SpanKindClient, trace.SpanKindProducer, trace.SpanKindConsumer:
		return strings.ToUpper(k.String())
	default:
		return ""
	}
}

// status writes the tags of the specification's "Status". A span's own "error" would mark what is no error.
func (z *span) status(s sdktrace.Status) {
	switch s.Code {
	case codes.Error:
		z.Tags[tagStatus], z.Tags[tagError] = "ERROR", s.Description
	case codes.Ok:
		z.Tags[tagStatus] = "OK"
		delete(z.Tags, tagError)
	default:
		delete(z.Tags, tagError)
	}
}

// context writes what belongs to no attribute.
func (z *span) context(s sdktrace.ReadOnlySpan) {
	if scope := s.InstrumentationScope(); scope.Name != "" {
		z.Tags[tagScope] = scope.Name
		if scope.Version != "" {
			z.Tags[tagScopeVersion] = scope.Version
		}
	}
	if state := s.SpanContext().TraceState().String(); state != "" {
		z.Tags[tagTraceState] = state
	}
	for i, l := range s.Links() {
		z.Tags[tagLink+strconv.Itoa(i)] = link(l)
	}
}

// link is the Collector's form. It takes the first bars for separators, and refuses the batch if that makes no sense.
func link(l sdktrace.Link) string {
	state := l.SpanContext.TraceState().String()
	if strings.Contains(state, "|") {
		state = ""
	}
	return fmt.Sprintf("%s|%s|%s|%s|%d", l.SpanContext.TraceID(), l.SpanContext.SpanID(), state, object(l.Attributes),
		l.DroppedAttributeCount)
}

// bar is how a JSON string can hold one without showing it.
const bar = `\u007c`

// event is "name": {attributes}, or the name alone. The Collector takes a text with two bars for something else, and
// refuses the batch if it is not: so there are none.
func event(e sdktrace.Event) string {
	if len(e.Attributes) == 0 && !strings.Contains(e.Name, "|") {
		return e.Name
	}
	name, err := json.Marshal(e.Name)
	if err != nil { // a string always is JSON
		return ""
	}
	if len(e.Attributes) > 0 {
		name = append(append(name, ": "...), object(e.Attributes)...)
	}
	return strings.ReplaceAll(string(name), "|", bar)
}

// object is the attributes as a JSON object.
func object(attributes []attribute.KeyValue) []byte {
	fields := make(map[string]any, len(attributes))
	for _, a := range attributes {
		switch a.Value.Type() {
		case attribute.BOOL, attribute.INT64:
			fields[string(a.Key)] = a.Value.AsInterface()
		default:
			fields[string(a.Key)] = a.Value.String()
		}
	}
	text, err := json.Marshal(fields)
	if err != nil { // booleans, integers and strings always are JSON
		return []byte("{}")
	}
	return text
}

// peers are the attributes that name the other end, the first of them first ("Remote endpoint" of the specification).
var peers = []struct{ name, port attribute.Key }{
	{name: "peer.service"},
	{name: "server.address"},
	{name: "network.peer.address", port: "network.peer.port"},
	{name: "db.namespace"},
}

// remote is the other end of a call, nil if nothing names it.
func remote(attributes []attribute.KeyValue) *endpoint {
	values := make(map[attribute.Key]attribute.Value, len(attributes))
	for _, a := range attributes {
		values[a.Key] = a.Value
	}
	for _, p := range peers {
		value, ok := values[p.name]
		if !ok || value.String() == "" {
			continue
		}
		if p.port == "" {
			return &endpoint{ServiceName: value.String()}
		}
		if address, err := netip.ParseAddr(value.String()); err == nil {
			return at(address.Unmap(), values[p.port].AsInt64())
		}
	}
	return nil
}

func at(address netip.Addr, port int64) *endpoint {
	e := &endpoint{}
	if address.Is4() {
		e.IPv4 = address.String()
	} else {
		e.IPv6 = address.WithZone("").String()
	}
	if 0 < port && port < 1<<16 {
		e.Port = port
	}
	return e
}
