package otlp

import (
	"crypto/tls"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/throughline/throughline/export/internal/fakecollector"
	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/internal/destination"
)

// TestSettings: each key does what it says over either transport, and what a variable says too is the variable's.
func TestSettings(t *testing.T) {
	send := func(s destination.Settings) error {
		t.Helper()
		exporter, err := New(t.Context(), s)
		if err != nil {
			return err
		}
		defer exporter.Shutdown(t.Context())
		return exporter.ExportSpans(t.Context(), sampletrace.Shop())
	}
	for _, protocol := range []string{protocolGRPC, protocolHTTP, protocolJSON} {
		t.Run(protocol, func(t *testing.T) {
			environment(t, nil)
			var collector fakecollector.Collector
			endpoint := serve(t, &collector, protocol)
			s := destination.Settings{Endpoint: endpoint, Protocol: protocol, Headers: map[string]string{"X-Team": "shop"},
				Compression: "gzip", Timeout: 5 * time.Second}
			if err := send(s); err != nil || collector.Header("X-Team") != "shop" || collector.Calls() != 1 {
				t.Fatalf("%d calls, header %q: %v", collector.Calls(), collector.Header("X-Team"), err)
			}
			t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=other")
			if err := send(s); err != nil || collector.Header("X-Team") != "other" {
				t.Errorf("header %q: %v", collector.Header("X-Team"), err)
			}
			s.Endpoint = "http://127.0.0.1:1"
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
			if err := send(s); err != nil || collector.Calls() != 3 {
				t.Errorf("%d calls: %v", collector.Calls(), err)
			}
		})
	}
}

func serve(t *testing.T, c *fakecollector.Collector, protocol string) string {
	t.Helper()
	if protocol == protocolGRPC {
		return "http://" + fakecollector.GRPC(t, c, "", nil)
	}
	server := fakecollector.HTTP(t, c, "")
	server.Start()
	return server.URL
}

// TestSettingsTLS: a certificate of the file is what the server is checked by.
func TestSettingsTLS(t *testing.T) {
	environment(t, nil)
	var collector fakecollector.Collector
	server := fakecollector.HTTP(t, &collector, "")
	server.StartTLS()
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	grpc := fakecollector.GRPC(t, &collector, "", &tls.Config{Certificates: server.TLS.Certificates})
	for _, s := range []destination.Settings{
		{Endpoint: server.URL, TLS: destination.TLS{CA: file}},
		{Endpoint: server.URL, TLS: destination.TLS{InsecureSkipVerify: true}},
		{Endpoint: grpc, Protocol: protocolGRPC, TLS: destination.TLS{CA: file}},
		{Endpoint: "https://" + grpc, Protocol: protocolGRPC, TLS: destination.TLS{CA: file}},
	} {
		exporter, err := New(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if err := exporter.ExportSpans(t.Context(), sampletrace.Shop()); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
		if err := exporter.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if collector.Calls() != 4 {
		t.Errorf("%d calls", collector.Calls())
	}
}

func TestBadSettings(t *testing.T) {
	environment(t, nil)
	for want, s := range map[string]destination.Settings{
		"unknown protocol":   {Protocol: "smoke"},
		"does not begin":     {Endpoint: "collector:4318"},
		"names no host":      {Endpoint: "http://"},
		"reading tls.ca":     {TLS: destination.TLS{CA: "/absent"}},
		"need each other":    {TLS: destination.TLS{Cert: "/absent"}},
		"tls.cert and tls.k": {TLS: destination.TLS{Cert: "/absent", Key: "/absent"}},
	} {
		if _, err := New(t.Context(), s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q in it", s, err, want)
		}
	}
}
