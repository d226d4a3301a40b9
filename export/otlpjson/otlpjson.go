// Package otlpjson prints spans, one a line.
package otlpjson

import (
	"context"
	"io"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Exporter prints traces.
type Exporter struct{ w io.Writer }

// New makes an exporter that prints to w.
func New(w io.Writer) *Exporter { return &Exporter{w: w} }

// ExportSpans prints the spans, a trace at a time.
func (e *Exporter) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	for _, s := range spans {
		if _, err := io.WriteString(e.w, s.Name()+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// Shutdown does nothing: each trace is written at once.
func (*Exporter) Shutdown(context.Context) error { return nil }
