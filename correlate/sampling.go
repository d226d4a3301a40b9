package correlate

import (
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/internal/sampling"
	"github.com/throughline/throughline/internal/telemetry"
)

// Sampling says which spans are exported. The zero value exports all that the kernel calls sampled, which then is
// everything that it reports.
type Sampling struct {
	// Sampler is the one that the kernel decides by. Here it decides for what the kernel did not tell apart.
	Sampler sampling.Sampler
	// MaxPerSecond is set if the kernel limits how many traces begin: then no probability is told.
	MaxPerSecond float64
	// KeepErrors exports spans that end in an error though they are not sampled.
	KeepErrors bool
	// KeepSlowerThan exports spans that take longer though they are not sampled; 0: none.
	KeepSlowerThan time.Duration
}

// Keeps tells whether spans that are not sampled may be exported.
func (s Sampling) Keeps() bool { return s.KeepErrors || s.KeepSlowerThan > 0 }

// keptKey says why a span is exported that is not sampled.
const keptKey = attribute.Key("throughline.sampling.kept")

var (
	keptError = keptKey.String("error")
	keptSlow  = keptKey.String("slow")
)

// sampler applies the rules to finished exchanges. It is used by one goroutine but for its counters.
type sampler struct {
	Sampling
	threshold string // as tracestate tells it; "": it does not

	left atomic.Uint64
	kept atomic.Uint64
}

func newSampler(s Sampling) *sampler {
	r := &sampler{Sampling: s}
	if s.MaxPerSecond == 0 {
		r.threshold = s.Sampler.Told()
	}
	return r
}

// take decides whether a span is exported. This is the only place that leaves out a finished span. One that is kept by
// a rule is marked, and is sampled from here on: the flag is how exporters know what is theirs. Nobody knows its
// probability, so none is told.
func (s *sampler) take(x *flow.Exchange, identity *trace.SpanContext) bool {
	if identity.IsSampled() {
		return true
	}
	why := keptError
	switch {
	case s.KeepErrors && x.Status == codes.Error:
	case s.KeepSlowerThan > 0 && x.End-x.Start > uint64(s.KeepSlowerThan):
		why = keptSlow
	default:
		s.left.Add(1)
		return false
	}
	s.kept.Add(1)
	x.Attributes = append(x.Attributes, why)
	*identity = identity.WithTraceFlags(identity.TraceFlags().WithSampled(true)).
		WithTraceState(withThreshold(identity.TraceState(), ""))
	return true
}

// withThreshold puts a threshold into the tracestate's member of OpenTelemetry, or takes it out if there is none. What
// else the member says stays.
func withThreshold(state trace.TraceState, threshold string) trace.TraceState {
	var fields []string
	if threshold != "" {
		fields = append(fields, sampling.ThresholdKey+":"+threshold)
	}
	before := state.Get(sampling.MemberKey)
	for field := range strings.SplitSeq(before, ";") {
		if field != "" && !strings.HasPrefix(field, sampling.ThresholdKey+":") {
			fields = append(fields, field)
		}
	}
	if len(fields) == 0 {
		return state.Delete(sampling.MemberKey)
	}
	member := strings.Join(fields, ";")
	if member == before {
		return state
	}
	changed, err := state.Insert(sampling.MemberKey, member)
	if err != nil { // too long: what came in stays, without a threshold that is not its own
		return state.Delete(sampling.MemberKey)
	}
	return changed
}

func (s *sampler) samples() []telemetry.Sample {
	return []telemetry.Sample{
		{Name: "spans_sampled_out", Help: "Finished spans that are not sampled and that no rule kept.", Value: s.left.Load()},
		{Name: "spans_kept", Help: "Finished spans that are not sampled and that a rule kept.", Value: s.kept.Load()},
	}
}
