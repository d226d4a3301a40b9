package otlpjsonfile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/goleak"

	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/internal/destination"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// numbered writes a line of 100 bytes a batch, with the batch's number.
func numbered(w io.Writer) sdktrace.SpanExporter { return &lines{w: w} }

type lines struct {
	sdktrace.SpanExporter
	w io.Writer
	n int
}

func (l *lines) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	l.n++
	_, err := fmt.Fprintf(l.w, "{\"n\":%d,\"pad\":%q}\n", l.n, strings.Repeat("x", 87-len(fmt.Sprint(l.n))))
	return err
}

func open(t *testing.T, s destination.Settings) *Exporter {
	t.Helper()
	e, err := New(s, numbered)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func write(t *testing.T, e *Exporter, n int) {
	t.Helper()
	for range n {
		if err := e.ExportSpans(t.Context(), sampletrace.Shop()); err != nil {
			t.Fatal(err)
		}
	}
}

// numbers are those of the lines in a file.
func numbers(t *testing.T, path string) (all []int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var read struct{ N int }
		if err := json.Unmarshal(line, &read); err != nil {
			t.Fatalf("%s: %v in %q", path, err, line)
		}
		all = append(all, read.N)
	}
	return all
}

// TestRotation: files hold whole lines, none is larger than it may be, the newest are kept, and a new exporter goes on.
func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spans.jsonl")
	settings := destination.Settings{Path: path, MaxBytes: 350, MaxFiles: 2}
	e := open(t, settings)
	write(t, e, 10) // 1-3, 4-6, 7-9, 10
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{path: "[10]", path + ".1": "[7 8 9]", path + ".2": "[4 5 6]"} {
		if got := fmt.Sprint(numbers(t, name)); got != want {
			t.Errorf("%s holds %s, want %s", name, got, want)
		}
	}
	if _, err := os.Stat(path + ".3"); err == nil {
		t.Error("a third file is kept")
	}
	e = open(t, settings)
	write(t, e, 1)
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(numbers(t, path)); got != "[10 1]" {
		t.Errorf("the file holds %s", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestLongLine: one that is larger than a file is in a file of its own.
func TestLongLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spans.jsonl")
	e := open(t, destination.Settings{Path: path, MaxBytes: 10, MaxFiles: 9})
	write(t, e, 3)
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(numbers(t, path), numbers(t, path+".1"), numbers(t, path+".2")); got != "[3] [2] [1]" {
		t.Errorf("the files hold %s", got)
	}
}

// TestDirectoryGone: spans are written again once the directory is there, and may be sent again until then.
func TestDirectoryGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spans")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "spans.jsonl")
	e := open(t, destination.Settings{Path: path, MaxBytes: 150})
	defer e.Shutdown(t.Context())
	write(t, e, 1)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	err := e.ExportSpans(t.Context(), sampletrace.Shop()) // wants another file
	var known interface {
		RetryAfter() (time.Duration, bool)
	}
	if !errors.As(err, &known) {
		t.Fatalf("error is %v", err)
	}
	if _, again := known.RetryAfter(); !again {
		t.Error("the batch is given up")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, e, 1)
	if got := fmt.Sprint(numbers(t, path)); got != "[3]" {
		t.Errorf("the file holds %s", got)
	}
}

func TestBadPaths(t *testing.T) {
	for _, path := range []string{"", t.TempDir(), filepath.Join(t.TempDir(), "absent", "spans.jsonl")} {
		if _, err := New(destination.Settings{Path: path}, numbered); err == nil {
			t.Errorf("%q is opened", path)
		}
	}
}
