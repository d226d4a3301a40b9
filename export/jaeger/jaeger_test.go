package jaeger

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/agent"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/zipkincore"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/throughline/throughline/export/internal/failure"
	"github.com/throughline/throughline/export/internal/packet"
	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/internal/destination"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// received counts the spans of an agent's calls, with the generated code of Jaeger's side.
type received struct{ spans int }

func (r *received) EmitZipkinBatch(context.Context, []*zipkincore.Span) error { return nil }

func (r *received) EmitBatch(_ context.Context, batch *jaeger.Batch) error {
	r.spans += len(batch.Spans)
	return nil
}

func (r *received) packet(t *testing.T, b []byte) {
	t.Helper()
	buffer := thrift.NewTMemoryBuffer()
	buffer.Write(b)
	protocol := thrift.NewTCompactProtocolConf(buffer, nil)
	if ok, err := agent.NewAgentProcessor(r).Process(t.Context(), protocol, protocol); !ok || err != nil {
		t.Errorf("reading a packet of %d bytes: %v", len(b), err)
	}
}

// long spans have an attribute of so many bytes each.
func long(n, bytes int) []sdktrace.ReadOnlySpan {
	var stubs tracetest.SpanStubs
	for i := range n {
		stub := tracetest.SpanStubFromReadOnlySpan(sampletrace.Shop()[i%9])
		stub.Attributes = append(stub.Attributes, attribute.String("long", strings.Repeat("x", bytes)))
		stubs = append(stubs, stub)
	}
	return stubs.Snapshots()
}

// TestPackets: none is larger than it may be, none much smaller than it could be, and every span is in one of them.
func TestPackets(t *testing.T) {
	for _, size := range []int{0, 1, 100, 127, 128, 5000, 16383, 16384, 60000} {
		spans := long(200, size)
		all, tooLarge, err := packets(spans)
		if err != nil || tooLarge > 0 {
			t.Fatalf("%d bytes: %v, %d too large", size, err, tooLarge)
		}
		var agent received
		for _, p := range all {
			if len(p.Bytes) > packet.MaxBytes {
				t.Errorf("%d bytes: a packet of %d", size, len(p.Bytes))
			}
			agent.packet(t, p.Bytes)
		}
		if agent.spans != len(spans) {
			t.Errorf("%d bytes: %d spans of %d arrive", size, agent.spans, len(spans))
		}
	}
	all, tooLarge, err := packets(append(long(1, packet.MaxBytes), sampletrace.Shop()...))
	if err != nil || tooLarge != 1 || len(all) != 3 {
		t.Errorf("%d packets and %d too large: %v", len(all), tooLarge, err)
	}
}

func TestOddSpans(t *testing.T) {
	all, tooLarge, err := packets(sampletrace.OddSpans())
	var agent received
	for _, p := range all {
		agent.packet(t, p.Bytes)
	}
	if err != nil || tooLarge > 0 || agent.spans != len(sampletrace.OddSpans()) {
		t.Errorf("%d spans arrive, %d are too large: %v", agent.spans, tooLarge, err)
	}
	if _, err := bodies(sampletrace.OddSpans()); err != nil {
		t.Error(err)
	}
}

// TestAgentDown: a packet that the host refuses fails one of the next sends.
func TestAgentDown(t *testing.T) {
	gone, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(destination.Settings{Protocol: protocolUDP, Endpoint: gone.LocalAddr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown(t.Context())
	if err := e.ExportSpans(t.Context(), sampletrace.Shop()); err != nil {
		t.Error(err)
	}
	gone.Close()
	for range 5 {
		if err = e.ExportSpans(t.Context(), sampletrace.Shop()); err != nil {
			break
		}
	}
	var known *failure.Error
	if !errors.As(err, &known) || known.Reason() != failure.Unavailable {
		t.Errorf("error is %v", err)
	}
	spans := append(long(1, packet.MaxBytes), sampletrace.Shop()...)
	listening, err := net.ListenPacket("udp", gone.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer listening.Close()
	err = e.ExportSpans(t.Context(), spans)
	if !errors.As(err, &known) || known.Lost(len(spans)) != 1 || known.Reason() != failure.Rejected {
		t.Errorf("error is %v", err)
	} else if _, again := known.RetryAfter(); again {
		t.Error("a span that is too large is to be sent again")
	}
}

// TestHalfABatch: of three services' spans one service's arrived; when the batch is sent again, it is left out.
func TestHalfABatch(t *testing.T) {
	answers := []int{202, 503, 202, 202, 202, 202, 202}
	var bodies int
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(answers[bodies])
		bodies++
	}))
	defer web.Close()
	e, err := New(destination.Settings{Endpoint: web.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown(t.Context())
	err = e.ExportSpans(t.Context(), sampletrace.Shop())
	var known *failure.Error
	if !errors.As(err, &known) || known.Lost(9) != 7 { // stock has two of the nine
		t.Fatalf("error is %v", err)
	}
	if _, again := known.RetryAfter(); !again {
		t.Error("it is not to be sent again")
	}
	if err := e.ExportSpans(t.Context(), sampletrace.Shop()); err != nil || bodies != 4 {
		t.Errorf("%d requests, %v", bodies, err)
	}
	if err := e.ExportSpans(t.Context(), sampletrace.Shop()); err != nil || bodies != 7 {
		t.Errorf("%d requests, %v", bodies, err)
	}
}

func TestProtocols(t *testing.T) {
	f := func(s destination.Settings, udp bool, wrong string, variables ...string) {
		t.Helper()
		for _, name := range []string{envProtocol, envEndpoint, envAgentHost, envAgentPort} {
			os.Unsetenv(name)
		}
		for i := 0; i < len(variables); i += 2 {
			t.Setenv(variables[i], variables[i+1])
		}
		e, err := New(s)
		switch {
		case wrong != "":
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%+v %v: %v", s, variables, err)
			}
		case err != nil:
			t.Errorf("%+v %v: %v", s, variables, err)
		case (e.agent != nil) != udp:
			t.Errorf("%+v %v: UDP is %v", s, variables, !udp)
		}
	}
	f(destination.Settings{}, false, "")
	f(destination.Settings{Protocol: protocolUDP}, true, "")
	f(destination.Settings{Protocol: protocolUDP, Endpoint: "agent:6831"}, true, "")
	f(destination.Settings{Protocol: protocolUDP, Endpoint: "agent"}, false, "not host:port")
	f(destination.Settings{Protocol: protocolUDP, Endpoint: "agent:99999"}, false, "port")
	f(destination.Settings{Protocol: protocolUDP, Headers: map[string]string{"A": "b"}}, false, "not settings of")
	f(destination.Settings{Protocol: "grpc"}, false, "the exporter otlp's")
	f(destination.Settings{Protocol: "smoke"}, false, "unknown protocol")
	f(destination.Settings{Endpoint: "agent:6831"}, false, "write a URL")
	f(destination.Settings{}, true, "", envAgentHost, "agent")
	f(destination.Settings{}, false, "", envAgentHost, "agent", envEndpoint, "http://collector:14268/api/traces")
	f(destination.Settings{Protocol: protocolUDP}, false, "", envProtocol, protocolHTTP)
}

func TestTimeout(t *testing.T) {
	stuck := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stuck:
		case <-r.Context().Done():
		}
	}))
	defer web.Close()
	defer close(stuck)
	e, err := New(destination.Settings{Endpoint: web.URL, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown(t.Context())
	var known *failure.Error
	if err := e.ExportSpans(t.Context(), sampletrace.Shop()); !errors.As(err, &known) || known.Reason() != failure.Timeout {
		t.Errorf("error is %v", err)
	}
}
