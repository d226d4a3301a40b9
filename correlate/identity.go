package correlate

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/correlate/flow"
)

// mint identifies an exchange that the kernel did not tell apart, like the
// second of two requests in one read, by its own traceparent if it has one.
func (s *sampler) mint(x *flow.Exchange, state trace.TraceState) (identity, parent trace.SpanContext) {
	remote, ok := parseTraceparent(x.Traceparent)
	if !ok {
		root := trace.SpanContextConfig{TraceID: newTraceID(), SpanID: newSpanID()}
		if s.Sampler.Root(root.TraceID) {
			root.TraceFlags = trace.FlagsSampled
			root.TraceState = withThreshold(root.TraceState, s.threshold)
		}
		return trace.NewSpanContext(root), parent
	}
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

// parseTraceparent reads a header value as section 3.2 of W3C Trace Context
// level 2 says, as trace.h in bpf does.
func parseTraceparent(s string) (trace.SpanContextConfig, bool) {
	var c trace.SpanContextConfig
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return c, false
	}
	var version, flags [1]byte
	if !lowerHex(version[:], s[:2]) || !lowerHex(flags[:], s[53:55]) ||
		!lowerHex(c.TraceID[:], s[3:35]) || !lowerHex(c.SpanID[:], s[36:52]) {
		return c, false
	}
	switch {
	case version[0] == 0xff, version[0] == 0 && len(s) != 55, len(s) > 55 && s[55] != '-':
		return c, false
	}
	c.TraceFlags = trace.TraceFlags(flags[0]) & (trace.FlagsSampled | flagRandom)
	return c, c.TraceID.IsValid() && c.SpanID.IsValid()
}

const flagRandom = 2 // trace-context-2, 3.2.2.5.2

func lowerHex(to []byte, s string) bool {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'F' {
			return false
		}
	}
	_, err := hex.Decode(to, []byte(s))
	return err == nil
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
