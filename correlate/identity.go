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
func mint(x *flow.Exchange, state trace.TraceState) (identity, parent trace.SpanContext) {
	if x.Remote == nil || x.Remote.Format == "" {
		flags := trace.FlagsSampled
		if x.Remote != nil && x.Remote.Decision == propagation.Drop && x.Kind == trace.SpanKindServer {
			flags = 0
		}
		return trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: newTraceID(), SpanID: newSpanID(), TraceFlags: flags,
		}), parent
	}
	remote := trace.SpanContextConfig{
		TraceID: x.Remote.TraceID, SpanID: x.Remote.SpanID, TraceFlags: trace.TraceFlags(x.Remote.Flags), TraceState: state,
	}
	if x.Kind == trace.SpanKindClient { // the id on the wire is the one used
		return trace.NewSpanContext(remote), parent
	}
	own := remote
	own.SpanID = newSpanID()
	remote.Remote = true
	return trace.NewSpanContext(own), trace.NewSpanContext(remote)
}

func newTraceID() (id trace.TraceID) {
	binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64()|1<<56|1) // never zero
	return id
}

func newSpanID() (id trace.SpanID) {
	binary.NativeEndian.PutUint64(id[:], rand.Uint64()|1<<56|1)
	return id
}
