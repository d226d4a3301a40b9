package e2e

import (
	"net/http"
	"testing"
)

// TestCoreInferred: a program without a framework has routes by its paths, and what is personal in a path leaves the host
// nowhere; with both switched off, paths are as they were.
func TestCoreInferred(t *testing.T) {
	const uuid = "550e8400-e29b-41d4-a716-446655440000"
	paths := []string{"/slow/7", "/slow/12", "/ok/" + uuid, "/ok/jane@example.com?token=abc", "/status/404", "/nothing/7"}
	for _, c := range []struct {
		name string
		env  []string
		want map[string]string // of each path that is told: the span's name, and the route in it
	}{
		{"on", nil, map[string]string{
			"/slow/7": "GET /slow/{id}", "/slow/12": "GET /slow/{id}", "/ok/" + uuid: "GET /ok/{uuid}", "/ok/REDACTED": "GET /ok/{email}",
			"/status/404": "GET", "/nothing/7": "GET",
		}},
		{"off", []string{"THROUGHLINE_ROUTES=off", "THROUGHLINE_REDACTION_ENABLED=off"}, map[string]string{
			"/slow/7": "GET", "/slow/12": "GET", "/ok/" + uuid: "GET", "/ok/jane@example.com": "GET", "/status/404": "GET", "/nothing/7": "GET",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			s := pythonThreads.start(r, "")
			agent := r.startAgentIn(c.env, "trace", "-o", "json", "--pid", number(s.proc.pid()))
			agent.awaitAttached()
			ask := r.newAsker(s.address)
			for _, path := range paths {
				ask.get(path)
			}
			agent.await(len(paths), ofKind(server))
			spans := filter(agent.stop(), ofKind(server))
			if len(spans) != len(paths) {
				t.Errorf("%d spans of %d requests", len(spans), len(paths))
			}
			for _, s := range spans {
				want, ok := c.want[s.path()]
				route := s.Attributes["http.route"]
				if name := s.Name; !ok || name != want || (route != "") != (want != "GET") || route != "" && "GET "+route != want {
					t.Errorf("%s: named %q with route %q, want %q", s, name, route, want)
				}
			}
		})
	}
}

// TestHeadersAskedFor: header fields that the settings name are told, without what is personal or secret in them; no others.
func TestHeadersAskedFor(t *testing.T) {
	r := newRig(t)
	s := pythonThreads.start(r, "")
	agent := r.startAgentIn([]string{"THROUGHLINE_REDACTION_HEADERS=X-Request-ID,cookie,content-length"}, "trace", "-o", "json", "--pid", number(s.proc.pid()))
	agent.awaitAttached()
	q, err := http.NewRequest(http.MethodGet, "http://"+s.address+"/ok", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"X-Request-Id": "7 for jane@example.com", "Cookie": "session=1", "X-Other": "b"} {
		q.Header.Set(name, value)
	}
	answer, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	spans := agent.await(1, ofKind(server))
	agent.stop()
	for name, want := range map[string]string{
		"http.request.header.x-request-id": "7 for REDACTED", "http.request.header.cookie": "REDACTED", "http.request.header.x-other": "",
		"http.response.header.content-length": answer.Header.Get("Content-Length"), "http.response.header.server": "",
	} {
		if got := spans[0].Attributes[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
