package correlate

import (
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/internal/propagation"
	"github.com/throughline/throughline/internal/sampling"
	"github.com/throughline/throughline/probes/process"
)

func TestKeep(t *testing.T) {
	const limit = 100 * time.Millisecond
	both := Sampling{KeepErrors: true, KeepSlowerThan: limit}
	for _, c := range []struct {
		name    string
		rules   Sampling
		sampled bool
		status  codes.Code
		took    time.Duration
		out     bool
		kept    string
	}{
		{"sampled", Sampling{}, true, codes.Unset, 0, true, ""},
		{"sampled, an error, slow", both, true, codes.Error, time.Second, true, ""},
		{"no rule", Sampling{}, false, codes.Error, time.Second, false, ""},
		{"no rule holds", both, false, codes.Unset, limit, false, ""},
		{"error", both, false, codes.Error, time.Second, true, "error"},
		{"slow", both, false, codes.Unset, limit + 1, true, "slow"},
		{"error, only slow ones kept", Sampling{KeepSlowerThan: limit}, false, codes.Error, 0, false, ""},
		{"slow, only errors kept", Sampling{KeepErrors: true}, false, codes.Unset, time.Hour, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out []sdktrace.ReadOnlySpan
			r := New(Config{
				Processes: func(uint32) (*process.Process, bool) { return nil, false },
				Sampling:  c.rules,
				Spans:     func(s sdktrace.ReadOnlySpan) { out = append(out, s) },
			}, 0)
			x := &flow.Exchange{
				Context: abi.TraceContext{TraceId: [16]uint8{1}, SpanId: [8]uint8{2}, ParentId: [8]uint8{3}},
				Kind:    trace.SpanKindServer, Flags: abi.FlagRemoteContext, Tracestate: "a=b,ot=x:1;th:8",
				Start: 1000, End: 1000 + uint64(c.took), Status: c.status,
			}
			if c.sampled {
				x.Context.Flags = flagSampled
			}
			r.exchange(x)
			figures := map[string]uint64{}
			for _, s := range r.Samples() {
				figures[s.Name] = s.Value
			}
			if (len(out) == 1) != c.out || figures["spans"] != uint64(len(out)) ||
				figures["spans_sampled_out"] != 1-uint64(len(out)) || (figures["spans_kept"] == 1) != (c.kept != "") {
				t.Fatalf("%d spans, figures %v", len(out), figures)
			}
			if !c.out {
				return
			}
			set := attribute.NewSet(out[0].Attributes()...)
			kept, _ := set.Value(keptKey)
			state := "a=b,ot=x:1;th:8"
			if c.kept != "" {
				state = "ot=x:1,a=b" // nobody knows how probable it was
			}
			if kept.AsString() != c.kept || !out[0].SpanContext().IsSampled() || out[0].SpanContext().TraceState().String() != state {
				t.Errorf("kept %q, context %+v", kept.AsString(), out[0].SpanContext())
			}
		})
	}
}

func TestThresholdTold(t *testing.T) {
	ratio := sampling.Sampler{ParentBased: true, Threshold: sampling.ThresholdOf(0.25), Ratio: true}
	byRatio := abi.TraceContext{TraceId: [16]uint8{9: 0xff}, SpanId: [8]uint8{2}, Flags: flagSampled, Sampling: uint8(abi.SamplingByRatio)}
	others := byRatio
	others.Sampling = 0
	low := byRatio
	low.Flags = 0
	own := func(s sampling.Sampler) sampling.Sampler { s.ParentBased = false; return s }
	for _, c := range []struct {
		name  string
		rules Sampling
		x     flow.Exchange
		want  string
	}{
		{"its own", Sampling{Sampler: ratio}, flow.Exchange{Context: byRatio}, "ot=th:c"},
		{"of everything", Sampling{Sampler: sampling.Sampler{Ratio: true}}, flow.Exchange{Context: byRatio}, "ot=th:0"},
		{"under a limit", Sampling{Sampler: ratio, MaxPerSecond: 1}, flow.Exchange{Context: byRatio}, ""},
		{"not sampled", Sampling{Sampler: ratio}, flow.Exchange{Context: low}, ""},
		{"of others", Sampling{Sampler: ratio}, flow.Exchange{Context: others, Flags: abi.FlagRemoteContext, Tracestate: "ot=th:8"}, "ot=th:8"},
		{"in place of others'", Sampling{Sampler: own(ratio)}, flow.Exchange{Context: byRatio, Flags: abi.FlagRemoteContext, Tracestate: "a=b,ot=p:8;th:8"}, "ot=th:c;p:8,a=b"},
	} {
		got, _ := newSampler(c.rules).identify(&c.x)
		if got.TraceState().String() != c.want {
			t.Errorf("%s: tracestate %q, want %q", c.name, got.TraceState(), c.want)
		}
	}
}

const flagSampled = 1

// What the kernel did not tell apart is sampled by the same rule.
func TestSampleMinted(t *testing.T) {
	const n = 4000
	header := func(flags byte) flow.Exchange {
		return flow.Exchange{Kind: trace.SpanKindServer, Remote: &propagation.Remote{Format: propagation.TraceContext, Flags: flags, SpanID: [8]byte{1},
			TraceID: [16]byte{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c}}}
	}
	half := sampling.Sampler{Threshold: sampling.ThresholdOf(0.5), Ratio: true}
	based := half
	based.ParentBased = true
	for _, c := range []struct {
		sampler  sampling.Sampler
		x        flow.Exchange
		min, max int
	}{
		{based, header(1), n, n},
		{based, header(0), 0, 0},
		{half, header(0), 0, 0}, // randomness 48eb211c80319c
		{half, flow.Exchange{}, n/2 - 200, n/2 + 200},
		{based, flow.Exchange{}, n/2 - 200, n/2 + 200},
		{sampling.Sampler{}, header(0), n, n},
		{sampling.Sampler{Threshold: sampling.Range}, header(1), 0, 0},
		{sampling.Default(), flow.Exchange{}, n, n},
	} {
		s, sampled := newSampler(Sampling{Sampler: c.sampler}), 0
		for range n {
			x := c.x
			span, _ := s.identify(&x)
			told := span.TraceState().Get("ot")
			if span.IsSampled() {
				sampled++
			}
			if want := fmt.Sprint(c.sampler.Ratio && x.Remote == nil && span.IsSampled()); want != fmt.Sprint(told == "th:8") {
				t.Fatalf("%+v tells %q of a span that is sampled: %t", c.sampler, told, span.IsSampled())
			}
		}
		if sampled < c.min || sampled > c.max {
			t.Errorf("%+v of %+v: %d of %d", c.sampler, c.x.Remote, sampled, n)
		}
	}
}
