package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestCollectorTraced: the OpenTelemetry Collector, a Go server that nobody here
// wrote, stripped, answers requests that its net/http has routed.
func TestCollectorTraced(t *testing.T) {
	r := newRig(t)
	c := r.collector()
	agent := r.tracePIDs(c.proc)
	ask := func(method, path, body string, want int) {
		t.Helper()
		request, err := http.NewRequest(method, "http://"+c.http+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		io.Copy(io.Discard, response.Body)
		if response.StatusCode != want {
			t.Errorf("%s %s was answered %d, not %d", method, path, response.StatusCode, want)
		}
	}
	for range 20 {
		ask(http.MethodPost, "/v1/traces", `{"resourceSpans":[]}`, http.StatusOK)
		ask(http.MethodGet, "/nowhere", "", http.StatusNotFound)
	}
	agent.await(40, ofKind(server))
	spans := agent.stop()
	if len(spans) != 40 {
		t.Fatalf("%d spans for 40 requests:%s", len(spans), list(spans))
	}
	for i, s := range spans {
		want := [2]string{"POST /v1/traces 200", "GET /nowhere 404"}[i%2]
		if got := s.method() + " " + s.path() + " " + s.code(); got != want || s.Parent != "b7ad6b7169203331" || s.service() != "otelcol" {
			t.Errorf("%s instead of %s: %v", s, want, s.Attributes)
		}
	}
}
