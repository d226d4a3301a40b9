// Package otlpjsonfile writes spans into a file in the OTLP file format
// (opentelemetry.io/docs/specs/otel/protocol/file-exporter): an object of OTLP JSON a line. The file is put aside when it
// has grown.
package otlpjsonfile

import (
	"context"
	"io"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/internal/failure"
	"github.com/throughline/throughline/export/internal/rotate"
	"github.com/throughline/throughline/internal/destination"
)

// Keys are the settings that the exporter knows.
func Keys() []string { return rotate.Keys() }

// Exporter writes a line a batch.
type Exporter struct {
	file  *rotate.File
	lines sdktrace.SpanExporter
}

var _ sdktrace.SpanExporter = (*Exporter)(nil)

// New makes the exporter that the settings describe. lines makes one that writes each batch, as a line, with one call of
// Write.
func New(s destination.Settings, lines func(io.Writer) sdktrace.SpanExporter) (*Exporter, error) {
	file, err := rotate.Open(s)
	if err != nil {
		return nil, err
	}
	return &Exporter{file: file, lines: lines(whole{file})}, nil
}

// whole keeps a line in one file.
type whole struct{ *rotate.File }

func (w whole) Write(line []byte) (int, error) {
	if !w.Fits(len(line)) {
		if err := w.Next(); err != nil {
			return 0, err
		}
	}
	return w.File.Write(line)
}

// ExportSpans writes one line. A full disk may have room again: the batch may be written again.
func (e *Exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.lines.ExportSpans(ctx, spans); err != nil {
		return failure.OfFile(err)
	}
	return nil
}

// Shutdown closes the file.
func (e *Exporter) Shutdown(context.Context) error { return e.file.Close() }
