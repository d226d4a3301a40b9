package otlp

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// utf8Client makes every string valid UTF-8 before it is sent. Paths are whatever bytes a peer sent, and one wrong
// byte would otherwise cost the whole batch: Protobuf refuses to encode it.
type utf8Client struct{ otlptrace.Client }

// UploadTraces sends the spans.
func (c utf8Client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	for _, rs := range spans {
		repairAll(rs.GetResource().GetAttributes())
		for _, ss := range rs.GetScopeSpans() {
			for _, span := range ss.GetSpans() {
				repair(&span.Name)
				repair(&span.TraceState)
				repairAll(span.GetAttributes())
				if status := span.GetStatus(); status != nil {
					repair(&status.Message)
				}
				for _, event := range span.GetEvents() {
					repair(&event.Name)
					repairAll(event.GetAttributes())
				}
				for _, link := range span.GetLinks() {
					repair(&link.TraceState)
					repairAll(link.GetAttributes())
				}
			}
		}
	}
	return c.Client.UploadTraces(ctx, spans)
}

// repair puts U+FFFD in the place of bytes that are no UTF-8.
func repair(s *string) { *s = strings.ToValidUTF8(*s, "\uFFFD") }

func repairAll(attributes []*commonpb.KeyValue) {
	for _, a := range attributes {
		repair(&a.Key)
		repairValue(a.GetValue())
	}
}

func repairValue(value *commonpb.AnyValue) {
	switch v := value.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		repair(&v.StringValue)
	case *commonpb.AnyValue_ArrayValue:
		for _, element := range v.ArrayValue.GetValues() {
			repairValue(element)
		}
	case *commonpb.AnyValue_KvlistValue:
		repairAll(v.KvlistValue.GetValues())
	}
}
