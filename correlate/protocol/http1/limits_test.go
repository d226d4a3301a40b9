package http1

import (
	"strings"
	"testing"

	"github.com/throughline/throughline/correlate/flow"
)

// The kernel leaves a body out of the record that brings its head, and gives the
// call's last bytes instead.
func TestBodyLeftOut(t *testing.T) {
	for head, body := range map[string]string{
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n": "5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n":   "0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n":          "hello",
		"HTTP/1.1 200 Fine\r\nContent-Length: 20000\r\n\r\n":    strings.Repeat("x", 20_000),
		"HTTP/1.1 200 \r\nTransfer-Encoding: x,chunked\r\n\r\n": strings.Repeat("1\r\nx\r\n", 9000) + "0\r\n\r\n",
	} {
		bothEnds(t, func(t *testing.T, asServer bool) {
			k, ask, answer := started(t, asServer)
			k.request(ask, get)
			k.limit = len(head)
			k.bytes(answer, head+body)
			if len(k.found) != 1 {
				t.Errorf("%q: %d exchanges", head, len(k.found))
			}
			k.limit = 4096
			k.request(ask, get)
			k.bytes(answer, ok)
			if len(k.found) != 2 {
				t.Errorf("%q: %d exchanges", head, len(k.found))
			}
		})
	}
}

// More fields than are looked at, and heads beyond every limit.
func TestLimits(t *testing.T) {
	many := strings.Repeat("A: b\r\n", maxFields+1)
	k, ask, answer := started(t, true)
	k.request(ask, "GET /many HTTP/1.1\r\nHost: h:1\r\n"+many+"\r\n")
	k.bytes(answer, ok)
	k.request(ask, get)
	k.bytes(answer, ok)
	k.expect("GET /many 200 response=2", "GET /big 200 response=2")

	k, ask, answer = started(t, true)
	k.limit, k.events = 1<<21, 1<<20
	k.request(ask, "GET /mega HTTP/1.1\r\nHost: h:1\r\n")
	for range 1 << 10 {
		k.bytes(ask, "X: "+strings.Repeat("x", 1019)+"\r\n")
		if n := k.a.Stats().Buffered; n > 2*maxHead {
			t.Fatalf("%d bytes buffered", n)
		}
	}
	k.bytes(ask, "\r\n")
	k.bytes(answer, ok)
	k.request(ask, get)
	k.bytes(answer, ok)
	k.expect("GET /mega 200 response=2", "GET /big 200 response=2")

	k, ask, _ = started(t, true)
	k.limit = 1 << 16
	k.request(ask, strings.Repeat("GET / HTTP/1.0\n\n", maxPipeline))
	for range 5 {
		k.bytes(ask, "GET / HTTP/1.0\n\n")
	}
	if s := k.a.Stats(); s.Exchanges != 0 || s.Drops[flow.DropPipelineFull] != maxPipeline {
		t.Errorf("%+v", s)
	}
}
