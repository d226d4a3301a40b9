package export

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"github.com/throughline/throughline/export/internal/fakecollector"
	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/export/redact"
)

// A receiver is made ready for an exporter that sends. It returns variables, name after value, and what gives all bytes that came.
type receiver func(t *testing.T) (variables []string, received func() []byte)

// receivers are what the exporters of kinds that are not local send to. An exporter that sends needs a line here.
var receivers = map[string]map[string]receiver{
	"otlp": {
		"http/protobuf": httpReceiver("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
		"http/json":     httpReceiver("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
		"grpc":          grpcReceiver,
	},
	"zipkin": {"http": httpReceiver("OTEL_EXPORTER_ZIPKIN_ENDPOINT")},
	"jaeger": {
		"http": httpReceiver("OTEL_EXPORTER_JAEGER_ENDPOINT"),
		"udp": packetReceiver(func(host, port string) []string {
			return []string{"OTEL_EXPORTER_JAEGER_AGENT_HOST", host, "OTEL_EXPORTER_JAEGER_AGENT_PORT", port}
		}),
	},
	"xray": {"udp": packetReceiver(func(host, port string) []string {
		return []string{"AWS_XRAY_DAEMON_ADDRESS", net.JoinHostPort(host, port)}
	})},
	"datadog":      {"http": httpReceiver("DD_TRACE_AGENT_URL")},
	"otlpjsonfile": {"file": fileReceiver},
}

// packetReceiver keeps what comes by UDP.
func packetReceiver(variables func(host, port string) []string) receiver {
	return func(t *testing.T) ([]string, func() []byte) {
		agent, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var all []byte
		done := make(chan struct{})
		go func() {
			defer close(done)
			packet := make([]byte, 1<<16)
			for {
				n, _, err := agent.ReadFrom(packet)
				if err != nil {
					return
				}
				all = append(all, packet[:n]...)
			}
		}()
		finish := sync.OnceFunc(func() { // what was sent is in the socket, and read before the deadline is
			if err := agent.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
				t.Error(err)
			}
			<-done
			agent.Close()
		})
		t.Cleanup(finish)
		host, port, err := net.SplitHostPort(agent.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		return variables(host, port), func() []byte {
			finish()
			return all
		}
	}
}

// fileReceiver is a file.
func fileReceiver(t *testing.T) ([]string, func() []byte) {
	path := filepath.Join(t.TempDir(), "spans.jsonl")
	return []string{variablePrefix + "OTLPJSONFILE_PATH", path}, func() []byte {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		return text
	}
}

// httpReceiver keeps the bodies of requests. Its URL is the value of the variable endpoint.
func httpReceiver(endpoint string, variables ...string) receiver {
	return func(t *testing.T) ([]string, func() []byte) {
		var mu sync.Mutex
		var all []byte
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body := io.Reader(r.Body)
			if r.Header.Get("Content-Encoding") == "gzip" {
				var err error
				if body, err = gzip.NewReader(r.Body); err != nil {
					t.Error(err)
					return
				}
			}
			text, err := io.ReadAll(body)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, text...)
		}))
		t.Cleanup(server.Close)
		return append([]string{endpoint, server.URL}, variables...), func() []byte {
			mu.Lock()
			defer mu.Unlock()
			return all
		}
	}
}

func grpcReceiver(t *testing.T) ([]string, func() []byte) {
	c := &fakecollector.Collector{}
	variables := []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://" + fakecollector.GRPC(t, c, "", nil)}
	return variables, func() []byte {
		var all []byte
		for _, span := range c.Spans() {
			text, err := proto.Marshal(span)
			if err != nil {
				t.Error(err)
			}
			all = append(all, text...)
		}
		return all
	}
}

// whole are the exporters that write everything that a span has.
var whole = []string{"otlp", "json", "otlpjsonfile"}

