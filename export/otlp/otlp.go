// Package otlp exports spans to an OpenTelemetry collector with the SDK's exporters, over gRPC or HTTP.
//
// The clients, with their connections, TLS, headers, compression and retries, are the SDK's. What they send in
// Protobuf is encoded here: the SDK's way of encoding would be half of what a span costs the agent.
//
// Everything is set by the OTEL_EXPORTER_OTLP_* variables and, below them, the configuration file. The SDK passes over
// values that it cannot use and goes on with its defaults; this package checks them first, so that a wrong value is an
// error and not a surprise.
package otlp

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/internal/destination"
)

// How often and how long a batch is tried. The export's own time limit ends it too, whichever is first.
const (
	firstPause = 500 * time.Millisecond
	maxPause   = 5 * time.Second
	maxElapsed = 30 * time.Second
)

// maxKept bounds the memory for encoding that is kept from one batch to the next, in bytes. 2048 spans take 0.5 MiB.
const maxKept = 2 << 20

// Exporter sends spans to one collector. Batches come one after another, as the SDK promises to exporters.
type Exporter struct {
	client otlptrace.Client
	inner  *otlptrace.Exporter // starts and stops the client; sends JSON, which is made of the SDK's messages
	json   bool
	memory []byte // for encoding a batch; free when none is being sent
}

var _ sdktrace.SpanExporter = (*Exporter)(nil)

// New makes the exporter that the environment and, below it, the settings describe. It does not wait for the collector,
// which may be down.
func New(ctx context.Context, s destination.Settings) (*Exporter, error) {
	protocol, err := checkEnvironment(s)
	if err != nil {
		return nil, err
	}
	s = below(s)
	config, err := s.TLS.Config()
	if err != nil {
		return nil, err
	}
	var client otlptrace.Client
	if protocol == protocolGRPC {
		client = otlptracegrpc.NewClient(append(grpcOptions(s, config), otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{
			Enabled: true, InitialInterval: firstPause, MaxInterval: maxPause, MaxElapsedTime: maxElapsed,
		}))...)
	} else {
		client = otlptracehttp.NewClient(append(httpOptions(protocol, s, config), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: firstPause, MaxInterval: maxPause, MaxElapsedTime: maxElapsed,
		}))...)
	}
	inner, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("setting up OTLP over %s: %w", protocol, err)
	}
	return &Exporter{client: client, inner: inner, json: protocol == protocolJSON}, nil
}

// ExportSpans sends one batch and returns a *Error when not all of it was accepted.
func (e *Exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if e.json {
		return retry(ctx, func() error { return e.inner.ExportSpans(ctx, spans) })
	}
	messages, memory := encode(e.memory[:0], spans)
	if cap(memory) > maxKept {
		memory = nil
	}
	e.memory = memory
	if len(messages) == 0 {
		return nil
	}
	// The clients encode the request before they send it first, and are done with the messages when they return.
	return retry(ctx, func() error { return e.client.UploadTraces(ctx, messages) })
}

// retry calls send until the collector could be reached, and returns a *Error if it failed.
func retry(ctx context.Context, send func() error) error {
	started := time.Now()
	pause := firstPause
	for {
		err := send()
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
