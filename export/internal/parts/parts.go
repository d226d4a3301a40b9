// Package parts is for protocols that take a batch only in several pieces, so that some of it can arrive and the rest
// not.
package parts

import (
	"errors"
	"syscall"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/export/internal/failure"
)

// A Part is one piece of a batch as it is sent, and the spans in it.
type Part struct {
	Bytes []byte
	Spans []sdktrace.ReadOnlySpan
}

// span is what tells a span from the others of all traces.
type span struct {
	trace trace.TraceID
	id    trace.SpanID
}

// Arrived is which spans of the last batch arrived though the batch as a whole did not. When that batch comes again,
// they are left out. The zero value is ready; it is no more than a batch large.
type Arrived struct {
	// Unanswered is set for packets: a refusal tells of those that were sent before it.
	Unanswered bool

	spans map[span]struct{}
}

// Without returns the spans that have not arrived.
func (a *Arrived) Without(spans []sdktrace.ReadOnlySpan) []sdktrace.ReadOnlySpan {
	if len(a.spans) == 0 {
		return spans
	}
	var rest []sdktrace.ReadOnlySpan
	for _, s := range spans {
		if _, ok := a.spans[of(s)]; !ok {
			rest = append(rest, s)
		}
	}
	if len(rest) == len(spans) {
		a.spans = nil // that batch was given up, and this is another
	}
	return rest
}

func of(s sdktrace.ReadOnlySpan) span {
	return span{s.SpanContext().TraceID(), s.SpanContext().SpanID()}
}

// Send hands the parts to send, one after another until one fails. unfit are spans in none of them, which do not fit
// into the protocol. The error is nil or a *failure.Error, whose losses are what did not arrive: of a failure that may
// be tried again what did is remembered.
func (a *Arrived) Send(parts []Part, unfit error, unfitSpans int, send func(Part) error) error {
	for i, part := range parts {
		err := send(part)
		if err == nil {
			continue
		}
		if a.Unanswered && errors.Is(err, syscall.ECONNREFUSED) {
			i = 0
		}
		lost := unfitSpans
		for _, p := range parts[i:] {
			lost += len(p.Spans)
		}
		known := failure.Of(err, lost)
		if _, again := known.RetryAfter(); again {
			a.remember(parts[:i])
		} else {
			a.spans = nil
		}
		return known
	}
	a.spans = nil
	if unfitSpans > 0 {
		return failure.New(failure.Rejected, unfitSpans, unfit)
	}
	return nil
}

func (a *Arrived) remember(parts []Part) {
	if a.spans == nil {
		a.spans = map[span]struct{}{}
	}
	for _, p := range parts {
		for _, s := range p.Spans {
			a.spans[of(s)] = struct{}{}
		}
	}
}

// ByResource puts spans together whose resources have equal attributes, in the order of the first of each.
func ByResource(spans []sdktrace.ReadOnlySpan) []OfResource {
	var all []OfResource
	index := map[attribute.Distinct]int{}
	for _, s := range spans {
		key := s.Resource().Equivalent()
		i, ok := index[key]
		if !ok {
			i = len(all)
			index[key] = i
			all = append(all, OfResource{Resource: s.Resource()})
		}
		all[i].Spans = append(all[i].Spans, s)
	}
	return all
}

// OfResource is a batch's spans of one resource.
type OfResource struct {
	Resource *resource.Resource
	Spans    []sdktrace.ReadOnlySpan
}
