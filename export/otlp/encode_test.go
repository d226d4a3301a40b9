package otlp

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// request does what a client does without sending, and keeps the bytes.
type request struct{ body []byte }

func (*request) Start(context.Context) error { return nil }
func (*request) Stop(context.Context) error  { return nil }
func (r *request) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) (err error) {
	r.body, err = proto.Marshal(&collectorpb.ExportTraceServiceRequest{ResourceSpans: spans})
	return err
}

// bySDK is the body of a request as the SDK makes it.
func bySDK(t testing.TB, spans []sdktrace.ReadOnlySpan) []byte {
	t.Helper()
	var r request
	if err := otlptrace.NewUnstarted(&r).ExportSpans(t.Context(), spans); err != nil {
		t.Fatal(err)
	}
	return r.body
}

// byUs is the body of a request as an Exporter makes it.
func byUs(t testing.TB, exporter *Exporter, spans []sdktrace.ReadOnlySpan) []byte {
	t.Helper()
	var r request
	exporter.client = &r
	if err := exporter.ExportSpans(t.Context(), spans); err != nil {
		t.Fatal(err)
	}
	return r.body
}

// received is what a collector gets, its resources by their first span since the SDK's order is that of a map.
func received(t testing.TB, body []byte) *collectorpb.ExportTraceServiceRequest {
	t.Helper()
	r := &collectorpb.ExportTraceServiceRequest{}
	if err := proto.Unmarshal(body, r); err != nil {
		t.Fatal(err)
	}
	first := func(rs *tracepb.ResourceSpans) string { return string(rs.GetScopeSpans()[0].GetSpans()[0].GetSpanId()) }
	slices.SortFunc(r.ResourceSpans, func(a, b *tracepb.ResourceSpans) int { return strings.Compare(first(a), first(b)) })
	return r
}

func checkSame(t testing.TB, got, want []byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d bytes, the SDK's are %d", len(got), len(want))
	}
	if g, w := received(t, got), received(t, want); !proto.Equal(g, w) {
		t.Fatalf("got\n%v\nwant\n%v", g, w)
	}
}

// TestEncodesAsTheSDK compares what a collector gets of batches of spans with anything in them, sent one after another.
func TestEncodesAsTheSDK(t *testing.T) {
	exporter := &Exporter{}
	for seed := range uint64(300) {
		spans := shapes{rand.New(rand.NewPCG(seed, 0)), valid}.batch()
		checkSame(t, byUs(t, exporter, spans), bySDK(t, spans))
	}
}

// TestRepairsUTF8 has strings that are no UTF-8 wherever the SDK has strings. The SDK would fail.
func TestRepairsUTF8(t *testing.T) {
	for seed := range uint64(100) {
		broken := shapes{rand.New(rand.NewPCG(seed, 0)), func(s string) string { return s + "\xc3(\xff\xfe" }}.batch()
		mended := shapes{rand.New(rand.NewPCG(seed, 0)), func(s string) string { return s + "\ufffd(\ufffd" }}.batch()
		checkSame(t, byUs(t, &Exporter{}, broken), bySDK(t, mended))
	}
}

func TestEncodesSizes(t *testing.T) {
	exporter := &Exporter{}
	for _, size := range []int{0, 1, 100, 120, 127, 128, 129, 1000, 1<<14 - 20, 1<<14 - 1, 1 << 14, 1<<21 - 1, 1 << 21, 3 << 20} {
		for near := range 12 {
			s := strings.Repeat("x", max(size-near, 0))
			spans := tracetest.SpanStubs{{Name: s, Attributes: []attribute.KeyValue{attribute.String(s, s)}}}.Snapshots()
			checkSame(t, byUs(t, exporter, spans), bySDK(t, spans))
		}
		if cap(exporter.memory) > maxKept {
			t.Fatalf("%d bytes are kept", cap(exporter.memory))
		}
	}
}

func TestEncodesNothing(t *testing.T) {
	exporter := &Exporter{}
	if body := byUs(t, exporter, nil); body != nil {
		t.Error("an empty batch was sent")
	}
	if body := byUs(t, exporter, make([]sdktrace.ReadOnlySpan, 2)); body != nil {
		t.Error("a batch of no spans was sent")
	}
}

func valid(s string) string { return s }

// shapes makes spans by chance.
type shapes struct {
	*rand.Rand
	edit func(string) string // what becomes of each string
}

func (s shapes) text() string {
	return s.edit([]string{"", "GET", "/größe/水", strings.Repeat("long ", s.IntN(60))}[s.IntN(4)])
}

