// Package spanview reads from a span what a person wants to see of it, whatever protocol it came from.
package spanview

import (
	"net"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// The attributes looked at, as the semantic conventions name them.
const (
	serviceName   attribute.Key = "service.name"
	processPID    attribute.Key = "process.pid"
	requestMethod attribute.Key = "http.request.method"
	urlPath       attribute.Key = "url.path"
	urlFull       attribute.Key = "url.full"
	serverAddress attribute.Key = "server.address"
	serverPort    attribute.Key = "server.port"
	errorType     attribute.Key = "error.type"

	// statusSuffix ends the names of all protocols' status attributes.
	statusSuffix = ".status_code"
)

// View is one span in words. The strings are as the traced programs sent them: clean them before printing.
type View struct {
	Service string
	PID     string
	Kind    trace.SpanKind
	// Method and Path are the request's own; for a span that has none, Method is the span's name.
	Method, Path string
	// Status is the response's status code in its protocol, "" if there was no response.
	Status string
	// Failed spans have an error as their status; ErrorType says which, if that is known.
	Failed    bool
	ErrorType string
	// Peer is the server's address, and its port if known, as the span's process sees it.
	Peer       string
	Start, End time.Time
	Trace      trace.TraceID
	ID, Parent trace.SpanID
}

// Of reads a span.
func Of(span sdktrace.ReadOnlySpan) View {
	v := View{
		Kind:   span.SpanKind(),
		Failed: span.Status().Code == codes.Error,
		Start:  span.StartTime(),
		End:    span.EndTime(),
		Trace:  span.SpanContext().TraceID(),
		ID:     span.SpanContext().SpanID(),
		Parent: span.Parent().SpanID(),
	}
	v.resource(span)
	v.attributes(span)
	return v
}

// Duration is the time from start to end.
func (v *View) Duration() time.Duration { return v.End.Sub(v.Start) }

// Label is method and path, or the span's name.
func (v *View) Label() string {
	if v.Path == "" {
		return v.Method
	}
	return v.Method + " " + v.Path
}

func (v *View) resource(span sdktrace.ReadOnlySpan) {
	resource := span.Resource()
	if resource == nil {
		return
	}
	if value, ok := resource.Set().Value(serviceName); ok {
		v.Service = value.Emit()
	}
	if value, ok := resource.Set().Value(processPID); ok {
		v.PID = value.Emit()
	}
}

func (v *View) attributes(span sdktrace.ReadOnlySpan) {
	var method, full, port string
	for _, a := range span.Attributes() {
		switch a.Key {
		case requestMethod:
			method = a.Value.Emit()
		case urlPath:
			v.Path = a.Value.Emit()
		case urlFull:
			full = a.Value.Emit()
		case serverAddress:
			v.Peer = a.Value.Emit()
		case serverPort:
			port = a.Value.Emit()
		case errorType:
			v.ErrorType = a.Value.Emit()
		default:
			if v.Status == "" && strings.HasSuffix(string(a.Key), statusSuffix) {
				v.Status = a.Value.Emit()
			}
		}
	}
	if v.Path == "" && full != "" {
		v.Path = pathOf(full)
	}
	v.Method = span.Name()
	if v.Path != "" && method != "" {
		v.Method = method
	}
	if v.Peer != "" && port != "" {
		v.Peer = net.JoinHostPort(v.Peer, port)
	}
}

// pathOf is the path of a full URL, or "" if it is none.
func pathOf(full string) string {
	u, err := url.Parse(full)
	if err != nil {
		return ""
	}
	return u.EscapedPath()
}
