package export

import (
	"fmt"
	"testing"

	"github.com/throughline/throughline/export/internal/otelcol"
	"github.com/throughline/throughline/internal/destination"
)

// TestJaegerArrives: Jaeger carries everything but the attributes of links, and times in microseconds. The scope and
// tracestate are attributes for this receiver; lists are JSON.
func TestJaegerArrives(t *testing.T) {
	t.Run("http", func(t *testing.T) {
		address := fmt.Sprintf("127.0.0.1:%d", otelcol.FreePort(t))
		c := otelcol.Start(t, "jaeger", fmt.Sprintf("{protocols: {thrift_http: {endpoint: %q}}}", address))
		deliver(t, "jaeger", destination.Settings{Endpoint: "http://" + address + "/api/traces"})
		asSent(t, c, throughJaeger)
	})
	t.Run("udp", func(t *testing.T) {
		address := fmt.Sprintf("127.0.0.1:%d", otelcol.FreePort(t))
		c := otelcol.Start(t, "jaeger", fmt.Sprintf("{protocols: {thrift_compact: {endpoint: %q}}}", address))
		deliver(t, "jaeger", destination.Settings{Protocol: "udp/thrift.compact", Endpoint: address})
		asSent(t, c, throughJaeger)
	})
}

func TestOddSpansArriveInJaeger(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", otelcol.FreePort(t))
	c := otelcol.Start(t, "jaeger", fmt.Sprintf("{protocols: {thrift_compact: {endpoint: %q}}}", address))
	oddArrive(t, c, "jaeger", destination.Settings{Protocol: "udp/thrift.compact", Endpoint: address})
}

func throughJaeger(s *otelcol.Span) {
	s.Name = valid(s.Name)
	took := micro(s.End - s.Start)
	s.Start = micro(s.Start)
	s.End = s.Start + took
	for k, v := range s.Attributes {
		switch v.(type) {
		case string, []any:
			s.Attributes[k] = asStrings(map[string]any{k: v})[k]
		}
	}
	s.Attributes["otel.scope.name"], s.Attributes["otel.scope.version"] = s.Scope, "0.1.0"
	s.Attributes["w3c.tracestate"] = s.State
	s.Scope, s.State = "", ""
	for i := range s.Links {
		s.Links[i].Attributes = map[string]any{"opentracing.ref_type": "follows_from"}
	}
}
