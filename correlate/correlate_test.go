package correlate

import (
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/internal/propagation"
	"github.com/throughline/throughline/probes/process"
	"github.com/throughline/throughline/probes/process/runtime"
)

func TestIdentify(t *testing.T) {
	remote := &propagation.Remote{
		Format: propagation.B3, TraceID: [16]byte{0x0a}, SpanID: [8]byte{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31}, Flags: propagation.Sampled,
	}
	kernel := abi.TraceContext{TraceId: [16]uint8{1}, SpanId: [8]uint8{2}, ParentId: [8]uint8{3}, Flags: 1}
	root := abi.TraceContext{TraceId: [16]uint8{1}, SpanId: [8]uint8{2}, Flags: 1}
	for _, c := range []struct {
		name                   string
		exchange               flow.Exchange
		span, parent, state    string // "" : any
		remote, hasParent, own bool   // own: a span id of its own making
	}{
		{name: "kernel's, local parent", exchange: flow.Exchange{Context: kernel, Kind: trace.SpanKindClient},
			span: "0200000000000000", parent: "0300000000000000", hasParent: true},
		{name: "kernel's, remote parent", exchange: flow.Exchange{Context: kernel, Kind: trace.SpanKindServer,
			Flags: abi.FlagRemoteContext, Tracestate: "a=b"},
			span: "0200000000000000", parent: "0300000000000000", hasParent: true, remote: true, state: "a=b"},
		{name: "root", exchange: flow.Exchange{Context: root, Kind: trace.SpanKindServer, Tracestate: "a=b"},
			span: "0200000000000000"},
		{name: "pipelined server", exchange: flow.Exchange{Kind: trace.SpanKindServer, Remote: remote, Tracestate: "a=b"},
			own: true, parent: "b7ad6b7169203331", hasParent: true, remote: true, state: "a=b"},
		{name: "pipelined client", exchange: flow.Exchange{Kind: trace.SpanKindClient, Remote: remote},
			span: "b7ad6b7169203331"},
		{name: "pipelined, no header", exchange: flow.Exchange{Kind: trace.SpanKindServer}, own: true},
		{name: "pipelined, bad header", exchange: flow.Exchange{Kind: trace.SpanKindServer, Remote: &propagation.Remote{}}, own: true},
	} {
		span, parent := newSampler(Sampling{}).identify(&c.exchange)
		if !span.IsValid() || !span.IsSampled() {
			t.Errorf("%s: context %v is not a sampled span's", c.name, span)
		}
		if c.span != "" && span.SpanID().String() != c.span {
			t.Errorf("%s: span %s, want %s", c.name, span.SpanID(), c.span)
		}
		if c.own && span.SpanID().String() == "b7ad6b7169203331" {
			t.Errorf("%s: took the sender's span id", c.name)
		}
		if parent.IsValid() != c.hasParent || parent.IsRemote() != c.remote {
			t.Errorf("%s: parent valid %t remote %t", c.name, parent.IsValid(), parent.IsRemote())
		}
		if c.hasParent && (parent.SpanID().String() != c.parent || parent.TraceID() != span.TraceID()) {
			t.Errorf("%s: parent %s in %s, want %s in %s", c.name, parent.SpanID(), parent.TraceID(), c.parent, span.TraceID())
		}
		if got := span.TraceState().String(); got != c.state {
			t.Errorf("%s: tracestate %q, want %q", c.name, got, c.state)
		}
	}
}

func TestClockStep(t *testing.T) {
	wall := time.Unix(1000, 0)
	c := clock{wall: func() time.Time { return wall }}
	c.set(uint64(10 * time.Second))
	start, end := c.span(uint64(11*time.Second), uint64(12*time.Second))
	if !start.Equal(time.Unix(1001, 0)) || end.Sub(start) != time.Second {
		t.Errorf("before the step: %v to %v", start, end)
	}
	wall = time.Unix(5000, 0) // somebody sets the clock
	c.set(uint64(13 * time.Second))
	start, end = c.span(uint64(12*time.Second), uint64(14*time.Second))
	if !start.Equal(time.Unix(4999, 0)) || end.Sub(start) != 2*time.Second {
		t.Errorf("after the step: %v to %v", start, end)
	}
}

func TestCorrelatorDescribesProcess(t *testing.T) {
	p := &process.Process{ID: process.ID{PID: 7}, Executable: "/bin/shop", Runtime: &runtime.Runtime{}, Env: map[string]string{"OTEL_SERVICE_NAME": "shop"}}
	var spans []sdktrace.ReadOnlySpan
	c := New(Config{
		Processes: func(tgid uint32) (*process.Process, bool) { return p, tgid == 7 },
		Spans:     func(s sdktrace.ReadOnlySpan) { spans = append(spans, s) },
	}, 0)
	c.exchange(&flow.Exchange{Tgid: 7, Name: "GET", Kind: trace.SpanKindServer, Start: 1, End: 3})
	c.exchange(&flow.Exchange{Tgid: 8, Name: "GET", Kind: trace.SpanKindServer, Start: 1, End: 3})
	if len(spans) != 2 {
		t.Fatalf("%d spans, want 2", len(spans))
	}
	if name, _ := spans[0].Resource().Set().Value("service.name"); name.AsString() != "shop" {
		t.Errorf("service.name is %q, want shop", name.AsString())
	}
	if n := spans[1].Resource().Len(); n != 0 {
		t.Errorf("an unknown process has %d resource attributes", n)
	}
	if d := spans[0].EndTime().Sub(spans[0].StartTime()); d != 2 {
		t.Errorf("duration %v, want 2ns", d)
	}
}
