// Package correlate turns what the kernel reports into spans: events become
// exchanges (package flow with the protocols, and the libraries), and exchanges
// become spans with the identity that the kernel gave them, or that their own
// headers name.
package correlate

import (
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/httpspan"
	"github.com/throughline/throughline/correlate/metrics"
	"github.com/throughline/throughline/internal/propagation"
	"github.com/throughline/throughline/internal/telemetry"
	"github.com/throughline/throughline/probes/event"
	"github.com/throughline/throughline/probes/process"
)

// debugID is the attribute of a span whose request came with the header of that name
// (jaegertracing.io, client libraries, "Manually supplied trace or debug id").
const (
	debugID    = attribute.Key("jaeger-debug-id")
	maxDebugID = 64 // bytes
)

// Config says what to make spans of.
type Config struct {
	// Processes finds the process behind an event.
	Processes Processes
	// Resource is what the agent adds to each process's description.
	Resource process.ResourceOptions
	// Ledger reads the kernel's counts of a connection; nil: none.
	Ledger flow.Ledger
	// Propagators are the formats of trace context that are read, in order of
	// precedence.
	Propagators propagation.Formats
	// Headers are the names of the header fields whose values become attributes.
	Headers []string
	// Flow bounds the connection table.
	Flow flow.Options
	// Sampling says which spans are exported.
	Sampling Sampling
	// Routes says whose routes are inferred.
	Routes Routes
	// Metrics measures every exchange, whether it is sampled or not; nil: nothing does.
	Metrics *metrics.Recorder
	// Spans takes each finished span. It must not block.
	Spans func(sdktrace.ReadOnlySpan)
}

// A Correlator makes spans of events. One goroutine uses it; Samples may be
// called from any.
type Correlator struct {
	flow      *flow.Assembler
	ledger    flow.Ledger
	calls     calls
	resources resources
	clock     clock
	sampler   *sampler
	routes    inference
	metrics   *metrics.Recorder
	scope     instrumentation.Scope
	out       func(sdktrace.ReadOnlySpan)

	spans atomic.Uint64
	stats atomic.Pointer[flow.Stats]
}

// New makes a correlator; now is CLOCK_MONOTONIC nanoseconds.
func New(c Config, now uint64) *Correlator {
	r := &Correlator{
		ledger:    c.Ledger,
		calls:     calls{decoders: Libraries()},
		resources: resources{find: c.Processes, options: c.Resource, known: map[uint32]described{}},
		clock:     clock{wall: time.Now},
		sampler:   newSampler(c.Sampling),
		routes:    newInference(c.Routes),
		metrics:   c.Metrics,
		scope:     instrumentation.Scope{Name: "throughline", Version: c.Resource.Version},
		out:       c.Spans,
	}
	r.clock.set(now)
	r.flow = flow.New(Protocols(c.Propagators, c.Headers), r.exchange, c.Flow)
	r.stats.Store(&flow.Stats{})
	return r
}

// LoadRoutes reads the routes that were kept, before the first event.
func (c *Correlator) LoadRoutes() error { return c.routes.table.Load() }

// SaveRoutes keeps what was learned of routes since the last time. It is for the goroutine that handles events.
func (c *Correlator) SaveRoutes() error { return c.routes.table.Save() }

// Handle takes one event.
func (c *Correlator) Handle(ev *event.Event) {
	if ev.Kind() == abi.EventCall {
		c.call(ev)
		return
	}
	c.flow.Handle(ev)
}

// Tick settles what no event tells; now is CLOCK_MONOTONIC nanoseconds.
func (c *Correlator) Tick(now uint64) {
	c.clock.set(now)
	c.flow.Tick(now, c.ledger)
	if c.metrics != nil {
		c.metrics.Tick(now)
	}
	stats := c.flow.Stats()
	c.stats.Store(&stats)
}

// Close finishes what can be finished. No call may follow but Samples.
func (c *Correlator) Close(now uint64) {
	c.flow.Tick(now, c.ledger)
	c.flow.Close(now)
	if c.metrics != nil {
		c.metrics.Close()
	}
	stats := c.flow.Stats()
	c.stats.Store(&stats)
}

func (c *Correlator) exchange(x *flow.Exchange) {
	described := c.resources.of(x.Tgid)
	c.routes.route(x, described.service)
	identity, parent := c.sampler.identify(x)
	kept := c.sampler.take(x, &identity)
	start, end := c.clock.span(x.Start, x.End)
	if c.metrics != nil {
		c.metrics.Record(&metrics.Measured{
			Exchange: x, Resource: described.measured, Service: described.service, Span: identity, Parent: parent, End: end,
		})
	}
	if !kept {
		return
	}
	if x.DebugID != "" && x.Kind == trace.SpanKindServer {
		x.Attributes = append(x.Attributes, debugID.String(httpspan.CleanText([]byte(x.DebugID), maxDebugID)))
	}
	c.spans.Add(1)
	c.out(&span{
		exchange: x,
		identity: identity,
		parent:   parent,
		start:    start,
		end:      end,
		resource: described.resource,
		scope:    &c.scope,
	})
}

// Samples gives the figures of this stage.
func (c *Correlator) Samples() []telemetry.Sample {
	samples := append(flowSamples(c.stats.Load()), c.calls.samples()...)
	samples = append(samples, c.routes.table.Samples()...)
	if c.metrics != nil {
		samples = append(samples, c.metrics.Samples()...)
	}
	return append(append(samples, c.sampler.samples()...), telemetry.Sample{
		Name: "spans", Noun: "spans", Help: "Spans made of exchanges.", Value: c.spans.Load(),
	})
}

// identify returns the span's own context and its parent's.
func (s *sampler) identify(x *flow.Exchange) (identity, parent trace.SpanContext) {
	state, _ := trace.ParseTraceState(x.Tracestate) // a malformed one is dropped: trace-context 3.3.1.5
	ctx := x.Context
	if ctx == (abi.TraceContext{}) {
		return s.mint(x, state)
	}
	config := trace.SpanContextConfig{
		TraceID: ctx.TraceId, SpanID: ctx.SpanId, TraceFlags: trace.TraceFlags(ctx.Flags), TraceState: state,
	}
	if x.Flags&abi.FlagRemoteContext == 0 {
		config.TraceState = trace.TraceState{}
	}
	if abi.SamplingMark(ctx.Sampling)&abi.SamplingByRatio != 0 && config.TraceFlags.IsSampled() {
		config.TraceState = withThreshold(config.TraceState, s.threshold)
	}
	identity = trace.NewSpanContext(config)
	if ctx.ParentId != [8]uint8{} {
		config.SpanID = ctx.ParentId
		config.Remote = x.Kind == trace.SpanKindServer
		parent = trace.NewSpanContext(config)
	}
	return identity, parent
}
