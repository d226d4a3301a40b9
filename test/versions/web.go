package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/throughline/throughline/test/traced"
)

// caller is the traceparent that the requests bring that have one.
const caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// askWeb sends three requests that make the service call itself, and one that brings
// a context.
func askWeb(ctx context.Context, address string) error {
	for _, path := range []string{"/call", "/call", "/call", "/hello/asked"} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			return err
		}
		if path == "/hello/asked" {
			request.Header.Set("traceparent", caller)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("asking for %s: %w", path, err)
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	return nil
}

// judgeWeb expects of each request exactly one span on each side, with its right parent.
func judgeWeb(spans []traced.Span) error {
	byID := map[string]traced.Span{}
	count := map[string]int{}
	for _, s := range spans {
		byID[s.SpanID] = s
		count[fmt.Sprintf("%d %s %s", s.Kind, s.Attribute("url.path"), s.Attribute("http.response.status_code"))]++
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
		switch path := s.Attribute("url.path"); {
		case path == "/call":
			wrong = s.ParentSpanID != ""
		case path == "/hello/asked":
			wrong = s.TraceID+"-"+s.ParentSpanID != caller[3:52]
		case s.Kind == traced.Client:
			wrong = parent.Kind != traced.Server || parent.Attribute("url.path") != "/call" || parent.TraceID != s.TraceID
		default:
			wrong = parent.Kind != traced.Client || parent.TraceID != s.TraceID
		}
		if wrong {
			return fmt.Errorf("the parent of a span of kind %d for %s is wrong: %q", s.Kind, s.Attribute("url.path"), s.ParentSpanID)
		}
	}
	return nil
}