// TestSecrets: nothing of the corpora is in what any exporter writes, and all of it would be without redaction.
func TestSecrets(t *testing.T) {
	spans, secrets := corpus(t)
	pattern := "t3nant-.*"
	on, err := redact.New(redact.Config{
		Headers: []string{"X-Allowed", "referer-allowed"}, Salt: "pepper", Rules: []redact.Rule{{Attribute: "tenant.*", Pattern: pattern, Hash: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	off, err := redact.New(redact.Config{Off: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		ways := receivers[k.name]
		if k.local {
			ways = map[string]receiver{"output": func(*testing.T) ([]string, func() []byte) { return nil, nil }}
		}
		if len(ways) == 0 {
			t.Errorf("nothing tells what %s sends: it needs a line in receivers", k.name)
		}
		for way, open := range ways {
			t.Run(k.name+"/"+way, func(t *testing.T) {
				clean := written(t, k.name, open, on, spans)
				for _, secret := range secrets {
					if contains(clean, secret) {
						t.Errorf("%q is written", secret)
					}
				}
				if len(clean) < 50*len(spans) {
					t.Errorf("%d bytes of %d spans", len(clean), len(spans))
				}
				for _, name := range whole {
					if name != k.name {
						continue
					}
					plain := written(t, k.name, open, off, spans)
					for _, secret := range secrets {
						if !contains(plain, secret) {
							t.Errorf("%q is not even written without redaction", secret)
						}
					}
				}
			})
		}
	}
}

// contains looks for a secret as it is, and as JSON writes it.
func contains(text []byte, secret string) bool {
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(secret); err != nil {
		panic(err)
	}
	return bytes.Contains(text, []byte(secret)) || bytes.Contains(text, bytes.Trim(quoted.Bytes(), "\"\n"))
}

// written is all that an exporter writes of the spans.
func written(t *testing.T, name string, open receiver, redaction *redact.Redactor, spans []sdktrace.ReadOnlySpan) []byte {
	t.Helper()
	var out bytes.Buffer
	variables, received := open(t)
	environment(t, append(variables, "OTEL_TRACES_EXPORTER", name)...)
	config, err := FromEnvironment(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, config, Settings{Out: &out, Redaction: redaction})
	for _, span := range spans {
		p.Span(span)
	}
	if err := stop(t, p, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if s := balanced(t, p); s.Exported != uint64(len(spans)) {
		t.Fatalf("%d spans: %+v", len(spans), s)
	}
	if received == nil {
		return out.Bytes()
	}
	return received()
}

// corpus makes a span of each line of the corpora, and some more of the secrets alone.
func corpus(t *testing.T) (spans []sdktrace.ReadOnlySpan, secrets []string) {
	t.Helper()
	add := func(key, system, value string) {
		stub := tracetest.SpanStub{
			Name: "GET", SpanKind: trace.SpanKindServer, StartTime: sampletrace.Begin, EndTime: sampletrace.Begin.Add(time.Second),
			SpanContext: trace.NewSpanContext(trace.SpanContextConfig{
				TraceID: sampletrace.TraceID(len(spans) + 1), SpanID: sampletrace.SpanID(len(spans) + 1), TraceFlags: trace.FlagsSampled}),
			Attributes: []attribute.KeyValue{attribute.String("http.request.method", "GET")},
		}
		if system != "" {
			stub.Attributes = append(stub.Attributes, attribute.String("db.system.name", system))
		}
		switch {
		case key == "span.name":
			stub.Name = value
		case key == "status.description":
			stub.Status = sdktrace.Status{Code: codes.Error, Description: value}
		case strings.HasPrefix(key, "exception."):
			stub.Events = []sdktrace.Event{{Name: "exception", Time: sampletrace.Begin, Attributes: []attribute.KeyValue{attribute.String(key, value)}}}
		case strings.Contains(key, ".header."):
			stub.Attributes = append(stub.Attributes, attribute.StringSlice(key, []string{"x", value}))
		default:
			stub.Attributes = append(stub.Attributes, attribute.String(key, value))
		}
		spans = append(spans, stub.Snapshot())
	}
	for _, fields := range table(t, "redact/testdata/corpus.tsv") {
		key, system, ok := strings.Cut(fields[0], "|")
		if len(fields) != 3 || !ok || !strings.Contains(fields[1], fields[2]) {
			t.Fatalf("%q is no line of the corpus", fields)
		}
		add(key, system, fields[1])
		secrets = append(secrets, fields[2])
	}
	for _, fields := range table(t, "../internal/secret/testdata/secrets.tsv") {
		text := strings.TrimPrefix(fields[0], "|")
		add("url.path", "", "/a/"+text+"/b")
		add("span.name", "", "GET /a/"+text)
		add("status.description", "", "it was "+text+", which failed")
		secrets = append(secrets, strings.TrimPrefix(fields[len(fields)-1], "|"))
	}
	return spans, secrets
}

// table reads lines of fields with tabs between.
func table(t *testing.T, name string) (all [][]string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "#") {
			all = append(all, strings.Split(line, "\t"))
		}
	}
	return all
}
