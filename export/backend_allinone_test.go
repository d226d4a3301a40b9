package export

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/internal/otelcol"
	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/internal/destination"
)

var jaegerBinary = flag.String("jaeger", "", "Jaeger's all-in-one, to send a trace to and ask for it")

// TestJaegerAllInOne sends the shop's trace to a Jaeger in each way that it takes spans, and asks its API for it.
func TestJaegerAllInOne(t *testing.T) {
	if *jaegerBinary == "" {
		t.Skip("no Jaeger is named by -jaeger: make jaeger builds one, in five minutes, and runs this")
	}
	for name, s := range map[string]func(*jaegerServer) (string, destination.Settings){
		"thrift": func(j *jaegerServer) (string, destination.Settings) {
			return "jaeger", destination.Settings{Endpoint: j.url("collector.http-server") + "/api/traces"}
		},
		"otlp http": func(j *jaegerServer) (string, destination.Settings) {
			return "otlp", destination.Settings{Endpoint: j.url("collector.otlp.http"), Compression: "gzip"}
		},
		"otlp grpc": func(j *jaegerServer) (string, destination.Settings) {
			return "otlp", destination.Settings{Endpoint: j.url("collector.otlp.grpc"), Protocol: "grpc"}
		},
		"zipkin": func(j *jaegerServer) (string, destination.Settings) {
			return "zipkin", destination.Settings{Endpoint: j.url("collector.zipkin") + "/api/v2/spans"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t)
			j := startJaeger(t)
			exporter, settings := s(j)
			deliver(t, exporter, settings)
			j.compare(t, exporter)
		})
	}
}

// jaegerServer is a Jaeger that keeps spans in memory.
type jaegerServer struct{ ports map[string]int }

func (j *jaegerServer) url(listener string) string {
	return fmt.Sprintf("http://127.0.0.1:%d", j.ports[listener])
}

func startJaeger(t *testing.T) *jaegerServer {
	t.Helper()
	j := &jaegerServer{ports: map[string]int{}}
	var args []string
	for _, listener := range []string{"admin.http", "query.http-server", "query.grpc-server", "collector.http-server",
		"collector.grpc-server", "collector.otlp.http", "collector.otlp.grpc", "collector.zipkin"} {
		j.ports[listener] = otelcol.FreePort(t)
		args = append(args, fmt.Sprintf("--%s.host-port=127.0.0.1:%d", listener, j.ports[listener]))
	}
	var said bytes.Buffer
	command := exec.Command(*jaegerBinary, append(args, "--collector.otlp.enabled=true")...)
	command.Env = append(os.Environ(), "SPAN_STORAGE_TYPE=memory", "OTEL_TRACES_SAMPLER=always_off")
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
		if t.Failed() {
			t.Logf("Jaeger said:\n%s", said.String())
		}
		http.DefaultClient.CloseIdleConnections()
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if r, err := http.Get(j.url("admin.http")); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return j
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("Jaeger is not ready after 30 s")
		}
	}
}

// jaegerTrace is what the API answers (github.com/jaegertracing/jaeger, internal/uimodel).
type jaegerTrace struct {
	Spans []struct {
		TraceID, SpanID, OperationName, ProcessID string
		References                                []struct{ RefType, TraceID, SpanID string }
		StartTime, Duration                       int64
		Tags                                      []jaegerTag
		Logs                                      []struct {
			Timestamp int64
			Fields    []jaegerTag
		}
	}
	Processes map[string]struct {
		ServiceName string
		Tags        []jaegerTag
	}
}

type jaegerTag struct {
	Key, Type string
	Value     any
}

func (j *jaegerServer) trace(t *testing.T) jaegerTrace {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		r, err := http.Get(j.url("query.http-server") + "/api/traces/" + sampletrace.TraceID(1).String())
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Data []jaegerTrace }
		decoder := json.NewDecoder(r.Body)
		decoder.UseNumber()
		err = decoder.Decode(&answer)
		r.Body.Close()
		if err == nil && len(answer.Data) == 1 && len(answer.Data[0].Spans) == len(sampletrace.Shop()) {
			return answer.Data[0]
		}
		if time.Now().After(deadline) {
			t.Fatalf("Jaeger answers %s: %+v, %v", r.Status, answer, err)
		}
	}
}

// compare holds each span against what was sent: ids, parent, service, name, kind, times in microseconds, error, every
// attribute with its type (text by way of Zipkin), and the number of events.
func (j *jaegerServer) compare(t *testing.T, exporter string) {
	got := j.trace(t)
	sent := map[string]sdktrace.ReadOnlySpan{}
	for _, s := range sampletrace.Shop() {
		sent[s.SpanContext().SpanID().String()] = s
	}
	for _, g := range got.Spans {
		s, ok := sent[g.SpanID]
		delete(sent, g.SpanID)
		if !ok {
			t.Errorf("a span %s was not sent, or came twice", g.SpanID)
			continue
		}
		parent := ""
		for _, r := range g.References {
			if r.RefType == "CHILD_OF" {
				parent = r.SpanID
			}
		}
		want := ""
		if s.Parent().SpanID().IsValid() {
			want = s.Parent().SpanID().String()
		}
		service, _ := s.Resource().Set().Value("service.name")
		took := s.EndTime().Sub(s.StartTime()).Microseconds()
		if exporter == "zipkin" {
			took = max(took, 1)
		}
		if g.TraceID != s.SpanContext().TraceID().String() || parent != want || g.OperationName != valid(s.Name()) ||
			got.Processes[g.ProcessID].ServiceName != service.AsString() || g.StartTime != s.StartTime().UnixMicro() ||
			g.Duration != took || len(g.Logs) != len(s.Events()) {
			t.Errorf("span %s: %+v", g.SpanID, g)
		}
		tags := map[string]jaegerTag{}
		for _, tag := range g.Tags {
			tags[tag.Key] = tag
		}
		if kind := s.SpanKind().String(); kind != "internal" && tags["span.kind"].Value != kind {
			t.Errorf("span %s is of kind %v, want %s", g.SpanID, tags["span.kind"].Value, kind)
		}
		if failed := s.Status().Code.String() == "Error"; (tags["error"].Value == true) != failed && exporter != "zipkin" {
			t.Errorf("span %s: error is %v", g.SpanID, tags["error"].Value)
		}
		for _, a := range s.Attributes() {
			if wanted := asJaegerTag(a, exporter); !reflect.DeepEqual(tags[wanted.Key], wanted) {
				t.Errorf("span %s: %+v, want %+v", g.SpanID, tags[wanted.Key], wanted)
			}
		}
	}
	for id := range sent {
		t.Errorf("span %s is missing", id)
	}
}

func asJaegerTag(a attribute.KeyValue, exporter string) jaegerTag {
	tag := jaegerTag{string(a.Key), "string", valid(a.Value.String())}
	if exporter == "zipkin" {
		return tag
	}
	switch a.Value.Type() {
	case attribute.BOOL:
		tag.Type, tag.Value = "bool", a.Value.AsBool()
	case attribute.INT64:
		tag.Type, tag.Value = "int64", json.Number(a.Value.String())
		if a.Value.AsInt64() > 1<<53 { // which the API writes as a string, for JavaScript's sake
			tag.Value = a.Value.String()
		}
	case attribute.FLOAT64:
		tag.Type, tag.Value = "float64", json.Number(a.Value.String())
	}
	return tag
}
