// Package redact takes out of spans what must not leave the host, once and before any exporter's queue: queries and users of
// URLs, what is a secret or personal by its shape (internal/secret), literals of statements, header values that are not asked
// for, and what rules of the user's name. It also keeps the limits that the OpenTelemetry specification sets for attributes.
package redact

import (
	"fmt"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/internal/secret"
	"github.com/throughline/throughline/internal/telemetry"
)

// Config says what is taken out. The zero value redacts by the rules that are built in, with no limits.
type Config struct {
	// Off leaves everything as it is, but for the limits.
	Off bool
	// Headers are the names of the header fields whose values are exported, in any case.
	Headers []string
	// Rules of the user's come before those that are built in, in this order.
	Rules []Rule
	// Salt is the key of hashes; it must be set if a rule hashes.
	Salt string
	// Limits hold for what is left.
	Limits Limits
}

// Redactor redacts spans. It is used by any number of goroutines.
type Redactor struct {
	off     bool
	headers map[string]bool
	rules   []rule
	limits  Limits

	redacted, dropped atomic.Uint64
}

// New compiles the rules. An error is one sentence about the first one that cannot work.
func New(c Config) (*Redactor, error) {
	r := &Redactor{off: c.Off, limits: c.Limits, headers: map[string]bool{}}
	for _, name := range c.Headers {
		r.headers[headerName(name)] = true
	}
	for i, given := range c.Rules {
		made, err := given.compile(c.Salt)
		if err != nil {
			return nil, fmt.Errorf("reading rule %d of redaction: %w", i+1, err)
		}
		r.rules = append(r.rules, made)
	}
	return r, nil
}

// The names by which rules reach what is no attribute.
const (
	spanName          = "span.name"
	statusDescription = "status.description"
)

// Span returns the span as it may leave the host: the span itself, and nothing is allocated, if nothing has to change.
func (r *Redactor) Span(span sdktrace.ReadOnlySpan) sdktrace.ReadOnlySpan {
	if r.off && r.limits == (Limits{}) {
		return span
	}
	was := span.Attributes()
	attributes, dropped := r.attributes(was, r.limits.Attributes)
	changed := !identical(attributes, was)
	name, status := span.Name(), span.Status()
	cleanName, cleanStatus := name, status.Description
	events, links := span.Events(), span.Links()
	eventsChanged, linksChanged := false, false
	if !r.off {
		cleanName = r.name(name, was)
		cleanStatus = r.text(statusDescription, status.Description)
	}
	events, eventsChanged = r.events(events)
	links, linksChanged = r.links(links)
	if !changed && cleanName == name && cleanStatus == status.Description && !eventsChanged && !linksChanged {
		return span
	}
	r.redacted.Add(1)
	r.dropped.Add(uint64(dropped))
	status.Description = cleanStatus
	return &redacted{
		ReadOnlySpan: span, name: cleanName, status: status, attributes: attributes, dropped: dropped, events: events, links: links,
	}
}

// Attributes returns attributes that are no span's as they may leave the host, under the rules and without limits of their number.
func (r *Redactor) Attributes(all []attribute.KeyValue) []attribute.KeyValue {
	clean, _ := r.attributes(all, limit{})
	return clean
}

// name is the span's name. That of a statement may be the statement.
func (r *Redactor) name(name string, attributes []attribute.KeyValue) string {
	clean := r.text(spanName, name)
	for i := range attributes {
		if key := attributes[i].Key; key == databaseSystem || key == databaseSystemOld {
			return literals(clean, attributes[i].Value.AsString())
		}
	}
	return clean
}

// text applies the rules to a string that has this name, and then those that are built in.
func (r *Redactor) text(key, s string) string {
	for i := range r.rules {
		if rule := &r.rules[i]; rule.names(key) {
			s = rule.apply(s)
		}
	}
	return secret.Mask(s)
}

// events redacts the events' names and attributes.
func (r *Redactor) events(all []sdktrace.Event) (clean []sdktrace.Event, changed bool) {
	clean = all
	for i := range all {
		attributes, dropped := r.attributes(all[i].Attributes, r.limits.EventAttributes)
		name := all[i].Name
		if !r.off {
			name = secret.Mask(name)
		}
		if name == all[i].Name && identical(attributes, all[i].Attributes) {
			continue
		}
		if !changed {
			clean, changed = append([]sdktrace.Event(nil), all...), true
		}
		clean[i].Name, clean[i].Attributes = name, attributes
		clean[i].DroppedAttributeCount += dropped
	}
	return clean, changed
}

// links redacts the links' attributes.
func (r *Redactor) links(all []sdktrace.Link) (clean []sdktrace.Link, changed bool) {
	clean = all
	for i := range all {
		attributes, dropped := r.attributes(all[i].Attributes, r.limits.LinkAttributes)
		if identical(attributes, all[i].Attributes) {
			continue
		}
		if !changed {
			clean, changed = append([]sdktrace.Link(nil), all...), true
		}
		clean[i].Attributes = attributes
		clean[i].DroppedAttributeCount += dropped
	}
	return clean, changed
}

// identical tells whether two slices are one.
func identical(a, b []attribute.KeyValue) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// Samples are the figures of redaction; it is a telemetry.Source.
func (r *Redactor) Samples() []telemetry.Sample {
	return []telemetry.Sample{
		{Name: "redacted_spans", Help: "Spans that were changed by redaction or by the limits of attributes.", Value: r.redacted.Load()},
		{Name: "dropped_attributes", Help: "Attributes beyond the limit of their number.", Value: r.dropped.Load()},
	}
}
