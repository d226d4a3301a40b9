package waterfall

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/export/text"
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

// strange holds what no well-behaved program sends.
func strange() []sampletrace.Span {
	server, client := trace.SpanKindServer, trace.SpanKindClient
	return []sampletrace.Span{
		{ID: 2, Parent: 1, Service: "api", Kind: server, Method: "GET", Path: "/clock-skew", Status: 200,
			At: -2 * time.Millisecond, For: 4 * time.Millisecond},
		{ID: 1, Service: "日本語のサービス", Kind: client, Method: "GET", Path: "/検索/🙂", Status: 200, For: 5 * time.Millisecond},
		{ID: 3, Parent: 1, Service: "api", Kind: server, Method: "GET", Path: "/zero", Status: 200, At: time.Millisecond},
		{ID: 4, Parent: 99, Service: "worker", Kind: trace.SpanKindConsumer, Method: "GET", Path: "/orphan", Status: 200,
			At: 3 * time.Millisecond, For: time.Millisecond},
		{ID: 5, Parent: 98, Service: "worker", Kind: client, Method: "GET", Path: "/orphan/" + strings.Repeat("long/", 40),
			Error: "connection_reset", At: 3 * time.Millisecond, For: time.Millisecond, Peer: "db", Port: 1},
		{ID: 6, Parent: 7, Service: "loop", Method: "a", Status: 200},
		{ID: 7, Parent: 6, Service: "loop", Method: "b", Status: 200},
		{ID: 8, Parent: 8, Service: "loop", Method: "its own parent", Status: 200},
		{ID: 3, Parent: 1, Service: "api", Kind: server, Method: "GET", Path: "/same-id", Status: 200, At: time.Millisecond},
		{ID: 9, Parent: 3, Service: "\x1b[31mred\x1b[0m", Kind: server, Method: "GET\r\n", Path: "/\u202e\u009b2J\x00\xff", Status: 999},
	}
}

func TestStrange(t *testing.T) {
	golden(t, "strange.txt", render(t, strange(), 100, false))
	golden(t, "strange_40.txt", render(t, strange(), 40, false))
}

