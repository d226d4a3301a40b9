package redact

import (
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// redacted is a span of which something was changed.
type redacted struct {
	sdktrace.ReadOnlySpan

	name       string
	status     sdktrace.Status
	attributes []attribute.KeyValue
	dropped    int
	events     []sdktrace.Event
	links      []sdktrace.Link
}

func (s *redacted) Name() string                     { return s.name }
func (s *redacted) Status() sdktrace.Status          { return s.status }
func (s *redacted) Attributes() []attribute.KeyValue { return s.attributes }
func (s *redacted) Events() []sdktrace.Event         { return s.events }
func (s *redacted) Links() []sdktrace.Link           { return s.links }

// DroppedAttributes counts those beyond the limit. What redaction drops was never to be recorded.
func (s *redacted) DroppedAttributes() int { return s.ReadOnlySpan.DroppedAttributes() + s.dropped }
