package zipkin

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/internal/destination"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server answers with a status and keeps the last request.
type server struct {
	status  int
	request *http.Request
	body    []byte
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.request = r
	s.body, _ = io.ReadAll(r.Body)
	w.Header().Set("Retry-After", "2")
	w.WriteHeader(s.status)
}

// TestAnswers: what the server says decides whether the batch may be sent again.
func TestAnswers(t *testing.T) {
	zipkin := &server{}
	web := httptest.NewServer(zipkin)
	defer web.Close()
	e, err := New(destination.Settings{Endpoint: web.URL, Headers: map[string]string{"X-Team": "shop"}, User: "u", Password: "p"})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown(t.Context())
	f := func(status int, again bool) {
		t.Helper()
		zipkin.status = status
		err := e.ExportSpans(t.Context(), sampletrace.Shop())
		var answer interface {
			RetryAfter() (time.Duration, bool)
		}
		if status < 300 {
			if err != nil {
				t.Errorf("%d: %v", status, err)
			}
		} else if !errors.As(err, &answer) {
			t.Errorf("%d: error %v", status, err)
		} else if pause, ok := answer.RetryAfter(); ok != again || ok && pause != 2*time.Second {
			t.Errorf("%d: again %v after %v", status, ok, pause)
		}
	}
	f(200, false)
	f(202, false)
	f(400, false)
	f(429, true)
	f(503, true)
	user, password, _ := zipkin.request.BasicAuth()
	if zipkin.request.Header.Get("X-Team") != "shop" || user != "u" || password != "p" {
		t.Errorf("headers are %v", zipkin.request.Header)
	}
	web.Close()
	if err := e.ExportSpans(t.Context(), sampletrace.Shop()); err == nil {
		t.Error("nobody listens, and the batch was delivered")
	}
}

// TestOddSpans: each of them is a span of its own with ids and times that Zipkin takes.
func TestOddSpans(t *testing.T) {
	for i, odd := range sampletrace.OddSpans() {
		s := translate(odd)
		if _, err := json.Marshal(s); err != nil || s.Timestamp < 0 || s.Duration < 1 || len(s.TraceID) != 32 {
			t.Errorf("span %d: %+v, %v", i, s, err)
		}
	}
}

func TestEnvironmentWins(t *testing.T) {
	t.Setenv(envEndpoint, "localhost:9411")
	if _, err := New(destination.Settings{Endpoint: "http://localhost:9411/"}); err == nil {
		t.Error("an endpoint that is no URL is used")
	}
	t.Setenv(envEndpoint, "")
	t.Setenv(envTimeout, "soon")
	if _, err := New(destination.Settings{}); err == nil {
		t.Error("a time that is no number is used")
	}
}
