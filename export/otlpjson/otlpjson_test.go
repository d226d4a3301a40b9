package otlpjson

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/throughline/throughline/export/internal/sampletrace"
)

var update = flag.Bool("update", false, "write the golden file anew")

func write(t testing.TB, spans []sdktrace.ReadOnlySpan) []byte {
	t.Helper()
	var out bytes.Buffer
	exporter := New(&out)
	if err := exporter.ExportSpans(t.Context(), spans); err != nil {
		t.Fatal(err)
	}
	if err := exporter.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestGolden(t *testing.T) {
	got := write(t, sampletrace.Snapshots(sampletrace.Checkout()[:3]))
	const path = "testdata/spans.jsonl"
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (-update writes it anew)\n--- want\n%s--- got\n%s", path, want, got)
	}
}

// everything is a span that uses every field there is.
func everything() sdktrace.ReadOnlySpan {
	state, err := trace.ParseTraceState("vendor=1,other=2")
	if err != nil {
		panic(err)
	}
	context := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: sampletrace.TraceID(7), SpanID: sampletrace.SpanID(10), TraceFlags: trace.FlagsSampled, TraceState: state})
	return tracetest.SpanStub{
		Name: "quote \" backslash \\ line\n \u009b ß 日 🙂 \U000e0041", SpanContext: context,
		Parent:    trace.NewSpanContext(trace.SpanContextConfig{TraceID: sampletrace.TraceID(7), SpanID: sampletrace.SpanID(9)}),
		SpanKind:  trace.SpanKindConsumer,
		StartTime: sampletrace.Begin, EndTime: sampletrace.Begin.Add(time.Second),
		Attributes: []attribute.KeyValue{
			attribute.String("empty", ""), attribute.Bool("no", false), attribute.Int64("zero", 0),
			attribute.Int64("least", math.MinInt64), attribute.Float64("small", 1.5e-300), attribute.Float64("whole", 3),
			attribute.Float64("nan", math.NaN()), attribute.Float64("inf", math.Inf(-1)),
			attribute.StringSlice("list", []string{"a", ""}), attribute.Int64Slice("none", nil),
			attribute.BoolSlice("flags", []bool{true, false}),
		},
		Events: []sdktrace.Event{{Name: "e", Time: sampletrace.Begin, DroppedAttributeCount: 3,
			Attributes: []attribute.KeyValue{attribute.Int("n", -1)}}},
		Links:             []sdktrace.Link{{SpanContext: context, DroppedAttributeCount: 4}},
		Status:            sdktrace.Status{Code: codes.Error, Description: "it broke"},
		DroppedAttributes: 1, DroppedEvents: 2, DroppedLinks: 3,
		Resource: resource.NewWithAttributes("https://opentelemetry.io/schemas/1.39.0", attribute.String("service.name", "s")),
	}.Snapshot()
}

// TestDecodesToTheSame reads the line back with Protobuf's own decoder.
func TestDecodesToTheSame(t *testing.T) {
	spans := append(sampletrace.Snapshots(sampletrace.Checkout()), everything())
	line := write(t, spans)
	if bytes.Count(line, []byte("\n")) != 1 || line[len(line)-1] != '\n' {
		t.Fatalf("not one line: %q", line)
	}
	if !json.Valid(line) {
		t.Fatalf("no JSON: %s", line)
	}
	got := &tracepb.TracesData{}
	if err := protojson.Unmarshal(idsInBase64(t, line), got); err != nil {
		t.Fatal(err)
	}
	var keep keeper
	if err := otlptrace.NewUnstarted(&keep).ExportSpans(t.Context(), spans); err != nil {
		t.Fatal(err)
	}
	if want := (&tracepb.TracesData{ResourceSpans: keep.spans}); !proto.Equal(sorted(want), got) {
		t.Errorf("--- want\n%s\n--- got\n%s", prototext.Format(want), prototext.Format(got))
	}
}

// sorted puts the resources in the order in which the exporter writes them.
func sorted(data *tracepb.TracesData) *tracepb.TracesData {
	slices.SortFunc(data.ResourceSpans, func(a, b *tracepb.ResourceSpans) int { return bytes.Compare(firstID(a), firstID(b)) })
	return data
}

// idsInBase64 turns OTLP's JSON into Protobuf's.
func idsInBase64(t *testing.T, line []byte) []byte {
	ids := regexp.MustCompile(`("(?:traceId|spanId|parentSpanId)":)"([0-9a-f]+)"`)
	return ids.ReplaceAllFunc(line, func(member []byte) []byte {
		parts := ids.FindSubmatch(member)
		id, err := hex.DecodeString(string(parts[2]))
		if err != nil {
			t.Fatal(err)
		}
		return []byte(string(parts[1]) + `"` + base64.StdEncoding.EncodeToString(id) + `"`)
	})
}

// keeper keeps what the SDK would send.
type keeper struct{ spans []*tracepb.ResourceSpans }

func (*keeper) Start(context.Context) error { return nil }
func (*keeper) Stop(context.Context) error  { return nil }
func (k *keeper) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) error {
	k.spans = spans
	return nil
}

func TestEmptyBatchWritesNothing(t *testing.T) {
	if got := write(t, nil); len(got) > 0 {
		t.Errorf("wrote %q", got)
	}
}

func FuzzString(f *testing.F) {
	for _, seed := range []string{"", "\"\\", "\x00\x1b\x7f", "\u2028", "\xff", "🙂", "\U000e0041"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		encoded := appendString(nil, s)
		var got string
		if err := json.Unmarshal(encoded, &got); err != nil {
			t.Fatalf("%q became %s: %v", s, encoded, err)
		}
		want := string([]rune(s)) // every byte that is no UTF-8 becomes U+FFFD
		if got != want {
			t.Fatalf("%q became %q", s, got)
		}
		for _, c := range encoded {
			if c < ' ' || c == 0x7f {
				t.Fatalf("%q became %q", s, encoded)
			}
		}
	})
}
