package export

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/throughline/throughline/export/internal/otelcol"
	"github.com/throughline/throughline/internal/destination"
)

// TestOTLPArrives: nothing is lost but what is no UTF-8.
func TestOTLPArrives(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf", "http/json"} {
		t.Run(protocol, func(t *testing.T) {
			c, address := startOTLP(t, protocol == "grpc")
			environment(t, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address, "OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
			deliver(t, "otlp", destination.Settings{})
			asSent(t, c, throughOTLP)
		})
	}
}

// TestOTLPJSONFileArrives: each line is a request that the collector takes.
func TestOTLPJSONFileArrives(t *testing.T) {
	c, address := startOTLP(t, false)
	path := filepath.Join(t.TempDir(), "spans.jsonl")
	deliver(t, "otlpjsonfile", destination.Settings{Path: path})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		response, err := http.Post("http://"+address+"/v1/traces", "application/json", bytes.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("the collector answers %s", response.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	asSent(t, c, throughOTLP)
}

func startOTLP(t *testing.T, grpc bool) (*otelcol.Collector, string) {
	address, protocol := fmt.Sprintf("127.0.0.1:%d", otelcol.FreePort(t)), "http"
	if grpc {
		protocol = "grpc"
	}
	return otelcol.Start(t, "otlp", fmt.Sprintf("{protocols: {%s: {endpoint: %q}}}", protocol, address)), address
}

func throughOTLP(s *otelcol.Span) {
	s.Name = valid(s.Name)
	for k, v := range s.Attributes {
		if text, ok := v.(string); ok {
			s.Attributes[k] = valid(text)
		}
	}
}