func (s shapes) number() int64 {
	return []int64{0, 1, -1, math.MaxInt64, math.MinInt64, s.Int64()}[s.IntN(6)]
}

func (s shapes) float() float64 {
	return []float64{0, math.Copysign(0, -1), math.Inf(1), math.NaN(), s.NormFloat64()}[s.IntN(5)]
}

func (s shapes) when() time.Time {
	return []time.Time{{}, time.Unix(0, 0), time.Unix(-1, 0), time.Unix(s.Int64N(1<<31), s.Int64N(1e9))}[s.IntN(4)]
}

func (s shapes) count() int {
	return []int{0, 1, -1, math.MaxUint32, math.MaxUint32 + 1}[s.IntN(5)]
}

func some[T any](s shapes, one func() T) []T {
	var all []T
	for range s.IntN(4) {
		all = append(all, one())
	}
	return all
}

func (s shapes) value() attribute.Value {
	switch s.IntN(14) {
	case 0:
		return attribute.Value{}
	case 1:
		return attribute.BoolValue(s.IntN(2) > 0)
	case 2:
		return attribute.Int64Value(s.number())
	case 3:
		return attribute.Float64Value(s.float())
	case 4:
		return attribute.BoolSliceValue(some(s, func() bool { return s.IntN(2) > 0 }))
	case 5:
		return attribute.Int64SliceValue(some(s, s.number))
	case 6:
		return attribute.Float64SliceValue(some(s, s.float))
	case 7:
		return attribute.StringSliceValue(some(s, s.text))
	case 8:
		return attribute.ByteSliceValue([]byte{0xff, 0, byte(s.Uint32())}[:s.IntN(4)])
	case 9:
		return attribute.SliceValue(some(s, s.value)...)
	case 10:
		return attribute.MapValue(s.attributes()...)
	default:
		return attribute.StringValue(s.text())
	}
}

func (s shapes) attributes() []attribute.KeyValue {
	return some(s, func() attribute.KeyValue {
		return attribute.KeyValue{Key: attribute.Key(s.text()), Value: s.value()}
	})
}

func (s shapes) context() trace.SpanContext {
	var c trace.SpanContextConfig
	for i := range c.TraceID {
		c.TraceID[i] = byte(s.Uint32())
	}
	for i := range c.SpanID {
		c.SpanID[i] = byte(s.Uint32())
	}
	if s.IntN(3) == 0 {
		c.TraceState, _ = trace.ParseTraceState("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
	}
	c.TraceFlags = trace.TraceFlags(s.Uint32())
	c.Remote = s.IntN(2) > 0
	return trace.NewSpanContext(c)
}

func (s shapes) event() sdktrace.Event {
	return sdktrace.Event{Name: s.text(), Attributes: s.attributes(), DroppedAttributeCount: s.count(), Time: s.when()}
}

func (s shapes) link() sdktrace.Link {
	return sdktrace.Link{SpanContext: s.context(), Attributes: s.attributes(), DroppedAttributeCount: s.count()}
}

func (s shapes) resource() *resource.Resource {
	return resource.NewWithAttributes(s.text(), attribute.String("service.name", s.text()),
		attribute.KeyValue{Key: "any", Value: attribute.BoolSliceValue(some(s, func() bool { return true }))})
}

func (s shapes) scope() instrumentation.Scope {
	return instrumentation.Scope{Name: s.text(), Version: s.text(), SchemaURL: s.text(),
		Attributes: attribute.NewSet(attribute.Int("n", s.IntN(2)))}
}

func (s shapes) batch() []sdktrace.ReadOnlySpan {
	resources := append(some(s, s.resource), nil)
	scopes := append(some(s, s.scope), instrumentation.Scope{})
	var stubs tracetest.SpanStubs
	for range 1 + s.IntN(12) {
		stub := tracetest.SpanStub{
			Name: s.text(), SpanContext: s.context(), SpanKind: trace.SpanKind(s.IntN(7)),
			StartTime: s.when(), EndTime: s.when(), Attributes: s.attributes(),
			Events: some(s, s.event), Links: some(s, s.link),
			Status:            sdktrace.Status{Code: codes.Code(s.IntN(4)), Description: s.text()},
			DroppedAttributes: s.count(), DroppedEvents: s.count(), DroppedLinks: s.count(),
			Resource: resources[s.IntN(len(resources))], InstrumentationScope: scopes[s.IntN(len(scopes))],
		}
		if s.IntN(2) > 0 {
			stub.Parent = s.context()
		}
		stubs = append(stubs, stub)
	}
	return stubs.Snapshots()
}
