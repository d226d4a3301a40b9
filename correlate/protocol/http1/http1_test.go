package http1

import (
	"testing"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
)

func TestSmoke(t *testing.T) {
	k := newKernel(t, flow.Options{})
	k.open(true, false)
	k.request(server, "GET /hello?secret=1 HTTP/1.1\r\nHost: example.com:8080\r\n\r\n")
	k.bytes(client, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
	k.close(abi.CloseRemote, 0)
	if len(k.found) != 1 {
		t.Fatalf("%d exchanges; %+v", len(k.found), k.a.Stats())
	}
	t.Logf("%+v", k.found[0])
}
