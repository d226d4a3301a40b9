package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/throughline/throughline/test/truth/judge"
)

// TestServices runs every program without an agent: the service knows it, and
// its requests are answered.
func TestServices(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("cgroups cannot be made: not root")
	}
	file, err := buildService(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file)
	for _, p := range programs() {
		t.Run(p.name, func(t *testing.T) {
			s, err := startServices(t.Context(), file, p, loopback{})
			if err != nil {
				t.Fatal(err)
			}
			requests, err := newDriver(p, s, contextBoth).drive(t.Context(), 4, func(sent int) bool { return sent < 16 })
			if err != nil {
				t.Error(err)
			}
			if len(requests) != 16 {
				t.Errorf("%d requests", len(requests))
			}
			if err := s.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestExpect(t *testing.T) {
	p, err := find("sql")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, key := range p.expect("r7") {
		got = append(got, key.String())
	}
	if want := "SERVER r7, CLIENT r7.1, CLIENT r7.2, SERVER r7.2"; strings.Join(got, ", ") != want {
		t.Errorf("%v", got)
	}
}

func TestDriverSends(t *testing.T) {
	for sends, want := range map[string][2]bool{contextNone: {false, false}, contextSent: {true, true}, contextBoth: {false, true}} {
		d := newDriver(programs()[0], &services{network: loopback{}}, sends)
		for n, want := range want {
			if sent := d.request(n+1).Sent != (judge.Context{}); sent != want {
				t.Errorf("%s: request %d brings a context: %v", sends, n+1, sent)
			}
		}
	}
}

func TestReceiver(t *testing.T) {
	r, err := openReceiver()
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	made := func(kind trace.Span_SpanKind, path string, parent []byte) *trace.Span {
		return &trace.Span{TraceId: make([]byte, 16), SpanId: []byte("12345678"), ParentSpanId: parent, Kind: kind, Name: "GET",
			Attributes: []*common.KeyValue{{Key: "url.path", Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: path}}}}}
	}
	post := func(spans ...*trace.Span) {
		t.Helper()
		body, err := proto.Marshal(&collector.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{ScopeSpans: []*trace.ScopeSpans{{Spans: spans}}}}})
		if err != nil {
			t.Fatal(err)
		}
		a, err := http.Post("http://"+r.address()+"/v1/traces", "application/x-protobuf", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
	}
	post(made(trace.Span_SPAN_KIND_SERVER, "/direct/r1", nil), made(trace.Span_SPAN_KIND_CLIENT, "/direct/r1.1", []byte("87654321")),
		made(trace.Span_SPAN_KIND_SERVER, "/-/idle", nil), made(trace.Span_SPAN_KIND_SERVER, "/else", nil))
	r.await(t.Context(), 3)
	spans, err := r.all()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range spans {
		got = append(got, s.Key.String()+" "+string(s.Parent[:]))
	}
	none := string(make([]byte, 8))
	if want := []string{"SERVER r1 " + none, "CLIENT r1.1 87654321", "SERVER GET /else " + none}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%q", got)
	}
	post(&trace.Span{TraceId: []byte("short")})
	if _, err := r.all(); err == nil {
		t.Error("a span with half an id is taken")
	}
}

func TestReport(t *testing.T) {
	ask := judge.Request{Expect: programs()[0].expect("r1")}
	bad := trial{program: programs()[0], flight: 1, result: judge.Judge([]judge.Request{ask}, nil), lost: "ring_full 3"}
	var table, objects strings.Builder
	for _, r := range []*report{{out: &table}, {out: &objects, json: true}} {
		r.head()
		r.row(bad)
		if err := r.finish(); err == nil {
			t.Error("missing spans are good enough")
		}
	}
	for _, want := range []string{"direct ", "ring_full 3", "total", "direct, 1 in flight, missing, example 1:", "CLIENT r1.1", "got no span"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("no %q in:\n%s", want, table.String())
		}
	}
	var object struct{ Missing int }
	if err := json.Unmarshal([]byte(objects.String()), &object); err != nil || object.Missing != 3 {
		t.Errorf("%v: %s", err, objects.String())
	}
	if err := (&report{out: &table}).finish(); err == nil {
		t.Error("nothing was tried, and that is good")
	}
}
