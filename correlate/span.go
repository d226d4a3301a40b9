package correlate

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/correlate/flow"
)

// A span is an exchange with what the exchange does not know. It owns the
// exchange and is never changed. It takes less than half the memory of
// tracetest's snapshot, which has room for what an exchange never has.
type span struct {
	// The SDK's interface has a method that nobody else can implement, hence
	// an embedded one, which is nil. TestSpanHasAllMethods sees to the rest.
	sdktrace.ReadOnlySpan

	exchange         *flow.Exchange
	identity, parent trace.SpanContext
	start, end       time.Time
	resource         *resource.Resource
	scope            *instrumentation.Scope // shared by all spans
}

func (s *span) Name() string                     { return s.exchange.Name }
func (s *span) SpanContext() trace.SpanContext   { return s.identity }
func (s *span) Parent() trace.SpanContext        { return s.parent }
func (s *span) SpanKind() trace.SpanKind         { return s.exchange.Kind }
func (s *span) StartTime() time.Time             { return s.start }
func (s *span) EndTime() time.Time               { return s.end }
func (s *span) Attributes() []attribute.KeyValue { return s.exchange.Attributes }
func (s *span) Resource() *resource.Resource     { return s.resource }

func (s *span) Status() sdktrace.Status {
	return sdktrace.Status{Code: s.exchange.Status, Description: s.exchange.Description}
}

func (s *span) InstrumentationScope() instrumentation.Scope { return *s.scope }

// InstrumentationLibrary is the old name of InstrumentationScope, which the
// SDK's interface still has.
func (s *span) InstrumentationLibrary() instrumentation.Library { //nolint:staticcheck // see above
	return *s.scope
}

func (*span) Links() []sdktrace.Link   { return nil }
func (*span) Events() []sdktrace.Event { return nil }
func (*span) DroppedAttributes() int   { return 0 }
func (*span) DroppedLinks() int        { return 0 }
func (*span) DroppedEvents() int       { return 0 }
func (*span) ChildSpanCount() int      { return 0 }
