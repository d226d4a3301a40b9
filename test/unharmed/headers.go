package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// A header is one that an agent may put behind a request line: a whole line of
// this name, in lower case, with a value of this form.
type header struct {
	name  string
	value *regexp.Regexp
}

// headers are those of W3C Trace Context and Baggage, B3 in one line and in
// several, Jaeger, AWS X-Ray and Datadog.
func headers() []header {
	form := func(name, value string) header { return header{name, regexp.MustCompile("^(?:" + value + ")$")} }
	const trace, span = "[0-9a-f]{32}", "[0-9a-f]{16}"
	return []header{
		form("traceparent", "00-"+trace+"-"+span+"-0[0-3]"),
		form("tracestate", "[!-~][ -~]*"),
		form("baggage", "[!-~][ -~]*"),
		form("b3", trace+"-"+span+"(?:-[01d](?:-"+span+")?)?|[01d]"),
		form("x-b3-traceid", "(?:"+span+"){1,2}"),
		form("x-b3-spanid", span),
		form("x-b3-parentspanid", span),
		form("x-b3-sampled", "[01]"),
		form("x-b3-flags", "[01]"),
		form("uber-trace-id", "[0-9a-f]{1,32}:[0-9a-f]{1,16}:[0-9a-f]{1,16}:[0-9a-f]{1,2}"),
		form("x-amzn-trace-id", "Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent="+span+";Sampled=[01]"),
		form("x-datadog-trace-id", " *[0-9]{1,20}"),
		form("x-datadog-parent-id", " *[0-9]{1,20}"),
		form("x-datadog-sampling-priority", "-?[0-9]"),
		form("x-datadog-origin", "[!-~]+"),
		form("x-datadog-tags", "[!-~]+| *"),
	}
}

// contexts are the names of those that an agent writes for a request that it has no lists for.
func contexts() []string {
	return []string{"traceparent", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "uber-trace-id", "x-amzn-trace-id",
		"x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-sampling-priority", "x-datadog-tags"}
}

// standsDown tells whether a request that has own gets none of some: it has one of
// them that says a context.
func standsDown(own []string, some []header) bool {
	return slices.ContainsFunc(some, func(h header) bool {
		return h.name != "x-datadog-tags" && slices.Contains(own, h.name)
	})
}

// named are those of the headers that have one of the names.
func named(names []string) (some []header) {
	for _, h := range headers() {
		if slices.Contains(names, h.name) {
			some = append(some, h)
		}
	}
	return some
}

// lineMax is longer than any line that may be added.
const lineMax = 8300

// begins tells whether text can be, as far as it goes, one of the headers' lines,
// and, once it is a whole line, which and how long; "" if it is none.
func begins(text []byte, some []header) (possible bool, name string, length int) {
	end := bytes.IndexByte(text, '\n')
	for i := range some {
		h := &some[i]
		colon := len(h.name)
		if len(text) <= colon+1 {
			if strings.EqualFold(string(text), (h.name + ": ")[:len(text)]) {
				return true, "", 0
			}
			continue
		}
		if !strings.EqualFold(string(text[:colon]), h.name) || text[colon] != ':' || text[colon+1] != ' ' {
			continue
		}
		if end < 0 {
			return len(text) < lineMax, "", 0
		}
		if text[end-1] != '\r' || !h.value.Match(text[colon+2:end-1]) {
			return false, "", 0
		}
		return true, h.name, end + 1
	}
	return false, "", 0
}
