// Package chrome writes spans as a trace for chrome://tracing and ui.perfetto.dev, in the array form of the Trace Event
// Format (docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU, "JSON Array Format"): a service's
// process is a process, its spans are slices, and an arrow goes from each call to what it caused.
//
// The array form needs no closing bracket: a file that was cut can be opened.
package chrome

import (
	"bytes"
	"context"
	"fmt"
	"io"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/internal/failure"
	"github.com/throughline/throughline/export/internal/rotate"
	"github.com/throughline/throughline/internal/destination"
)

// Keys are the settings that the exporter knows.
func Keys() []string { return rotate.Keys() }

// Exporter writes a batch at a time.
type Exporter struct {
	w       io.Writer
	file    *rotate.File // what w is, or nil
	picture *picture
}

var _ sdktrace.SpanExporter = (*Exporter)(nil)

// New makes an exporter that writes to the file of the settings, or to out if they name none. A file that is there
// already is put aside.
func New(out io.Writer, s destination.Settings) (*Exporter, error) {
	if s.Path == "" {
		if s.MaxBytes != 0 || s.MaxFiles != 0 {
			return nil, fmt.Errorf("max_bytes and max_files are of a file, and no path is set")
		}
		return &Exporter{w: out, picture: newPicture()}, nil
	}
	file, err := rotate.Open(s)
	if err != nil {
		return nil, err
	}
	if file.Size() > 0 {
		if err := file.Next(); err != nil {
			return nil, err
		}
	}
	return &Exporter{w: file, file: file, picture: newPicture()}, nil
}

// ExportSpans writes the spans, and what of their processes was not written before, with one write.
func (e *Exporter) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	before := e.picture.empty
	text := e.picture.draw(spans)
	if e.file != nil && !e.file.Fits(len(text)+len(end)) {
		if err := e.begin(); err != nil {
			return failure.OfFile(fmt.Errorf("writing the trace: %w", err))
		}
		before, text = true, e.picture.draw(spans)
	}
	if _, err := e.w.Write(text); err != nil {
		e.picture.empty = before
		e.picture.forget()
		if err = fmt.Errorf("writing the trace: %w", err); e.file != nil {
			return failure.OfFile(err)
		}
		return err
	}
	return nil
}

// end closes the array.
var end = []byte("\n]\n")

// begin ends the file and begins another, in which nothing is known yet.
func (e *Exporter) begin() error {
	if !e.picture.empty {
		if _, err := e.w.Write(end); err != nil {
			return err
		}
	}
	e.picture = newPicture()
	return e.file.Next()
}

// Shutdown closes the array, and the file.
func (e *Exporter) Shutdown(context.Context) error {
	last := end
	if e.picture.empty {
		last = bytes.Join([][]byte{[]byte("["), end}, nil)
	}
	_, err := e.w.Write(last)
	if e.file != nil {
		if closing := e.file.Close(); err == nil {
			err = closing
		}
	}
	if err != nil {
		return fmt.Errorf("ending the trace: %w", err)
	}
	return nil
}
