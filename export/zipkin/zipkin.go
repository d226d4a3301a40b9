// Package zipkin exports spans to a Zipkin server in its JSON, version 2, as the OpenTelemetry specification maps them
// (opentelemetry.io/docs/specs/otel/trace/sdk_exporters/zipkin).
//
// The SDK's own exporter is deprecated and ends in early 2027. One span that ends before it starts is enough for it to
// lose the batch.
package zipkin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/internal/failure"
	"github.com/throughline/throughline/export/internal/post"
	"github.com/throughline/throughline/internal/destination"
)

// The variables of the specification.
const (
	envEndpoint = "OTEL_EXPORTER_ZIPKIN_ENDPOINT"
	envTimeout  = "OTEL_EXPORTER_ZIPKIN_TIMEOUT"
)

// defaultEndpoint is where a Zipkin server listens.
const defaultEndpoint = "http://localhost:9411/api/v2/spans"

// Keys are the settings that the exporter knows.
func Keys() []string { return post.Keys() }

// Exporter posts a batch at a time.
type Exporter struct{ client *post.Client }

var _ sdktrace.SpanExporter = (*Exporter)(nil)

// New makes the exporter that the environment and, below it, the settings describe.
func New(s destination.Settings) (*Exporter, error) {
	to, err := post.Endpoint(defaultEndpoint, post.Named{Name: envEndpoint, Value: os.Getenv(envEndpoint)},
		post.Named{Name: "endpoint", Value: s.Endpoint})
	if err != nil {
		return nil, err
	}
	if s.Timeout, err = post.Timeout(envTimeout, s); err != nil {
		return nil, err
	}
	client, err := post.New(s, http.MethodPost, to)
	if err != nil {
		return nil, err
	}
	return &Exporter{client: client}, nil
}

// ExportSpans posts one batch, once, and returns a *failure.Error if it was not accepted.
func (e *Exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	all := make([]span, 0, len(spans))
	for _, s := range spans {
		all = append(all, translate(s))
	}
	body, err := json.Marshal(all)
	if err != nil {
		return failure.New(failure.Failed, failure.All, fmt.Errorf("encoding %d spans: %w", len(spans), err))
	}
	_, err = e.client.Post(ctx, body, map[string]string{"Content-Type": "application/json"})
	return err
}

// Shutdown closes the connection.
func (e *Exporter) Shutdown(context.Context) error {
	e.client.Close()
	return nil
}