// TestNoLineIsWiderThanThePage holds for every width.
func TestNoLineIsWiderThanThePage(t *testing.T) {
	traces := [][]sampletrace.Span{sampletrace.Checkout(), strange(), many(300), deep(300)}
	for width := 1; width < 300; width += 1 + width/3 {
		for i, spans := range traces {
			checkPage(t, render(t, spans, width, false), width)
			plain, colored := render(t, spans, width, false), render(t, spans, width, true)
			if stripped := escapes.ReplaceAllString(colored, ""); trimmed(stripped) != trimmed(plain) {
				t.Fatalf("width %d, trace %d: colours change the text\n%s\n%s", width, i, plain, stripped)
			}
		}
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

var spaces = regexp.MustCompile(` +\n`)

func trimmed(s string) string { return spaces.ReplaceAllString(s, "\n") }

func checkPage(t *testing.T, page string, width int) {
	t.Helper()
	for row := range strings.Lines(page) {
		row = strings.TrimSuffix(row, "\n")
		if text.Clean(row) != row {
			t.Fatalf("width %d: line %q holds what a terminal would obey", width, row)
		}
		if got := text.Width(row); got > width {
			t.Fatalf("line of %d columns on a page of %d: %q", got, width, row)
		}
	}
}

// many is a trace with a root and many children.
func many(n int) []sampletrace.Span {
	spans := []sampletrace.Span{{ID: 1, Service: "root", Method: "GET", Path: "/", Status: 200, For: time.Second}}
	for i := range n {
		spans = append(spans, sampletrace.Span{ID: i + 2, Parent: 1, Service: fmt.Sprint("service-", i%13), Method: "GET",
			Path: "/" + strconv.Itoa(i), Status: 200, At: time.Duration(i) * time.Millisecond, For: time.Millisecond})
	}
	return spans
}

// deep is a trace in which every span has one child.
func deep(n int) []sampletrace.Span {
	var spans []sampletrace.Span
	for i := range n {
		spans = append(spans, sampletrace.Span{ID: i + 1, Parent: i, Service: "s", Method: "GET", Path: "/", For: time.Second})
	}
	return spans
}

func TestEverySpanHasALine(t *testing.T) {
	for name, spans := range map[string][]sampletrace.Span{
		"checkout": sampletrace.Checkout(), "strange": strange(), "many": many(500), "deep": deep(500),
	} {
		if lines := strings.Count(render(t, spans, 120, false), "\n") - 2; lines != len(spans) {
			t.Errorf("%s: %d lines for %d spans", name, lines, len(spans))
		}
	}
}

func TestSeveralTraces(t *testing.T) {
	spans := []sampletrace.Span{{Trace: 1, ID: 1, Method: "a"}, {Trace: 2, ID: 1, Method: "b"}, {Trace: 1, ID: 2, Parent: 1, Method: "c"}}
	if got := strings.Count(render(t, spans, 100, false), "trace "); got != 2 {
		t.Errorf("%d headers for 2 traces", got)
	}
}

func TestFormat(t *testing.T) {
	f := func(d time.Duration, want string) {
		t.Helper()
		if got := format(d); got != want {
			t.Errorf("format(%d) = %q, want %q", d, got, want)
		}
		if text.Width(format(d)) > durationWidth {
			t.Errorf("%q is too wide", format(d))
		}
	}
	f(0, "0 ns")
	f(999, "999 ns")
	f(1234, "1.23 µs")
	f(999_499, "999 µs")
	f(999_500, "1.00 ms")
	f(9_996_000, "10.0 ms")
	f(128*time.Millisecond, "128 ms")
	f(999_500_000, "1.00 s")
	f(59_940*time.Millisecond, "59.9 s")
	f(100*time.Second, "1m40s")
	f(99*time.Minute+59*time.Second, "99m59s")
	f(30*time.Hour, "30 h")
	f(-1500*time.Microsecond, "< 0")
}

func TestDetect(t *testing.T) {
	f := func(env map[string]string, width int) {
		t.Helper()
		config := Detect(&bytes.Buffer{}, func(name string) string { return env[name] })
		if config.Color {
			t.Error("colours without a terminal")
		}
		if got := config.Width(); got != width {
			t.Errorf("width is %d, want %d", got, width)
		}
	}
	f(nil, 100)
	f(map[string]string{"COLUMNS": "72"}, 72)
	f(map[string]string{"COLUMNS": "0"}, 100)
	f(map[string]string{"COLUMNS": "wide"}, 100)
}

// FuzzWaterfall feeds strings as hostile programs send them.
func FuzzWaterfall(f *testing.F) {
	f.Add("api", "GET", "/\x1b[2J", "peer", "timeout", 80, int64(5), int64(7))
	f.Add("日本", "\r\n", "\u202e", "\x9b", "\xff", 1, int64(-5), int64(-7))
	f.Add("", "", "", "", "", 28, int64(1)<<62, int64(1)<<62)
	f.Fuzz(func(t *testing.T, service, method, path, peer, failure string, width int, at, last int64) {
		spans := []sampletrace.Span{
			{ID: 1, Service: "root", Method: "GET", Path: "/", Status: 200, For: time.Millisecond},
			{ID: 2, Parent: 1, Service: service, Kind: trace.SpanKindClient, Method: method, Path: path, Peer: peer, Port: 1,
				Error: failure, At: time.Duration(at), For: time.Duration(last)},
			{ID: 3, Parent: 77, Service: service, Method: method, Path: path, Error: failure},
		}
		checkPage(t, render(t, spans, width, false), min(max(width, 1), maxWidth))
		colored := escapes.ReplaceAllString(render(t, spans, width, true), "")
		checkPage(t, colored, min(max(width, 1), maxWidth))
	})
}

func BenchmarkTrace(b *testing.B) {
	exporter := New(io.Discard, Config{Width: func() int { return 120 }, Color: true})
	spans := sampletrace.Snapshots(sampletrace.Checkout())
	b.ReportAllocs()
	for b.Loop() {
		if err := exporter.ExportSpans(b.Context(), spans); err != nil {
			b.Fatal(err)
		}
	}
}
