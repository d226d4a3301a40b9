package otlp

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"

	"github.com/throughline/throughline/export/internal/failure"
	"github.com/throughline/throughline/export/internal/fakecollector"
	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/internal/destination"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// environment clears the OTLP variables and sets those given.
func environment(t testing.TB, variables map[string]string) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, value) // so that it is put back
			os.Unsetenv(name)
		}
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

func open(t testing.TB, variables map[string]string) *Exporter {
	t.Helper()
	environment(t, variables)
	exporter, err := New(t.Context(), destination.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := exporter.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return exporter
}

func send(t *testing.T, exporter *Exporter, patience time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return exporter.ExportSpans(ctx, sampletrace.Snapshots(sampletrace.Checkout()))
}

// transports runs a test over every protocol.
func transports(t *testing.T, test func(t *testing.T, c *fakecollector.Collector, variables map[string]string)) {
	t.Run("grpc", func(t *testing.T) {
		c := &fakecollector.Collector{}
		test(t, c, map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
			"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + fakecollector.GRPC(t, c, "", nil)})
	})
	t.Run("http", func(t *testing.T) {
		c := &fakecollector.Collector{}
		server := fakecollector.HTTP(t, c, "")
		server.Start()
		test(t, c, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL})
	})
}

func TestDelivers(t *testing.T) {
	transports(t, func(t *testing.T, c *fakecollector.Collector, variables map[string]string) {
		variables["OTEL_EXPORTER_OTLP_HEADERS"] = "x-tenant=blue,authorization=Bearer%20abc"
		variables["OTEL_EXPORTER_OTLP_COMPRESSION"] = "gzip"
		if err := send(t, open(t, variables), 5*time.Second); err != nil {
			t.Fatal(err)
		}
		if n := len(c.Spans()); n != 8 {
			t.Errorf("%d spans arrived", n)
		}
		if got := c.Header("X-Tenant") + c.Header("Authorization"); got != "blueBearer abc" {
			t.Errorf("headers are %q", got)
		}
		if got := c.Header("Content-Encoding"); got != "gzip" && variables["OTEL_EXPORTER_OTLP_PROTOCOL"] == "" {
			t.Errorf("encoding is %q", got)
		}
	})
}

func TestJSONOverHTTP(t *testing.T) {
	c := &fakecollector.Collector{}
	server := fakecollector.HTTP(t, c, "")
	server.Start()
	exporter := open(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL,
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"})
	spans := append(sampletrace.Checkout(), sampletrace.Span{ID: 9, Method: "G\xff", Path: "/\xc3("})
	if err := exporter.ExportSpans(t.Context(), sampletrace.Snapshots(spans)); err != nil {
		t.Fatal(err)
	}
	if got := c.Header("Content-Type"); got != "application/json" {
		t.Errorf("content type is %q", got)
	}
}

// A batch is sent once, and the error says whether it may be sent again.
func TestRetryAfter(t *testing.T) {
	f := func(name string, answer fakecollector.Answer, pause time.Duration, again bool) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			transports(t, func(t *testing.T, c *fakecollector.Collector, variables map[string]string) {
				c.Next(answer)
				exporter := open(t, variables)
				err := send(t, exporter, 5*time.Second)
				var known *failure.Error
				if !errors.As(err, &known) || c.Calls() != 1 {
					t.Fatalf("%d calls, error %#v", c.Calls(), err)
				}
				if got, ok := known.RetryAfter(); ok != again || got != pause {
					t.Errorf("again %v after %v: %v", ok, got, err)
				}
				if err := send(t, exporter, 5*time.Second); err != nil || len(c.Spans())%8 != 0 {
					t.Errorf("afterwards %d spans arrived, error %v", len(c.Spans()), err)
				}
			})
		})
	}
	f("overloaded", fakecollector.Answer{Code: codes.Unavailable, HTTP: 503}, 0, true)
	f("overloaded for long", fakecollector.Answer{Code: codes.ResourceExhausted, HTTP: 429, RetryAfter: 7 * time.Second}, 7*time.Second, true)
	f("bad gateway", fakecollector.Answer{Code: codes.Aborted, HTTP: 502}, 0, true)
	f("wrong", fakecollector.Answer{Code: codes.InvalidArgument, HTTP: 400, RetryAfter: 7 * time.Second}, 0, false)
	f("broken", fakecollector.Answer{Code: codes.Internal, HTTP: 500}, 0, false)
	f("partial", fakecollector.Answer{Rejected: 3}, 0, false)
}

