package correlate

import (
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/internal/propagation"
)

// mint identifies an exchange that the kernel did not tell apart, like the
// second of two requests in one read, by its own header if it has one.
func (s *sampler) mint(x *flow.Exchange, state trace.TraceState) (identity, parent trace.SpanContext) {
	if x.Remote == nil || x.Remote.Format == "" {
		return s.root(x), parent
	}
	remote := trace.SpanContextConfig{TraceID: x.Remote.TraceID, SpanID: x.Remote.SpanID, TraceFlags: trace.TraceFlags(x.Remote.Flags)}
	remote.TraceFlags = remote.TraceFlags.WithSampled(s.Sampler.Adopted(remote.TraceID, remote.TraceFlags.IsSampled()))
	remote.TraceState = state
	if !s.Sampler.ParentBased && s.Sampler.Ratio && remote.TraceFlags.IsSampled() {
		remote.TraceState = withThreshold(state, s.threshold)
	}
	if x.Kind == trace.SpanKindClient { // the id on the wire is the one used
		return trace.NewSpanContext(remote), parent
	}
	own := remote
	own.SpanID = newSpanID()
	remote.Remote = true
	return trace.NewSpanContext(own), trace.NewSpanContext(remote)
}

// root begins a trace, which is sampled as the request asks for or as the sampler says.
func (s *sampler) root(x *flow.Exchange) trace.SpanContext {
	own := trace.SpanContextConfig{TraceID: newTraceID(), SpanID: newSpanID()}
	asked := propagation.Undecided
	if x.Remote != nil && x.Kind == trace.SpanKindServer && s.Sampler.ParentBased {
		asked = x.Remote.Decision
	}
	switch {
	case asked == propagation.Sample:
		own.TraceFlags = trace.FlagsSampled
	case asked == propagation.Undecided && s.Sampler.Root(own.TraceID):
		own.TraceFlags = trace.FlagsSampled
		own.TraceState = withThreshold(own.TraceState, s.threshold)
	}
	return trace.NewSpanContext(own)
}

func newTraceID() (id trace.TraceID) {
	binary.BigEndian.PutUint64(id[:8], rand.Uint64()|1) // never zero, by a bit that decides nothing
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	return id
}

func newSpanID() (id trace.SpanID) {
	binary.NativeEndian.PutUint64(id[:], rand.Uint64()|1<<56|1)
	return id
}
