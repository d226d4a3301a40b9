package datadog

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"
	"go.uber.org/goleak"

	"github.com/throughline/throughline/export/internal/failure"
	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/internal/destination"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// agent is an intake that decodes what it is put.
type agent struct {
	status  int
	request *http.Request
	traces  []any
	err     error
}

func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.request = r
	body, err := io.ReadAll(r.Body)
	if err == nil {
		var decoded any
		decoded, _, err = msgp.ReadIntfBytes(body)
		a.traces, _ = decoded.([]any)
	}
	a.err = err
	w.WriteHeader(a.status)
}

// TestUnixSocket also shows the types, which the collector's receiver passes over.
func TestUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "apm.socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	datadog := &agent{status: 200}
	server := &http.Server{Handler: datadog}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		server.Close()
		<-served
	}()
	e, err := New(destination.Settings{Endpoint: "unix://" + socket})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown(t.Context())
	spans := append(sampletrace.Shop(), sampletrace.OddSpans()...)
	if err := e.ExportSpans(t.Context(), spans); err != nil || datadog.err != nil {
		t.Fatal(err, datadog.err)
	}
	if datadog.request.URL.Path != "/v0.4/traces" || datadog.request.Header.Get("X-Datadog-Trace-Count") != "2" || len(datadog.traces) != 2 {
		t.Fatalf("%s with %d traces: %v", datadog.request.URL, len(datadog.traces), datadog.request.Header)
	}
	want := []string{"web", "http", "sql", "custom", "web", "queue", "http", "web", "queue"}
	for i, s := range datadog.traces[0].([]any) {
		span := s.(map[string]any)
		if span["type"] != want[i] {
			t.Errorf("span %d has type %v, want %s", i, span["type"], want[i])
		}
	}
	for i, s := range datadog.traces[1].([]any) {
		span := s.(map[string]any)
		if start, took := span["start"].(int64), span["duration"].(int64); start < 0 || took < 0 || start+took < 0 {
			t.Errorf("span %d begins at %d and takes %d", i, start, took)
		}
	}
}

func TestAnswers(t *testing.T) {
	datadog := &agent{}
	web := httptest.NewServer(datadog)
	defer web.Close()
	e, err := New(destination.Settings{Endpoint: web.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown(t.Context())
	for status, again := range map[int]bool{413: false, 415: false, 429: true, 503: true} {
		datadog.status = status
		var known *failure.Error
		if err := e.ExportSpans(t.Context(), sampletrace.Shop()); !errors.As(err, &known) {
			t.Errorf("%d: %v", status, err)
		} else if _, ok := known.RetryAfter(); ok != again {
			t.Errorf("%d: again is %v", status, ok)
		}
	}
}

func TestEndpoint(t *testing.T) {
	f := func(setting, want string, variables ...string) {
		t.Helper()
		for _, name := range []string{envURL, envHost, envPort} {
			t.Setenv(name, "")
		}
		for i := 0; i < len(variables); i += 2 {
			t.Setenv(variables[i], variables[i+1])
		}
		to, err := endpoint(destination.Settings{Endpoint: setting})
		if err != nil {
			to = nil
		}
		if want == "" && err == nil || want != "" && (err != nil || !strings.HasSuffix(to.String(), want)) {
			t.Errorf("%q %v: %v, %v", setting, variables, to, err)
		}
	}
	f("", "http://localhost:8126/v0.4/traces")
	f("http://dd:8126", "http://dd:8126/v0.4/traces")
	f("http://dd:8126/", "http://dd:8126/v0.4/traces")
	f("https://proxy/dd/v0.4/traces", "https://proxy/dd/v0.4/traces")
	f("dd:8126", "")
	f("unix://apm.socket", "")
	f("http://dd:8126", "http://node:8126/v0.4/traces", envHost, "node")
	f("http://dd:8126", "http://localhost:9/v0.4/traces", envPort, "9")
	f("http://dd:8126", "http://other/v0.4/traces", envURL, "http://other", envHost, "node")
}

func TestNames(t *testing.T) {
	for word, want := range map[string]string{"postgresql": "postgresql", "Microsoft SQL": "microsoft_sql", "a-b/ü": "a_b__", "": ""} {
		if got := name(word); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
