package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/throughline/throughline/test/traced"
)

// spanOf makes a span as the agent prints it.
func spanOf(t *testing.T, kind traced.Kind, trace, id, parent, path string) traced.Span {
	t.Helper()
	var s traced.Span
	text := fmt.Sprintf(`{"traceId": %q, "spanId": %q, "parentSpanId": %q, "kind": %d, "attributes": [
		{"key": "http.request.method", "value": {"stringValue": "GET"}},
		{"key": "url.path", "value": {"stringValue": %q}},
		{"key": "http.response.status_code", "value": {"intValue": "200"}}]}`, trace, id, parent, kind, path)
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestJudge(t *testing.T) {
	server := func(id, parent, path string) traced.Span { return spanOf(t, traced.Server, "t", id, parent, path) }
	client := func(id, parent, path string) traced.Span { return spanOf(t, traced.Client, "t", id, parent, path) }
	plain := []asked{{"t", "1", "GET /a 200", false}}
	proxied := []asked{{"t", "1", "GET /a 200", true}}
	for _, c := range []struct {
		name  string
		asked []asked
		spans []traced.Span
		right int
		err   string // "": none
	}{
		{"right", plain, []traced.Span{server("2", "1", "/a")}, 1, ""},
		{"missing", plain, nil, 0, "0 SERVER spans"},
		{"twice", plain, []traced.Span{server("2", "1", "/a"), server("3", "1", "/a")}, 0, "2 SERVER spans"},
		{"of another parent", plain, []traced.Span{server("2", "9", "/a")}, 0, "0 SERVER spans"},
		{"another path", plain, []traced.Span{server("2", "1", "/b")}, 0, `says "GET /b 200"`},
		{"nobody asked", plain, []traced.Span{server("2", "1", "/a"), server("3", "", "/b")}, 1, "nobody asked"},
		{"it asked itself", plain, []traced.Span{server("2", "1", "/a"), client("3", "2", "/b"), server("4", "", "/b")}, 1, ""},
		{"proxied", proxied, []traced.Span{server("2", "1", "/a"), client("3", "2", "/a")}, 1, ""},
		{"proxied, and not seen", proxied, []traced.Span{server("2", "1", "/a")}, 0, "0 CLIENT spans"},
		{"proxied by nobody", proxied, []traced.Span{server("2", "1", "/a"), client("3", "", "/a")}, 0, "0 CLIENT spans"},
	} {
		t.Run(c.name, func(t *testing.T) {
			right, err := judge(c.spans, c.asked)
			if right != c.right || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%d right, %v; want %d, %q", right, err, c.right, c.err)
			}
		})
	}
}
