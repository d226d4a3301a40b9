package xray

import (
	"encoding/json"
	"errors"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/throughline/throughline/export/internal/failure"
	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/internal/destination"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func exporter(t *testing.T, s destination.Settings) *Exporter {
	t.Helper()
	e, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Shutdown(t.Context()) })
	return e
}

// TestOutcome: the guide's words for whose fault a failure was.
func TestOutcome(t *testing.T) {
	e := exporter(t, destination.Settings{})
	f := func(kind trace.SpanKind, status int, failed bool, want string) {
		t.Helper()
		stub := tracetest.SpanStub{SpanKind: kind, Attributes: []attribute.KeyValue{attribute.String("http.request.method", "GET")}}
		if status > 0 {
			stub.Attributes = append(stub.Attributes, attribute.Int("http.response.status_code", status))
		}
		if failed {
			stub.Status = sdktrace.Status{Code: codes.Error}
		}
		x := e.segment(stub.Snapshot())
		var words []string
		for word, on := range map[string]bool{"fault": x.Fault, "throttle": x.Throttle, "error": x.Error} {
			if on {
				words = append(words, word)
			}
		}
		if len(words) == 2 && words[0] == "throttle" {
			words[0], words[1] = words[1], words[0]
		}
		if got := strings.Join(words, " "); got != want {
			t.Errorf("%v %d failed=%v: %q, want %q", kind, status, failed, got, want)
		}
	}
	f(trace.SpanKindServer, 200, false, "")
	f(trace.SpanKindServer, 404, false, "error")
	f(trace.SpanKindClient, 404, true, "error")
	f(trace.SpanKindServer, 429, false, "error throttle")
	f(trace.SpanKindClient, 429, true, "error throttle")
	f(trace.SpanKindServer, 500, true, "fault")
	f(trace.SpanKindClient, 503, true, "fault")
	f(trace.SpanKindClient, 0, true, "fault")
	f(trace.SpanKindInternal, 0, true, "fault")
	f(trace.SpanKindClient, 301, false, "")
}

// TestDocuments: every span, odd ones too, makes a document of X-Ray's form.
func TestDocuments(t *testing.T) {
	e := exporter(t, destination.Settings{})
	form := regexp.MustCompile(`^1-[0-9a-f]{8}-[0-9a-f]{24}$`)
	allowed := regexp.MustCompile(`^[\pL\p{Nd} _.:/%&#=+\\\-@]{1,200}$`)
	for i, s := range append(sampletrace.Shop(), sampletrace.OddSpans()...) {
		text, ok := e.document(s)
		var read map[string]any
		if err := json.Unmarshal(text, &read); err != nil || !ok {
			t.Errorf("span %d: %v", i, err)
			continue
		}
		start, end := read["start_time"].(float64), read["end_time"].(float64)
		if !form.MatchString(read["trace_id"].(string)) || !allowed.MatchString(read["name"].(string)) || start < 0 || end < start {
			t.Errorf("span %d: %s", i, text)
		}
	}
}

// TestLargeSpans: metadata is cut, then left out; what is still too large is lost and counted, alone.
func TestLargeSpans(t *testing.T) {
	daemon, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.Close()
	e := exporter(t, destination.Settings{Endpoint: daemon.LocalAddr().String()})
	send := func(name string, attributes ...attribute.KeyValue) string {
		t.Helper()
		stub := tracetest.SpanStubFromReadOnlySpan(sampletrace.Shop()[0])
		stub.Attributes = append(stub.Attributes, attributes...)
		err := e.ExportSpans(t.Context(), []sdktrace.ReadOnlySpan{stub.Snapshot()})
		if err != nil {
			var known *failure.Error
			if !errors.As(err, &known) || known.Lost(1) != 1 || known.Reason() != failure.Rejected {
				t.Errorf("%s: %v", name, err)
			}
			return ""
		}
		packet := make([]byte, 1<<16)
		if err := daemon.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, _, err := daemon.ReadFrom(packet)
		if err != nil {
			t.Fatal(err)
		}
		head, document, _ := strings.Cut(string(packet[:n]), "\n")
		if head != `{"format":"json","version":1}` || !json.Valid([]byte(document)) {
			t.Errorf("%s: %.200s", name, packet[:n])
		}
		return document
	}
	if got := send("small"); strings.Contains(got, `"throughline":{"`) {
		t.Errorf("a small document is cut: %s", got)
	}
	if got := send("a long value", attribute.String("long", strings.Repeat("é", 40000))); !strings.Contains(got, "cut_at") {
		t.Errorf("%.300s", got)
	}
	var many []attribute.KeyValue
	for i := range 2000 {
		many = append(many, attribute.String("key"+strings.Repeat("x", i%50)+string(rune('a'+i%26))+strings.Repeat("y", i/50), strings.Repeat("v", 100)))
	}
	if got := send("many values", many...); !strings.Contains(got, "left_out") {
		t.Errorf("%.300s", got)
	}
	if got := send("a huge URL", attribute.String("url.full", strings.Repeat("u", 70000))); got != "" {
		t.Errorf("%d bytes were sent", len(got))
	}
}

func TestIndexed(t *testing.T) {
	x := exporter(t, destination.Settings{Indexed: []string{"shop.cached", "url.path"}}).segment(sampletrace.Shop()[0])
	if len(x.Annotations) != 2 || x.Annotations["shop_cached"] != true || x.Annotations["url_path"] != "/items/7" {
		t.Errorf("annotations are %v", x.Annotations)
	}
}

func TestAddress(t *testing.T) {
	for variable, want := range map[string]string{
		"127.0.0.1:2000":                        "127.0.0.1:2000",
		"tcp:127.0.0.1:2000 udp:127.0.0.2:2001": "127.0.0.2:2001",
		"udp:[::1]:2000":                        "[::1]:2000",
		"tcp:127.0.0.1:2000":                    "",
		"":                                      "",
	} {
		if got := udp(variable); got != want {
			t.Errorf("%q: %q, want %q", variable, got, want)
		}
	}
	t.Setenv(envAddress, "nowhere")
	if _, err := New(destination.Settings{}); err == nil {
		t.Error("an address without a port is used")
	}
}
