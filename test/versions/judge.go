package main

import "fmt"

// Kinds of span, as OTLP numbers them.
const (
	server = 2
	client = 3
)

// judge expects of each request exactly one span on each side, with its right parent.
func judge(spans []span) error {
	byID := map[string]span{}
	count := map[string]int{}
	for _, s := range spans {
		byID[s.SpanID] = s
		count[fmt.Sprintf("%d %s %s", s.Kind, s.attribute("url.path"), s.attribute("http.response.status_code"))]++
	}
	want := map[string]int{"2 /call 200": 3, "3 /hello/called 200": 3, "2 /hello/called 200": 3, "2 /hello/asked 200": 1}
	for what, n := range want {
		if count[what] != n {
			return fmt.Errorf("%d spans %q instead of %d, of %d in all", count[what], what, n, len(spans))
		}
	}
	if len(spans) != 10 {
		return fmt.Errorf("%d spans instead of 10", len(spans))
	}
	for _, s := range spans {
		parent := byID[s.ParentSpanID]
		wrong := false
		switch path := s.attribute("url.path"); {
		case path == "/call":
			wrong = s.ParentSpanID != ""
		case path == "/hello/asked":
			wrong = s.TraceID+"-"+s.ParentSpanID != caller[3:52]
		case s.Kind == client:
			wrong = parent.Kind != server || parent.attribute("url.path") != "/call" || parent.TraceID != s.TraceID
		default:
			wrong = parent.Kind != client || parent.TraceID != s.TraceID
		}
		if wrong {
			return fmt.Errorf("the parent of a span of kind %d for %s is wrong: %q", s.Kind, s.attribute("url.path"), s.ParentSpanID)
		}
	}
	return nil
}