func TestReasons(t *testing.T) {
	f := func(name string, answer fakecollector.Answer, patience time.Duration, reason string, lost int) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			transports(t, func(t *testing.T, c *fakecollector.Collector, variables map[string]string) {
				answers := make([]fakecollector.Answer, 20)
				for i := range answers {
					answers[i] = answer
				}
				c.Next(answers...)
				err := send(t, open(t, variables), patience)
				var known *failure.Error
				if !errors.As(err, &known) {
					t.Fatalf("error is %#v", err)
				}
				if known.Reason() != reason || known.Lost(8) != lost {
					t.Errorf("lost %d for %s: %v", known.Lost(8), known.Reason(), err)
				}
			})
		})
	}
	f("overloaded", fakecollector.Answer{Code: codes.Unavailable, HTTP: 503}, 300*time.Millisecond, failure.Unavailable, 8)
	f("unauthorized", fakecollector.Answer{Code: codes.Unauthenticated, HTTP: 401}, 5*time.Second, failure.Refused, 8)
	f("not implemented", fakecollector.Answer{Code: codes.Unimplemented, HTTP: 404}, 5*time.Second, failure.Refused, 8)
	f("partial", fakecollector.Answer{Rejected: 3}, 5*time.Second, failure.Rejected, 3)
	f("slow", fakecollector.Answer{Wait: make(chan struct{})}, 100*time.Millisecond, failure.Timeout, 8)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestCollectorThatIsDown(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			exporter := open(t, map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
				"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + freeAddress(t)})
			err := send(t, exporter, 300*time.Millisecond)
			var known *failure.Error
			if !errors.As(err, &known) || known.Reason() != failure.Unavailable {
				t.Fatalf("error is %v", err)
			}
			if _, again := known.RetryAfter(); !again {
				t.Error("it may not be sent again")
			}
		})
	}
}

// certificate is httptest's own, for 127.0.0.1.
func certificate(t *testing.T) (config *tls.Config, file string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	file = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: server.TLS.Certificates}, file
}

func TestTLS(t *testing.T) {
	config, file := certificate(t)
	f := func(protocol, endpoint string, c *fakecollector.Collector) {
		t.Helper()
		variables := map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
		if err := send(t, open(t, variables), time.Second); err == nil {
			t.Errorf("%s: an unknown certificate was trusted", protocol)
		}
		variables["OTEL_EXPORTER_OTLP_CERTIFICATE"] = file
		if err := send(t, open(t, variables), 5*time.Second); err != nil || len(c.Spans()) != 8 {
			t.Errorf("%s: %d spans arrived, error %v", protocol, len(c.Spans()), err)
		}
	}
	c := &fakecollector.Collector{}
	f("grpc", "https://"+fakecollector.GRPC(t, c, "", config), c)
	c = &fakecollector.Collector{}
	server := fakecollector.HTTP(t, c, "")
	server.TLS = config
	server.StartTLS()
	f("http/protobuf", server.URL, c)
}

func TestBytesThatAreNoUTF8(t *testing.T) {
	transports(t, func(t *testing.T, c *fakecollector.Collector, variables map[string]string) {
		spans := append(sampletrace.Checkout(), sampletrace.Span{ID: 9, Method: "G\xff", Path: "/\xc3(", Status: 200})
		if err := open(t, variables).ExportSpans(t.Context(), sampletrace.Snapshots(spans)); err != nil {
			t.Fatal(err)
		}
		if n := len(c.Spans()); n != 9 {
			t.Errorf("%d spans arrived", n)
		}
	})
}

// BenchmarkEncode is the exporter's own part of BenchmarkExport, which pays for the collector too. Beside it is the
// SDK's exporter.
func BenchmarkEncode(b *testing.B) {
	spans := batch()
	var sdk float64
	f := func(name string, exporter sdktrace.SpanExporter) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := exporter.ExportSpans(b.Context(), spans); err != nil {
					b.Fatal(err)
				}
			}
			each := float64(b.Elapsed().Nanoseconds()) / float64(b.N*len(spans))
			b.ReportMetric(each, "ns/span")
			if sdk == 0 {
				sdk = each
			}
			b.ReportMetric(each/sdk, "of-sdk")
		})
	}
	f("sdk", otlptrace.NewUnstarted(&request{}))
	f("wire", &Exporter{client: &request{}})
}

// batch is as many spans as the SDK sends at once.
func batch() []sdktrace.ReadOnlySpan {
	var spans []sampletrace.Span
	for len(spans) < sdktrace.DefaultMaxExportBatchSize {
		spans = append(spans, sampletrace.Checkout()...)
	}
	return sampletrace.Snapshots(spans)
}

func BenchmarkExport(b *testing.B) {
	spans := batch()
	f := func(protocol, endpoint string) {
		b.Run(protocol, func(b *testing.B) {
			exporter := open(b, map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if err := exporter.ExportSpans(context.Background(), spans); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(spans)), "ns/span")
		})
	}
	c := &fakecollector.Collector{Discard: true}
	f("grpc", "http://"+fakecollector.GRPC(b, c, "", nil))
	server := fakecollector.HTTP(b, c, "")
	server.Start()
	f("http/protobuf", server.URL)
}
