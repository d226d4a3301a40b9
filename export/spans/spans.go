// Package spans prints one line a span, for eyes and for grep and awk. The columns have one space between them and
// hold none; one without a value is "-":
//
//	time service pid kind method path status duration trace span parent
//
// Status is the response's status code, or the error type where no response came.
package spans

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/export/spanview"
	"github.com/throughline/throughline/export/text"
)

// timeLayout is RFC 3339 in UTC with as many digits on every line.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Exporter prints spans.
type Exporter struct {
	w      io.Writer
	buffer bytes.Buffer
}

var _ sdktrace.SpanExporter = (*Exporter)(nil)

// New makes an exporter that prints to w.
func New(w io.Writer) *Exporter { return &Exporter{w: w} }

// ExportSpans prints the spans with one write. It is not called twice at the same time.
func (e *Exporter) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	e.buffer.Reset()
	for _, span := range spans {
		e.line(spanview.Of(span))
	}
	if _, err := e.w.Write(e.buffer.Bytes()); err != nil {
		return fmt.Errorf("printing %d spans: %w", len(spans), err)
	}
	return nil
}

func (e *Exporter) line(v spanview.View) {
	parent := "-"
	if v.Parent.IsValid() {
		parent = v.Parent.String()
	}
	for i, column := range [...]string{
		v.Start.UTC().Format(timeLayout),
		text.Field(v.Service),
		text.Field(v.PID),
		kind(v.Kind),
		text.Field(v.Method),
		text.Field(v.Path),
		status(v),
		milliseconds(v.Duration()),
		v.Trace.String(),
		v.ID.String(),
		parent,
	} {
		if i > 0 {
			e.buffer.WriteByte(' ')
		}
		e.buffer.WriteString(column)
	}
	e.buffer.WriteByte('\n')
}

// kind is the kind's name in OTLP.
func kind(k trace.SpanKind) string {
	switch k {
	case trace.SpanKindServer:
		return "SERVER"
	case trace.SpanKindClient:
		return "CLIENT"
	case trace.SpanKindProducer:
		return "PRODUCER"
	case trace.SpanKindConsumer:
		return "CONSUMER"
	default:
		return "INTERNAL"
	}
}

// status is what came of the request.
func status(v spanview.View) string {
	if v.Status == "" && v.Failed {
		return text.Field(cmp.Or(v.ErrorType, "error"))
	}
	return text.Field(v.Status)
}

// milliseconds always has the same unit and number of decimals, so that the column sorts.
func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 3, 64) + "ms"
}

// Shutdown does nothing: every batch is written at once.
func (*Exporter) Shutdown(context.Context) error { return nil }
