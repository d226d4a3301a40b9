package otelcol

import (
	"encoding/base64"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Span is a span as its receiver understood it. Attributes are string, bool, int64, float64, []any, or []byte.
type Span struct {
	Trace, ID, Parent string
	State             string
	Name              string
	Kind              int // as OTLP numbers them
	Start, End        int64
	Status            int // as OTLP numbers them
	Message           string
	Attributes        map[string]any
	Resource          map[string]any
	Scope             string
	Events            []Event
	Links             []Link
}

// Event is one of a span's.
type Event struct {
	Time       int64
	Name       string
	Attributes map[string]any
}

// Link is one of a span's.
type Link struct {
	Trace, ID  string
	Attributes map[string]any
}

// Of is the span as it would arrive if nothing were lost.
func Of(s sdktrace.ReadOnlySpan) Span {
	span := Span{
		Trace: s.SpanContext().TraceID().String(), ID: s.SpanContext().SpanID().String(),
		State: s.SpanContext().TraceState().String(), Name: s.Name(), Kind: int(s.SpanKind()),
		Start: s.StartTime().UnixNano(), End: s.EndTime().UnixNano(),
		Message: s.Status().Description, Attributes: attributes(s.Attributes()), Resource: attributes(s.Resource().Attributes()),
		Scope: s.InstrumentationScope().Name,
	}
	switch s.Status().Code.String() {
	case "Ok":
		span.Status = 1
	case "Error":
		span.Status = 2
	}
	if s.Parent().SpanID().IsValid() {
		span.Parent = s.Parent().SpanID().String()
	}
	for _, e := range s.Events() {
		span.Events = append(span.Events, Event{Time: e.Time.UnixNano(), Name: e.Name, Attributes: attributes(e.Attributes)})
	}
	for _, l := range s.Links() {
		span.Links = append(span.Links, Link{Trace: l.SpanContext.TraceID().String(), ID: l.SpanContext.SpanID().String(),
			Attributes: attributes(l.Attributes)})
	}
	return span
}

func attributes(all []attribute.KeyValue) map[string]any {
	m := map[string]any{}
	for _, a := range all {
		m[string(a.Key)] = plain(a.Value)
	}
	return m
}

func plain(v attribute.Value) any {
	list := []any{}
	switch v.Type() {
	case attribute.BOOLSLICE:
		for _, x := range v.AsBoolSlice() {
			list = append(list, x)
		}
	case attribute.INT64SLICE:
		for _, x := range v.AsInt64Slice() {
			list = append(list, x)
		}
	case attribute.FLOAT64SLICE:
		for _, x := range v.AsFloat64Slice() {
			list = append(list, x)
		}
	case attribute.STRINGSLICE:
		for _, x := range v.AsStringSlice() {
			list = append(list, x)
		}
	default:
		return v.AsInterface()
	}
	return list
}

// What follows are the messages of OTLP as its JSON writes them: ids in hexadecimal, 64-bit integers as strings.
type tracesData struct {
	ResourceSpans []struct {
		Resource   struct{ Attributes []keyValue }
		ScopeSpans []struct {
			Scope struct{ Name string }
			Spans []wireSpan
		}
	}
}

type wireSpan struct {
	TraceID, SpanID, ParentSpanID, TraceState, Name string
	Kind                                            int
	StartTimeUnixNano, EndTimeUnixNano              uint64 `json:",string"` // a receiver may read what no time is
	Attributes                                      []keyValue
	Status                                          struct {
		Code    int
		Message string
	}
	Events []struct {
		TimeUnixNano int64 `json:",string"`
		Name         string
		Attributes   []keyValue
	}
	Links []struct {
		TraceID, SpanID string
		Attributes      []keyValue
	}
}

type keyValue struct {
	Key   string
	Value anyValue
}

type anyValue struct {
	StringValue *string
	BoolValue   *bool
	IntValue    *string
	DoubleValue any // a number, or a word for what is none
	BytesValue  *string
	ArrayValue  *struct{ Values []anyValue }
}

func (v anyValue) plain() any {
	switch {
	case v.StringValue != nil:
		return *v.StringValue
	case v.BoolValue != nil:
		return *v.BoolValue
	case v.IntValue != nil:
		n, err := strconv.ParseInt(*v.IntValue, 10, 64)
		if err != nil {
			return err
		}
		return n
	case v.DoubleValue != nil:
		return v.DoubleValue
	case v.BytesValue != nil:
		b, err := base64.StdEncoding.DecodeString(*v.BytesValue)
		if err != nil {
			return err
		}
		return b
	case v.ArrayValue != nil:
		list := []any{}
		for _, x := range v.ArrayValue.Values {
			list = append(list, x.plain())
		}
		return list
	}
	return nil
}

func mapping(all []keyValue) map[string]any {
	m := map[string]any{}
	for _, a := range all {
		m[a.Key] = a.Value.plain()
	}
	return m
}

func (d tracesData) spans() (all []Span) {
	for _, r := range d.ResourceSpans {
		for _, s := range r.ScopeSpans {
			for _, w := range s.Spans {
				span := Span{Trace: w.TraceID, ID: w.SpanID, Parent: w.ParentSpanID, State: w.TraceState, Name: w.Name, Kind: w.Kind,
					Start: int64(w.StartTimeUnixNano), End: int64(w.EndTimeUnixNano), Status: w.Status.Code, Message: w.Status.Message,
					Attributes: mapping(w.Attributes), Resource: mapping(r.Resource.Attributes), Scope: s.Scope.Name}
				for _, e := range w.Events {
					span.Events = append(span.Events, Event{Time: e.TimeUnixNano, Name: e.Name, Attributes: mapping(e.Attributes)})
				}
				for _, l := range w.Links {
					span.Links = append(span.Links, Link{Trace: l.TraceID, ID: l.SpanID, Attributes: mapping(l.Attributes)})
				}
				all = append(all, span)
			}
		}
	}
	return all
}
