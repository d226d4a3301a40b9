// Package otlpjson writes spans in the OTLP file format: one TracesData object in JSON a line.
//
// The JSON is that of OTLP, which is Protobuf's but for two things: trace and span ids are in hexadecimal, and enums
// are numbers.
package otlpjson

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// New makes an exporter that writes one line to w for each batch, with one write. The SDK turns the spans into OTLP's
// messages.
func New(w io.Writer) sdktrace.SpanExporter {
	return &exporter{otlptrace.NewUnstarted(&file{w: w})}
}

// exporter is the SDK's without its need to be started.
type exporter struct{ *otlptrace.Exporter }

// Shutdown does nothing: every batch is written at once.
func (*exporter) Shutdown(context.Context) error { return nil }

// file is where the SDK's exporter sends to.
type file struct {
	w    io.Writer
	line []byte
}

var _ otlptrace.Client = (*file)(nil)

// Start does nothing.
func (*file) Start(context.Context) error { return nil }

// Stop does nothing.
func (*file) Stop(context.Context) error { return nil }

// UploadTraces writes the line. It is not called twice at the same time.
func (f *file) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) error {
	slices.SortFunc(spans, func(a, b *tracepb.ResourceSpans) int { // the SDK's order is that of a map
		return bytes.Compare(firstID(a), firstID(b))
	})
	f.line = append(appendTracesData(f.line[:0], spans), '\n')
	if _, err := f.w.Write(f.line); err != nil {
		return fmt.Errorf("writing OTLP JSON: %w", err)
	}
	return nil
}

// firstID is the id of the first span.
func firstID(rs *tracepb.ResourceSpans) []byte {
	for _, ss := range rs.GetScopeSpans() {
		for _, span := range ss.GetSpans() {
			return span.GetSpanId()
		}
	}
	return nil
}
