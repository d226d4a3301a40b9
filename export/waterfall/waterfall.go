// Package waterfall prints each trace as a tree of its spans, with bars on one time line.
package waterfall

import (
	"bytes"
	"context"
	"fmt"
	"io"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Config says what the output can show.
type Config struct {
	// Width gives the number of columns; it is asked for each trace, since people resize their windows.
	Width func() int
	// Color allows terminal escapes.
	Color bool
}

// Exporter prints traces.
type Exporter struct {
	w      io.Writer
	config Config
	buffer bytes.Buffer
}

var _ sdktrace.SpanExporter = (*Exporter)(nil)

// New makes an exporter that prints to w.
func New(w io.Writer, config Config) *Exporter { return &Exporter{w: w, config: config} }

// ExportSpans prints the spans, each trace among them on its own, with one write. It is not called twice at the same
// time.
func (e *Exporter) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	e.buffer.Reset()
	width := min(max(e.config.Width(), 1), maxWidth)
	for _, group := range byTrace(spans) {
		page := page{out: &e.buffer, color: e.config.Color, width: width}
		page.print(plant(group))
	}
	if _, err := e.w.Write(e.buffer.Bytes()); err != nil {
		return fmt.Errorf("printing %d spans: %w", len(spans), err)
	}
	return nil
}

// Shutdown does nothing: every trace is written at once.
func (*Exporter) Shutdown(context.Context) error { return nil }

// byTrace parts the spans by their trace, in order of appearance.
func byTrace(spans []sdktrace.ReadOnlySpan) [][]sdktrace.ReadOnlySpan {
	var groups [][]sdktrace.ReadOnlySpan
	at := map[trace.TraceID]int{}
	for _, span := range spans {
		id := span.SpanContext().TraceID()
		i, ok := at[id]
		if !ok {
			i = len(groups)
			at[id] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], span)
	}
	return groups
}
