// Package otlp exports spans to an OpenTelemetry collector with the SDK's exporters, over gRPC or HTTP.
//
// The clients, with their connections, TLS, headers and compression, are the SDK's. What they send in Protobuf is encoded
// by otlpwire: the SDK's way of encoding would be half of what a span costs the agent. A batch is sent once; whether and
// when it may be sent again is said by the error.
//
// Everything is set by the OTEL_EXPORTER_OTLP_* variables and, below them, the configuration file. The SDK passes over
// values that it cannot use and goes on with its defaults; this package checks them first, so that a wrong value is an
// error and not a surprise.
package otlp

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/throughline/throughline/export/internal/otlpwire"
	"github.com/throughline/throughline/internal/destination"
)

// maxReconnect is the longest pause between two attempts to connect over gRPC, so that a collector that is back after an
// outage is found within that time. gRPC's own is 2 min.
const maxReconnect = 5 * time.Second

// maxKept bounds the memory for encoding that is kept from one batch to the next, in bytes. 2048 spans take 0.5 MiB.
const maxKept = 2 << 20

// Exporter sends spans to one collector. Batches come one after another, as the SDK promises to exporters.
type Exporter struct {
	client otlptrace.Client
	inner  *otlptrace.Exporter // starts and stops the client; sends JSON, which is made of the SDK's messages
	json   bool
	notes  *noting // what the receiver answers; nil over gRPC, whose errors tell
	memory []byte  // for encoding a batch; free when none is being sent
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
	e := &Exporter{json: protocol == protocolJSON}
	if protocol == protocolGRPC {
		pauses := backoff.DefaultConfig
		pauses.MaxDelay = maxReconnect
		e.client = otlptracegrpc.NewClient(append(grpcOptions(s, config), otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{}),
			otlptracegrpc.WithDialOption(grpc.WithConnectParams(
				grpc.ConnectParams{Backoff: pauses, MinConnectTimeout: maxReconnect})))...)
	} else {
		var client *http.Client
		if client, e.notes, err = newHTTPClient(config, s.Timeout); err != nil {
			return nil, err
		}
		e.client = otlptracehttp.NewClient(append(httpOptions(protocol, s), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}),
			otlptracehttp.WithHTTPClient(client))...)
	}
	if e.inner, err = otlptrace.New(ctx, e.client); err != nil {
		return nil, fmt.Errorf("setting up OTLP over %s: %w", protocol, err)
	}
	return e, nil
}

// ExportSpans sends one batch and returns a *failure.Error when not all of it was accepted.
func (e *Exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if e.json {
		return e.settle(e.inner.ExportSpans(ctx, spans))
	}
	messages, memory := otlpwire.Messages(e.memory[:0], spans)
	if cap(memory) > maxKept {
		memory = nil
	}
	e.memory = memory
	if len(messages) == 0 {
		return nil
	}
	// The clients encode the request before they send it, and are done with the messages when they return.
	return e.settle(e.client.UploadTraces(ctx, messages))
}

// settle makes a *failure.Error of the SDK's error, if there is one.
func (e *Exporter) settle(err error) error {
	var said *answer
	if e.notes != nil {
		said = e.notes.take()
	}
	if err == nil {
		return nil
	}
	return describe(err, said)
}

// Shutdown closes the connection to the collector.
func (e *Exporter) Shutdown(ctx context.Context) error {
	if err := e.inner.Shutdown(ctx); err != nil {
		return fmt.Errorf("closing the connection to the collector: %w", err)
	}
	return nil
}
