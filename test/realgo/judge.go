package main

import (
	"errors"
	"fmt"

	"github.com/throughline/throughline/test/traced"
)

// maxErrors is how many errors of a program are told.
const maxErrors = 5

// judge counts the requests that have exactly the spans that they have to have. A
// SERVER span of no request is an error too, unless the program asked itself.
func judge(spans []traced.Span, all []asked) (right int, err error) {
	type place struct {
		trace, span string
		kind        traced.Kind
	}
	children := map[place][]traced.Span{}
	made := map[string]int{}
	for _, s := range spans {
		if s.Kind == traced.Client {
			made[what(s)]++
		}
		at := place{s.TraceID, s.ParentSpanID, s.Kind}
		children[at] = append(children[at], s)
	}
	var errs []error
	for _, a := range all {
		at := place{a.trace, a.span, traced.Server}
		found := children[at]
		delete(children, at)
		if len(found) != 1 {
			errs = append(errs, fmt.Errorf("%d SERVER spans for %s", len(found), a.what))
			continue
		}
		clients := children[place{a.trace, found[0].SpanID, traced.Client}]
		switch {
		case what(found[0]) != a.what:
			errs = append(errs, fmt.Errorf("a SERVER span says %q instead of %q", what(found[0]), a.what))
		case a.proxied && (len(clients) != 1 || what(clients[0]) != a.what):
			errs = append(errs, fmt.Errorf("%d CLIENT spans for %s, of which one has to be the same", len(clients), a.what))
		default:
			right++
		}
	}
	for at, more := range children {
		for _, s := range more {
			if at.kind != traced.Server {
				continue
			}
			if made[what(s)]--; made[what(s)] < 0 {
				errs = append(errs, fmt.Errorf("a SERVER span %q that nobody asked for, its parent is %q", what(s), at.span))
			}
		}
	}
	if n := len(errs); n > maxErrors {
		errs = append(errs[:maxErrors], fmt.Errorf("and %d more of such", n-maxErrors))
	}
	return right, errors.Join(errs...)
}

// what says what a span is about.
func what(s traced.Span) string {
	if s.Attribute("rpc.system.name") == "grpc" {
		method := s.Attribute("rpc.method")
		if original := s.Attribute("rpc.method_original"); original != "" {
			method = original
		}
		return method + " " + s.Attribute("rpc.response.status_code")
	}
	return fmt.Sprintf("%s %s %s", s.Attribute("http.request.method"), s.Attribute("url.path"), s.Attribute("http.response.status_code"))
}
