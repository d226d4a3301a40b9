package otlp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/throughline/throughline/internal/destination"
)

func TestEnvironmentErrors(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.pem")
	if err := os.WriteFile(text, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(name, value, want string, more ...string) {
		t.Helper()
		variables := map[string]string{name: value}
		for i := 0; i < len(more); i += 2 {
			variables[more[i]] = more[i+1]
		}
		environment(t, variables)
		exporter, err := New(t.Context(), destination.Settings{})
		if err == nil {
			_ = exporter.Shutdown(t.Context())
			t.Errorf("%s=%s: no error", name, value)
			return
		}
		if message := err.Error(); !strings.Contains(message, want) || strings.Contains(message, "\n") {
			t.Errorf("%s=%s: error is %q, want %q in it", name, value, message, want)
		}
	}
	const p = "OTEL_EXPORTER_OTLP_"
	f(p+"PROTOCOL", "thrift", `unknown protocol "thrift"; known are grpc, http/protobuf, http/json`)
	f(p+"ENDPOINT", "localhost:4318", "does not begin with http:// or https://")
	f(p+"ENDPOINT", "http://", "names no host")
	f(p+"ENDPOINT", "http://:4318", "names no host")
	f(p+"ENDPOINT", "http://a b/", "write a URL such as http://localhost:4318")
	f(p+"ENDPOINT", "127.0.0.1:4317", "write a URL such as http://localhost:4317", p+"PROTOCOL", "grpc")
	f(p+"ENDPOINT", "localhost:70000", "port", p+"PROTOCOL", "grpc")
	f(p+"TRACES_ENDPOINT", "http://localhost:0", "reading OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	f(p+"CERTIFICATE", "/nowhere/ca.pem", "/nowhere/ca.pem: no such file")
	f(p+"CERTIFICATE", text, "holds no certificate")
	f(p+"CLIENT_KEY", text, "CLIENT_CERTIFICATE is not set")
	f(p+"TRACES_CLIENT_CERTIFICATE", text, "TRACES_CLIENT_KEY is not set")
	f(p+"CLIENT_CERTIFICATE", text, "CLIENT_CERTIFICATE and", p+"CLIENT_KEY", text)
	f(p+"COMPRESSION", "zstd", `"zstd" is none of gzip, none`)
	f(p+"TIMEOUT", "10s", "milliseconds")
	f(p+"INSECURE", "maybe", "none of true, false")
	f(p+"HEADERS", "api-key=secret,oops", "header 2 is not of the form name=value")
	f(p+"HEADERS", "api-key=%zz", "api-key")
}

func TestHeaderErrorsHideValues(t *testing.T) {
	environment(t, map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "secret-without-name"})
	if _, err := New(t.Context(), destination.Settings{}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error is %v", err)
	}
}

func TestEnvironmentGood(t *testing.T) {
	for _, variables := range []map[string]string{
		{},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example.com"},
		{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317", "OTEL_EXPORTER_OTLP_INSECURE": "TRUE"},
		{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "unix:///run/otel.sock"},
		{"OTEL_EXPORTER_OTLP_TIMEOUT": "2500", "OTEL_EXPORTER_OTLP_COMPRESSION": "none", "OTEL_EXPORTER_OTLP_HEADERS": "a=1, b=2"},
	} {
		environment(t, variables)
		exporter, err := New(t.Context(), destination.Settings{})
		if err != nil {
			t.Errorf("%v: %v", variables, err)
			continue
		}
		if err := exporter.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
