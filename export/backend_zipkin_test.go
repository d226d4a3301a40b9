package export

import (
	"encoding/json"
	"fmt"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/export/internal/otelcol"
	"github.com/throughline/throughline/internal/destination"
)

// TestZipkinArrives: Zipkin carries ids, parents, names, tracestate and links whole; kinds but INTERNAL; times in
// microseconds, a duration of at least one; attributes as strings; events with their attributes as text; of the status
// what this receiver reads: Error by a tag of its own, which stays.
func TestZipkinArrives(t *testing.T) {
	for _, compression := range []string{"none", "gzip"} {
		t.Run(compression, func(t *testing.T) {
			address := fmt.Sprintf("127.0.0.1:%d", otelcol.FreePort(t))
			c := otelcol.Start(t, "zipkin", fmt.Sprintf("{endpoint: %q}", address))
			deliver(t, "zipkin", destination.Settings{Endpoint: "http://" + address + "/api/v2/spans", Compression: compression})
			asSent(t, c, throughZipkin)
		})
	}
}

func TestOddSpansArriveInZipkin(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", otelcol.FreePort(t))
	c := otelcol.Start(t, "zipkin", fmt.Sprintf("{endpoint: %q}", address))
	oddArrive(t, c, "zipkin", destination.Settings{Endpoint: "http://" + address + "/api/v2/spans"})
}

func throughZipkin(s *otelcol.Span) {
	s.Name = valid(s.Name)
	if s.Kind == int(trace.SpanKindInternal) {
		s.Kind = 0
	}
	took := max(micro(s.End-s.Start), 1000)
	s.Start = micro(s.Start)
	s.End = s.Start + took
	s.Attributes, s.Resource = asStrings(s.Attributes), asStrings(s.Resource)
	s.Attributes["otel.scope.name"], s.Attributes["otel.scope.version"] = s.Scope, "0.1.0"
	s.Scope = ""
	if peer, ok := s.Attributes["server.address"]; ok && s.Kind == int(trace.SpanKindClient) {
		s.Attributes["peer.service"] = peer // of the remote endpoint
	}
	if s.Status == 2 {
		s.Attributes["error"] = s.Message
	}
	if s.Status == 1 {
		s.Status = 0
	}
	s.Message = ""
	for i, e := range s.Events {
		if len(e.Attributes) > 0 {
			text, err := json.Marshal(e.Attributes)
			if err != nil {
				panic(err)
			}
			s.Events[i].Name = fmt.Sprintf("%q: %s", e.Name, text)
		}
		s.Events[i].Attributes = map[string]any{}
	}
}
