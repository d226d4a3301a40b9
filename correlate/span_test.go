package correlate

import (
	"reflect"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/probes/process"
)

func sampleExchange() *flow.Exchange {
	return &flow.Exchange{Tgid: 7, Name: "GET", Kind: trace.SpanKindServer, Start: 1, End: 3,
		Context:     abi.TraceContext{TraceId: [16]uint8{1}, SpanId: [8]uint8{2}, ParentId: [8]uint8{3}, Flags: 1},
		Flags:       abi.FlagRemoteContext,
		Status:      codes.Error,
		Description: "it broke",
		Attributes:  []attribute.KeyValue{attribute.String("url.path", "/"), attribute.Int("server.port", 80)}}
}

// TestSpan compares a span with the SDK's snapshot of the same.
func TestSpan(t *testing.T) {
	x := sampleExchange()
	var got sdktrace.ReadOnlySpan
	c := New(Config{
		Processes: func(uint32) (*process.Process, bool) { return nil, false },
		Resource:  process.ResourceOptions{Version: "1.2.3"},
		Spans:     func(s sdktrace.ReadOnlySpan) { got = s },
	}, 0)
	c.exchange(x)
	identity, parent := newSampler(Sampling{}).identify(x)
	start, end := c.clock.span(x.Start, x.End)
	want := tracetest.SpanStub{
		Name: "GET", SpanContext: identity, Parent: parent, SpanKind: trace.SpanKindServer,
		StartTime: start, EndTime: end, Attributes: x.Attributes,
		Status:               sdktrace.Status{Code: codes.Error, Description: "it broke"},
		Resource:             c.resources.of(7).resource,
		InstrumentationScope: c.scope,
	}.Snapshot()
	if g, w := tracetest.SpanStubFromReadOnlySpan(got), tracetest.SpanStubFromReadOnlySpan(want); !reflect.DeepEqual(g, w) {
		t.Errorf("got\n%+v\nwant\n%+v", g, w)
	}
	if !got.Parent().IsRemote() || got.InstrumentationScope().Version != "1.2.3" || got.EndTime().Sub(got.StartTime()) != 2*time.Nanosecond {
		t.Errorf("%+v", got)
	}
}

// TestSpanHasAllMethods fails when the SDK's interface gets a method that span
// has not: a call of it would be one of a nil interface.
func TestSpanHasAllMethods(t *testing.T) {
	s := reflect.ValueOf(&span{exchange: &flow.Exchange{}, scope: &New(Config{}, 0).scope})
	methods := reflect.TypeFor[sdktrace.ReadOnlySpan]()
	for i := range methods.NumMethod() {
		if m := methods.Method(i); m.IsExported() {
			s.MethodByName(m.Name).Call(nil) // panics
		}
	}
}

// BenchmarkSpan is the way from an exchange to its span.
func BenchmarkSpan(b *testing.B) {
	var sink sdktrace.ReadOnlySpan
	c := New(Config{
		Processes: func(uint32) (*process.Process, bool) { return nil, false },
		Spans:     func(s sdktrace.ReadOnlySpan) { sink = s },
	}, 0)
	x := sampleExchange()
	b.ReportAllocs()
	for b.Loop() {
		c.exchange(x)
	}
	_ = sink
}
