package otlpwire

import (
	"bytes"
	"reflect"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/throughline/throughline/export/internal/sampletrace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// full is a span that has everything.
func full() sdktrace.ReadOnlySpan {
	state, _ := trace.ParseTraceState("rojo=00f067aa0ba902b7,ot=th:8")
	context := trace.SpanContextConfig{TraceID: sampletrace.TraceID(3), SpanID: sampletrace.SpanID(2), TraceFlags: 3, TraceState: state}
	parent := context
	parent.SpanID, parent.Remote = sampletrace.SpanID(1), true
	return tracetest.SpanStub{
		Name: "größe", SpanContext: trace.NewSpanContext(context), Parent: trace.NewSpanContext(parent),
		SpanKind: trace.SpanKindConsumer, StartTime: sampletrace.Begin, EndTime: sampletrace.Begin.Add(12345),
		Attributes: []attribute.KeyValue{
			attribute.String("s", "x"), attribute.Int("i", -7), attribute.Bool("b", true), attribute.Float64("f", 0.5),
			attribute.StringSlice("ss", []string{"a", ""}), attribute.Int64Slice("is", []int64{1, -1}),
			attribute.BoolSlice("bs", []bool{true, false}), attribute.Float64Slice("fs", []float64{1.5}),
			{Key: "bytes", Value: attribute.ByteSliceValue([]byte{0, 255})},
			{Key: "map", Value: attribute.MapValue(attribute.Int("deep", 1))},
			{Key: "mixed", Value: attribute.SliceValue(attribute.IntValue(1), attribute.StringValue("two"))},
			{Key: "empty"},
		},
		Events: []sdktrace.Event{{Name: "e", Time: sampletrace.Begin, Attributes: []attribute.KeyValue{attribute.Int("n", 1)}, DroppedAttributeCount: 4}},
		Links: []sdktrace.Link{{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: sampletrace.TraceID(9),
			SpanID: sampletrace.SpanID(9), Remote: true}), DroppedAttributeCount: 5}},
		Status:            sdktrace.Status{Code: codes.Error, Description: "broken"},
		DroppedAttributes: 1, DroppedEvents: 2, DroppedLinks: 3,
		Resource: resource.NewWithAttributes("https://schema", attribute.String("service.name", "cart")),
		InstrumentationScope: instrumentation.Scope{Name: "throughline", Version: "1", SchemaURL: "https://scope",
			Attributes: attribute.NewSet(attribute.Int("n", 2))},
	}.Snapshot()
}

// What was read is the same in every field, and writes the same bytes.
func TestReadsWhatWasWritten(t *testing.T) {
	spans := append(sampletrace.Snapshots(sampletrace.Checkout()), full(),
		sampletrace.Span{Trace: 7, ID: 5, Method: "GET", Path: "/", Unsampled: true}.Snapshot())
	written := Append(nil, spans)
	read, err := Read(written)
	if err != nil {
		t.Fatal(err)
	}
	if len(read) != len(spans) {
		t.Fatalf("%d spans of %d", len(read), len(spans))
	}
	if again := Append(nil, read); !bytes.Equal(again, written) {
		t.Errorf("written again it is\n%x\nwant\n%x", again, written)
	}
	byID := map[[24]byte]sdktrace.ReadOnlySpan{}
	for _, span := range read {
		byID[key(span)] = span
	}
	for _, want := range spans {
		got := byID[key(want)]
		if got == nil {
			t.Errorf("no span %v", want.SpanContext())
			continue
		}
		g, w := tracetest.SpanStubFromReadOnlySpan(got), tracetest.SpanStubFromReadOnlySpan(want)
		if !g.StartTime.Equal(w.StartTime) || !g.EndTime.Equal(w.EndTime) || g.Parent.SpanID() != w.Parent.SpanID() ||
			g.Parent.IsRemote() != w.Parent.IsRemote() || g.SpanKind != w.SpanKind || g.Status != w.Status || g.Name != w.Name ||
			len(g.Events) != len(w.Events) || len(g.Links) != len(w.Links) || g.DroppedAttributes != w.DroppedAttributes ||
			g.DroppedEvents != w.DroppedEvents || g.DroppedLinks != w.DroppedLinks ||
			!g.Resource.Equal(w.Resource) || g.InstrumentationScope != w.InstrumentationScope {
			t.Errorf("got\n%+v\nwant\n%+v", g, w)
		}
		if len(g.Attributes) != len(w.Attributes) {
			t.Fatalf("%d attributes, want %d", len(g.Attributes), len(w.Attributes))
		}
		for i := range w.Attributes {
			if !reflect.DeepEqual(g.Attributes[i], w.Attributes[i]) {
				t.Errorf("attribute %v, want %v", g.Attributes[i], w.Attributes[i])
			}
		}
	}
}

func key(span sdktrace.ReadOnlySpan) (k [24]byte) {
	traceID, spanID := span.SpanContext().TraceID(), span.SpanContext().SpanID()
	copy(k[copy(k[:], traceID[:]):], spanID[:])
	return k
}

// Bytes from a disk may be anything.
func FuzzRead(f *testing.F) {
	f.Add(Append(nil, append(sampletrace.Snapshots(sampletrace.Checkout()), full())))
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0x0a, 0x7f}, 200))
	f.Fuzz(func(t *testing.T, b []byte) {
		spans, err := Read(b)
		if err != nil {
			return
		}
		again, err := Read(Append(nil, spans))
		if err != nil || len(again) != len(spans) {
			t.Errorf("%d spans written again are %d: %v", len(spans), len(again), err)
		}
	})
}
