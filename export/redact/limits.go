package redact

import (
	"fmt"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
)

// DefaultAttributes is how many attributes a span, an event or a link may have (OpenTelemetry specification, "Attribute Limits").
const DefaultAttributes = 128

// limit is a number that nothing may exceed, if it is set.
type limit struct {
	set  bool
	most int
}

// Limits are those of the specification. The zero value has none.
type Limits struct {
	// Attributes, EventAttributes and LinkAttributes bound their number; those at the end go.
	Attributes, EventAttributes, LinkAttributes limit
	// ValueLength bounds strings in characters, those in lists one by one.
	ValueLength limit
}

// LimitsFromEnvironment reads what the specification's "Environment Variable Specification" has for attributes. An error is one sentence.
func LimitsFromEnvironment(getenv func(string) string) (Limits, error) {
	general := limit{set: true, most: DefaultAttributes}
	l := Limits{}
	for _, v := range []struct {
		name     string
		to       *limit
		fallback *limit
	}{
		{"OTEL_ATTRIBUTE_COUNT_LIMIT", &general, &general},
		{"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", &l.Attributes, &general},
		{"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", &l.EventAttributes, &general},
		{"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", &l.LinkAttributes, &general},
		{"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", &l.ValueLength, &l.ValueLength},
		{"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", &l.ValueLength, &l.ValueLength},
	} {
		*v.to = *v.fallback
		text := getenv(v.name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return Limits{}, fmt.Errorf("%s=%q cannot be used: a limit is a whole number, 0 or more", v.name, text)
		}
		*v.to = limit{set: true, most: n}
	}
	return l, nil
}

// cut shortens strings that are too long. It tells whether there are any.
func (l *Limits) cut(v *attribute.Value) (changed bool) {
	switch v.Type() {
	case attribute.STRING:
		if s := first(v.AsString(), l.ValueLength.most); len(s) < len(v.AsString()) {
			*v = attribute.StringValue(s)
			return true
		}
	case attribute.STRINGSLICE:
		all := v.AsStringSlice()
		for i, s := range all {
			all[i] = first(s, l.ValueLength.most)
			changed = changed || len(all[i]) < len(s)
		}
		if changed {
			*v = attribute.StringSliceValue(all)
		}
	}
	return changed
}

// first is the first n characters of s.
func first(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
