package main

import (
	"math/rand/v2"
	"strings"
	"testing"
)

const (
	aParent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
	aB3     = "b3: 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1\r\n"
)

func TestMatch(t *testing.T) {
	get := func() *turn { return (&turn{}).ask([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")) }
	own := func(name string) *turn { return (&turn{}).ask([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), name) }
	two := get().add(get().text)
	two.ask(get().text)
	for _, c := range []struct {
		name    string
		sent    *turn
		arrives string
		may     string
		headers int
		wrong   string // in the error
		joined  bool
	}{
		{name: "in a tunnel", sent: (&turn{}).lure(get().text), arrives: "GET / HTTP/1.1\r\n" + aParent + "Host: x\r\n\r\n", may: "traceparent", wrong: "byte 16"},
		{name: "in a tunnel that was open", sent: (&turn{}).lure(get().text), arrives: "GET / HTTP/1.1\r\n" + aParent + "Host: x\r\n\r\n", may: "traceparent", headers: 1, joined: true},
		{"nothing added", get(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "traceparent", 0, "", false},
		{"one", get(), "GET / HTTP/1.1\r\n" + aParent + "Host: x\r\n\r\n", "traceparent", 1, "", false},
		{"two of a block", get(), "GET / HTTP/1.1\r\n" + aB3 + aParent + "Host: x\r\n\r\n", "traceparent,b3", 2, "", false},
		{"of each request", two, "GET / HTTP/1.1\r\n" + aParent + "Host: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n" + aParent + "Host: x\r\n\r\n", "traceparent", 2, "", false},
		{"a body's", two, "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n" + aParent + "Host: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "traceparent", 0, "byte 43", false},
		{"twice", get(), "GET / HTTP/1.1\r\n" + aParent + aParent + "Host: x\r\n\r\n", "traceparent", 0, "byte 16", false},
		{"not allowed", get(), "GET / HTTP/1.1\r\n" + aParent + "Host: x\r\n\r\n", "", 0, "byte 16", false},
		{"of another name", get(), "GET / HTTP/1.1\r\n" + aB3 + "Host: x\r\n\r\n", "traceparent", 0, "byte 16", false},
		{"beside one's own", own("traceparent"), "GET / HTTP/1.1\r\n" + aB3 + "Host: x\r\n\r\n", "traceparent,b3", 0, "byte 16", false},
		{"one's own again", own("b3"), "GET / HTTP/1.1\r\n" + aB3 + "Host: x\r\n\r\n", "traceparent,b3", 0, "byte 16", false},
		{"beside another", own("b3"), "GET / HTTP/1.1\r\n" + aParent + "Host: x\r\n\r\n", "traceparent,b3", 0, "byte 16", false},
		{"beside another that is not chosen", own("b3"), "GET / HTTP/1.1\r\n" + aParent + "Host: x\r\n\r\n", "traceparent", 1, "", false},
		{"beside a list", own("baggage"), "GET / HTTP/1.1\r\n" + aParent + "Host: x\r\n\r\n", "traceparent,b3", 1, "", false},
		{"elsewhere", get(), "GET / HTTP/1.1\r\nHost: x\r\n" + aParent + "\r\n", "traceparent", 0, "byte 25", false},
		{"within a line", get(), "GET / HTTP/1.1\r\nHo" + aParent + "st: x\r\n\r\n", "traceparent", 0, "byte 18", false},
		{"before the request line", get(), aParent + "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "traceparent", 0, "byte 0", false},
		{"a bad value", get(), "GET / HTTP/1.1\r\n" + strings.Replace(aParent, "c-b", "x-b", 1) + "Host: x\r\n\r\n", "traceparent", 0, "byte 16", false},
		{"a line feed alone", get(), "GET / HTTP/1.1\r\n" + strings.Replace(aParent, "\r", "", 1) + "Host: x\r\n\r\n", "traceparent", 0, "byte 16", false},
		{"half of one", get(), "GET / HTTP/1.1\r\n" + aParent[:20], "traceparent", 0, "byte 16", false},
		{"a byte less", get(), "GET / HTTP/1.1\r\nHost: \r\n\r\n", "traceparent", 0, "byte 22", false},
		{"a byte changed", get(), "GET / HTTP/1.1\r\nHost: y\r\n\r\n", "traceparent", 0, "byte 22", false},
		{"an early end", get(), "GET / HTTP/1.1\r\nHost: x\r\n", "traceparent", 0, "the end comes behind byte 25 of 27", false},
		{"nearly one of the sender's", (&turn{}).ask([]byte("GET / HTTP/1.1\r\ntraceparent-x: y\r\n\r\n")), "GET / HTTP/1.1\r\ntraceparent-x: y\r\n\r\n", "traceparent", 0, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 50 { // cut anywhere
				m := newMatch(c.sent, named(list(c.may)), c.joined)
				in, err := []byte(c.arrives), error(nil)
				for len(in) > 0 && err == nil {
					n := 1 + rand.IntN(len(in))
					var rest []byte
					if rest, err = m.take(in[:n]); len(rest) > 0 {
						t.Fatalf("%q is left", rest)
					}
					in = in[n:]
				}
				if err == nil {
					err = m.finish()
				}
				if c.wrong != "" {
					if err == nil || !strings.Contains(err.Error(), c.wrong) {
						t.Fatalf("the error is %v", err)
					}
					continue
				}
				if err != nil || !m.done() || m.added != c.headers {
					t.Fatalf("%v, %d headers, done %t", err, m.added, m.done())
				}
			}
		})
	}
}

// TestHeaders: each name has a value that may be added, and one that may not.
func TestHeaders(t *testing.T) {
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for name, values := range map[string][2]string{
		"traceparent":                 {"00-" + trace + "-" + span + "-01", "00-" + trace + "-" + span + "-1"},
		"tracestate":                  {"a=b,c=d", ""},
		"baggage":                     {"a=b;c", " "},
		"b3":                          {trace + "-" + span + "-1", trace},
		"x-b3-traceid":                {trace, trace + "0"},
		"x-b3-spanid":                 {span, trace},
		"x-b3-parentspanid":           {span, ""},
		"x-b3-sampled":                {"1", "yes"},
		"x-b3-flags":                  {"0", "2"},
		"uber-trace-id":               {trace + ":" + span + ":0:1", trace + ":" + span},
		"x-amzn-trace-id":             {"Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=" + span + ";Sampled=1", "Root=1-" + trace},
		"x-datadog-trace-id":          {"9532127138774266268", trace},
		"x-datadog-parent-id":         {"13235353014750950193", span},
		"x-datadog-sampling-priority": {"1", "one"},
		"x-datadog-origin":            {"rum", ""},
		"x-datadog-tags":              {"_dd.p.tid=0af7651916cd43dd", "a b"},
	} {
		some := named([]string{name})
		for i, value := range values {
			line := name + ": " + value + "\r\n"
			if _, got, n := begins([]byte(line+"Host: x\r\n"), some); (got == name && n == len(line)) != (i == 0) {
				t.Errorf("%q is %q of %d bytes", line, got, n)
			}
		}
	}
	if len(headers()) != 16 {
		t.Errorf("%d headers, and not all are tried here", len(headers()))
	}
}
