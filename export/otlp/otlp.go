// Package otlp exports spans to an OpenTelemetry collector with the SDK's exporters, over gRPC or HTTP.
//
// Everything is set by the OTEL_EXPORTER_OTLP_* variables. The SDK passes over values that it cannot use and goes on
// with its defaults; this package checks them first, so that a wrong value is an error and not a surprise.
package otlp

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// How often and how long a batch is tried. The export's own time limit ends it too, whichever is first.
const (
	firstPause = 500 * time.Millisecond
	maxPause   = 5 * time.Second
	maxElapsed = 30 * time.Second
)

// Exporter sends spans to one collector.
type Exporter struct{ inner *otlptrace.Exporter }

var _ sdktrace.SpanExporter = (*Exporter)(nil)

// New makes the exporter that the environment describes. It does not wait for the collector, which may be down.
func New(ctx context.Context) (*Exporter, error) {
	protocol, err := checkEnvironment()
	if err != nil {
		return nil, err
	}
	var client otlptrace.Client
	if protocol == protocolGRPC {
		client = otlptracegrpc.NewClient(otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{
			Enabled: true, InitialInterval: firstPause, MaxInterval: maxPause, MaxElapsedTime: maxElapsed,
		}))
	} else {
		client = otlptracehttp.NewClient(otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: firstPause, MaxInterval: maxPause, MaxElapsedTime: maxElapsed,
		}))
	}
	inner, err := otlptrace.New(ctx, utf8Client{client})
	if err != nil {
		return nil, fmt.Errorf("setting up OTLP over %s: %w", protocol, err)
	}
	return &Exporter{inner: inner}, nil
}

// ExportSpans sends one batch and returns a *Error when not all of it was accepted.
func (e *Exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	started := time.Now()
	pause := firstPause
	for {
		err := e.inner.ExportSpans(ctx, spans)
		if err == nil {
			return nil
		}
		if !neverSent(err) || time.Since(started)+pause > maxElapsed || !wait(ctx, pause) {
			return describe(err)
		}
		pause = min(2*pause, maxPause)
	}
}

// wait returns false if ctx ends first.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Shutdown closes the connection to the collector.
func (e *Exporter) Shutdown(ctx context.Context) error {
	if err := e.inner.Shutdown(ctx); err != nil {
		return fmt.Errorf("closing the connection to the collector: %w", err)
	}
	return nil
}
