// Package datadog exports spans to a Datadog agent's intake for traces, version 0.4, as the agent itself translates what
// it receives by OTLP (github.com/DataDog/datadog-agent, pkg/trace/transform), so that the same service looks the same
// in its UI whichever way its spans came.
package datadog

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/internal/post"
	"github.com/throughline/throughline/internal/buildinfo"
	"github.com/throughline/throughline/internal/destination"
)

// The variables that Datadog's own libraries read (docs.datadoghq.com/tracing/trace_collection/library_config).
const (
	envURL  = "DD_TRACE_AGENT_URL"
	envHost = "DD_AGENT_HOST"
	envPort = "DD_TRACE_AGENT_PORT"
)

const (
	defaultHost = "localhost"
	defaultPort = "8126"
	tracesPath  = "/v0.4/traces"
)

// Keys are the settings that the exporter knows. The agent takes no compressed requests.
func Keys() []string {
	var all []string
	for _, key := range post.Keys() {
		if key != "compression" {
			all = append(all, key)
		}
	}
	return all
}

// Exporter posts a batch at a time.
type Exporter struct{ client *post.Client }

var _ sdktrace.SpanExporter = (*Exporter)(nil)

// New makes the exporter that the environment and, below it, the settings describe.
func New(s destination.Settings) (*Exporter, error) {
	to, err := endpoint(s)
	if err != nil {
		return nil, err
	}
	client, err := post.New(s, http.MethodPut, to)
	if err != nil {
		return nil, err
	}
	return &Exporter{client: client}, nil
}

// endpoint is a URL, of HTTP or of a socket such as unix:///var/run/datadog/apm.socket, with the intake's path.
func endpoint(s destination.Settings) (*url.URL, error) {
	value, host, port := env(envURL), env(envHost), env(envPort)
	if value == "" && (host != "" || port != "") {
		value = "http://" + net.JoinHostPort(cmp.Or(host, defaultHost), cmp.Or(port, defaultPort))
	}
	value = cmp.Or(value, s.Endpoint, "http://"+net.JoinHostPort(defaultHost, defaultPort))
	if socket, ok := strings.CutPrefix(value, "unix://"); ok {
		if !strings.HasPrefix(socket, "/") {
			return nil, fmt.Errorf("endpoint %q names no socket; write unix:///var/run/datadog/apm.socket", value)
		}
		return &url.URL{Scheme: "unix", Host: socket, Path: tracesPath}, nil
	}
	to, err := destination.WebURL(value, "http://localhost:8126")
	if err != nil {
		return nil, err
	}
	if to.Path == "" || to.Path == "/" {
		to.Path = tracesPath
	}
	return to, nil
}

func env(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// ExportSpans puts one batch, once, and returns a *failure.Error if it was not accepted.
func (e *Exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	traces := byTrace(spans)
	_, err := e.client.Post(ctx, encode(traces), map[string]string{
		"Content-Type":                      "application/msgpack",
		"X-Datadog-Trace-Count":             strconv.Itoa(len(traces)),
		"Datadog-Meta-Tracer-Version":       "throughline-" + buildinfo.Version,
		"Datadog-Client-Computed-Top-Level": "yes", // a batch need not hold the parents that the agent would look for
	})
	return err
}

// Shutdown closes the connection.
func (e *Exporter) Shutdown(context.Context) error {
	e.client.Close()
	return nil
}
