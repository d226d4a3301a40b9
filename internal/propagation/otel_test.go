package propagation_test

import (
	"context"
	"net/http"
	"testing"

	"go.opentelemetry.io/contrib/propagators/aws/xray"
	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/contrib/propagators/jaeger"
	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/internal/propagation"
	"github.com/throughline/throughline/internal/propagation/samples"
)

// judges are OpenTelemetry's own readers.
var judges = map[propagation.Format]otel.TextMapPropagator{
	propagation.TraceContext: otel.TraceContext{},
	propagation.B3:           b3.New(),
	propagation.B3Multi:      b3.New(b3.WithInjectEncoding(b3.B3MultipleHeader)),
	propagation.Jaeger:       jaeger.Jaeger{},
	propagation.XRay:         xray.Propagator{},
}

// differs are the samples of which OpenTelemetry's Go modules make something else, and why
// it is not followed.
var differs = map[string]string{
	"w3c, unknown flags":           "it does not take unknown bits of version 00; level 2, 3.2.2.5.3 ignores them",
	"w3c, state of 511 bytes":      "members are limited to 256 bytes; what is passed on is not judged here",
	"w3c, state in several fields": "its carrier reads the first of several fields",
	"w3c, twice":                   "likewise",
	"b3, twice":                    "likewise",
	"b3multi, two traces":          "likewise",
	"jaeger, twice":                "likewise",
	"xray, twice":                  "likewise",
	"b3, deferred":                 "no decision is sampled here, as a trace that begins",
	"b3multi, deferred":            "likewise",
	"b3multi, parent":              "likewise",
	"b3, multi if single is bad":   "likewise",
	"b3multi reads single":         "likewise",
	"xray, undecided":              "likewise",
	"xray, asks":                   "likewise",
	"jaeger, debug id":             "it does not know the header",
	"jaeger, no flags":             "it takes an empty part for 0",
}

// TestAgainstOpenTelemetry: the samples say what OpenTelemetry's modules make of them.
func TestAgainstOpenTelemetry(t *testing.T) {
	tried := map[propagation.Format]int{}
	for _, s := range samples.All() {
		if len(s.Read()) != 1 || judges[s.Read()[0]] == nil {
			continue
		}
		format := s.Read()[0]
		carrier := http.Header{}
		for _, h := range s.Headers {
			carrier.Add(h.Name, trimmed(h.Value))
		}
		got := trace.SpanContextFromContext(judges[format].Extract(context.Background(), otel.HeaderCarrier(carrier)))
		same := got.IsValid() == (s.Format != "")
		if same && got.IsValid() {
			same = got.TraceID().String() == s.Trace && got.SpanID().String() == s.Span && got.IsSampled() != s.Unsampled &&
				got.TraceState().String() == s.Tracestate
		}
		if why, known := differs[s.Name]; same == known {
			t.Errorf("%s: OpenTelemetry reads %v sampled %t, the sample says %s-%s; known to differ: %q", s.Name, got, got.IsSampled(), s.Trace, s.Span, why)
		}
		tried[format]++
	}
	for format := range judges {
		if tried[format] < 10 {
			t.Errorf("only %d samples of %s were tried", tried[format], format)
		}
	}
}

func trimmed(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
