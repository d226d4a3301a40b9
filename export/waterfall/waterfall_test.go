package waterfall

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/throughline/throughline/export/internal/sampletrace"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	time.Local = time.UTC
	flag.Parse()
	os.Exit(m.Run())
}

func render(t testing.TB, spans []sampletrace.Span, width int, color bool) string {
	t.Helper()
	var out bytes.Buffer
	exporter := New(&out, Config{Width: func() int { return width }, Color: color})
	if err := exporter.ExportSpans(t.Context(), sampletrace.Snapshots(spans)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update writes it anew)\n--- want\n%s--- got\n%s", name, want, got)
	}
}

func TestGolden(t *testing.T) {
	f := func(name string, spans []sampletrace.Span, width int, color bool) {
		t.Helper()
		golden(t, name, render(t, spans, width, color))
	}
	f("checkout.txt", sampletrace.Checkout(), 100, false)
	f("checkout_color.txt", sampletrace.Checkout(), 100, true)
	f("checkout_60.txt", sampletrace.Checkout(), 60, false)
	f("checkout_140.txt", sampletrace.Checkout(), 140, false)
}
