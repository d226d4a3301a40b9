package spans

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/export/internal/sampletrace"
)

var update = flag.Bool("update", false, "write the golden file anew")

func TestGolden(t *testing.T) {
	spans := append(sampletrace.Checkout(),
		sampletrace.Span{Trace: 1, ID: 9, Service: "a service\x1b[2J", Kind: trace.SpanKindServer,
			Method: "GET", Path: "/\u202eevil \r\nSERVER"},
		sampletrace.Span{Trace: 1, ID: 10, Service: "", Kind: trace.SpanKindConsumer, Method: "take a job"})
	var out bytes.Buffer
	if err := New(&out).ExportSpans(t.Context(), sampletrace.Snapshots(spans)); err != nil {
		t.Fatal(err)
	}
	const path = "testdata/spans.txt"
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("%s differs (-update writes it anew)\n--- want\n%s--- got\n%s", path, want, &out)
	}
	for line := range strings.Lines(out.String()) {
		if columns := strings.Count(line, " ") + 1; columns != 11 {
			t.Errorf("%d columns in %q", columns, line)
		}
	}
}

func TestBrokenOutput(t *testing.T) {
	err := New(broken{}).ExportSpans(t.Context(), sampletrace.Snapshots(sampletrace.Checkout()))
	if !errors.Is(err, errBroken) {
		t.Errorf("error is %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }
