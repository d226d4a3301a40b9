package nethttp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/httpspan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	accepted = &flow.Conn{Family: unix.AF_INET, Local: netip.MustParseAddrPort("10.0.0.1:8080"), Remote: netip.MustParseAddrPort("10.0.0.2:51000")}
	dialled  = &flow.Conn{Family: unix.AF_INET6, Local: netip.MustParseAddrPort("[fd00::1]:51000"), Remote: netip.MustParseAddrPort("[fd00::2]:3128")}
	socket   = &flow.Conn{Family: unix.AF_UNIX, Path: "/run/x.sock"}
	unseen   = &flow.Conn{Sock: 1, Gen: 1} // its open event was lost
	http11   = [2]uint8{1, 1}
	http2    = [2]uint8{2, 0}
)

// written is an exchange as golden text.
func written(x *flow.Exchange) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", x.Kind, x.Name)
	if x.Status == codes.Error {
		fmt.Fprintf(&b, " error %q", x.Description)
	}
	for _, kv := range x.Attributes {
		fmt.Fprintf(&b, "\n%s=%s", kv.Key, kv.Value.Emit())
	}
	return b.String()
}

const fromPeer = `
network.peer.address=10.0.0.2
network.peer.port=51000
client.address=10.0.0.2
client.port=51000
network.type=ipv4`

func TestServed(t *testing.T) {
	for _, c := range []struct {
		name string
		call call
		conn *flow.Conn
		want string
	}{
		{"route", call{status: 200, version: http11, reply: 12, texts: [abi.CallTexts]string{"GET", "/items/7", "shop.example:8080", "10.0.0.2:51000", "", "GET shop.example/items/{id}"}}, accepted, `server GET /items/{id}
http.request.method=GET
url.path=/items/7
url.scheme=http
server.address=shop.example
server.port=8080
http.route=/items/{id}
http.response.status_code=200
network.protocol.version=1.1
http.response.body.size=12` + fromPeer},
		{"TLS and HTTP/2, no connection", call{flags: abi.CallTls, status: 503, version: http2, request: 3, reply: 0, texts: [abi.CallTexts]string{"POST", "/", "shop.example", "[fd00::2]:51000", "", ""}}, nil, `server POST error ""
http.request.method=POST
url.path=/
url.scheme=https
server.address=shop.example
server.port=443
http.response.status_code=503
network.protocol.version=2
http.request.body.size=3
http.response.body.size=0
network.peer.address=fd00::2
network.peer.port=51000
client.address=fd00::2
client.port=51000
network.type=ipv6
error.type=503`},
		{"panic", call{flags: abi.CallPanicked, version: http11, request: 0, reply: -1, texts: [abi.CallTexts]string{"PUT", "/p", "h", "10.0.0.2:51000", "", "/p"}}, accepted, `server PUT /p error "the handler panicked"
http.request.method=PUT
url.path=/p
url.scheme=http
server.address=h
server.port=8080
http.route=/p
network.protocol.version=1.1
http.request.body.size=0` + fromPeer + `
error.type=panic`},
		{"hijacked", call{flags: abi.CallHijacked, version: http11, reply: 0, texts: [abi.CallTexts]string{"GET", "/ws", "h:1", "10.0.0.2:51000", "", ""}}, accepted, `server GET
http.request.method=GET
url.path=/ws
url.scheme=http
server.address=h
server.port=1
network.protocol.version=1.1` + fromPeer},
		{"unknown method, no host, open event lost", call{status: 404, version: http11, request: -1, reply: 9, texts: [abi.CallTexts]string{"BR\tEW", "/a b\xff?%", "", "10.0.0.2:51000", "", ""}}, unseen, "server HTTP\n" +
			"http.request.method=_OTHER\nhttp.request.method_original=BR\uFFFDEW" + `
url.path=/a%20b%FF%3F%25
url.scheme=http
http.response.status_code=404
network.protocol.version=1.1
http.response.body.size=9` + fromPeer},
		{"HEAD on a Unix socket", call{status: 200, version: http11, reply: 100, texts: [abi.CallTexts]string{"HEAD", "/", "", "@", "", "/{$}"}}, socket, `server HEAD /{$}
http.request.method=HEAD
url.path=/
url.scheme=http
server.address=/run/x.sock
http.route=/{$}
http.response.status_code=200
network.protocol.version=1.1
network.transport=unix
network.local.address=/run/x.sock`},
		{"CONNECT", call{status: 200, version: http11, reply: 0, texts: [abi.CallTexts]string{"CONNECT", "", "shop:443", "", "", ""}}, nil, `server CONNECT
http.request.method=CONNECT
url.scheme=http
server.address=shop
server.port=443
http.response.status_code=200
network.protocol.version=1.1`},
		{"nothing known", call{status: 1, request: -1, reply: -5}, nil, `server HTTP
http.request.method=_OTHER
url.path=/
url.scheme=http`},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := New().Exchange(c.call.event(t, abi.RoleServer), c.conn)
			if got := written(x); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestMade(t *testing.T) {
	for _, c := range []struct {
		name string
		call call
		conn *flow.Conn
		want string
	}{
		{"empty method, port of the scheme through a proxy", call{status: 204, version: http11, reply: 0, texts: [abi.CallTexts]string{"", "", "me:secret@shop.example", "", "", ""}}, dialled, `client GET
http.request.method=GET
url.path=/
url.scheme=http
server.address=shop.example
server.port=80
url.full=http://shop.example/
http.response.status_code=204
network.protocol.version=1.1
network.peer.address=fd00::2
network.peer.port=3128
network.type=ipv6`},
		{"TLS and HTTP/2", call{flags: abi.CallTls, status: 404, version: http2, request: 5, reply: 7, texts: [abi.CallTexts]string{"POST", "/a b", "[::1]:8443", "", "", "/no/route/of/mine"}}, nil, `client POST error ""
http.request.method=POST
url.path=/a%20b
url.scheme=https
server.address=::1
server.port=8443
url.full=https://[::1]:8443/a%20b
http.response.status_code=404
network.protocol.version=2
http.request.body.size=5
http.response.body.size=7
error.type=404`},
		{"failed", call{flags: abi.CallFailed, request: 0, reply: -1, texts: [abi.CallTexts]string{"GET", "/x", "127.0.0.1:1", "", "", ""}}, nil, `client GET error "the request failed before a response came"
http.request.method=GET
url.path=/x
url.scheme=http
server.address=127.0.0.1
server.port=1
url.full=http://127.0.0.1:1/x
error.type=_OTHER`},
		{"size not known", call{status: 200, version: http11, request: 0, reply: -1, texts: [abi.CallTexts]string{"POST", "x", "h:1", "", "", ""}}, dialled, `client POST
http.request.method=POST
url.path=/x
url.scheme=http
server.address=h
server.port=1
url.full=http://h:1/x
http.response.status_code=200
network.protocol.version=1.1
network.peer.address=fd00::2
network.peer.port=3128
network.type=ipv6`},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := New().Exchange(c.call.event(t, abi.RoleClient), c.conn)
			if got := written(x); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// What is not HTTP's comes from the record.
func TestIdentity(t *testing.T) {
	c := call{flags: abi.CallRemoteContext, status: 200, texts: [abi.CallTexts]string{abi.TextTracestate: "a=b", abi.TextRoute: ""}}
	ev := c.event(t, abi.RoleServer)
	x := New().Exchange(ev, accepted)
	if x.Conn != accepted || x.Tgid != 42 || x.Start != 1000 || x.End != 2000 || x.Context.SpanId[0] != 7 || x.Kind != trace.SpanKindServer {
		t.Errorf("%+v", x)
	}
	if x.Flags != abi.FlagRemoteContext || x.Tracestate != "a=b" || x.Remote != nil {
		t.Errorf("%+v", x)
	}
	ev.Call.Start, ev.Call.CallFlags = 3000, 0
	if x = New().Exchange(ev, nil); x.Start != 3000 || x.End != 3000 || x.Flags != 0 || x.Conn != nil {
		t.Errorf("%+v", x)
	}
	ev.Call.Start = 0
	if x = New().Exchange(ev, nil); x.Start != 2000 || x.End != 2000 {
		t.Errorf("%+v", x)
	}
}

// One decoder is of many connections at once.
func TestNothingIsLeftOfTheCallBefore(t *testing.T) {
	d := New()
	calls := []struct {
		call call
		conn *flow.Conn
		role abi.Role
	}{
		{call{status: 200, version: http11, texts: [abi.CallTexts]string{"GET", "/a", "a:1", "10.0.0.2:5", "", "/a"}}, accepted, abi.RoleServer},
		{call{status: 200, version: http2, texts: [abi.CallTexts]string{"GET", "/b", "b", "", "", ""}}, dialled, abi.RoleClient},
		{call{}, nil, abi.RoleServer},
		{call{texts: [abi.CallTexts]string{"GET", "/b", "b", "", "", ""}}, socket, abi.RoleClient},
	}
	for range 3 {
		for i, c := range calls {
			got, want := written(d.Exchange(c.call.event(t, c.role), c.conn)), written(New().Exchange(c.call.event(t, c.role), c.conn))
			if got != want {
				t.Errorf("call %d: got\n%s\nwant\n%s", i, got, want)
			}
		}
	}
}

func TestRoute(t *testing.T) {
	for pattern, want := range map[string]string{
		"/items/{id}": "/items/{id}", "GET /items/{id}": "/items/{id}", "GET example.com/items/{id}": "/items/{id}", "GET \t example.com/": "/",
		"example.com/{path...}": "/{path...}", "/{$}": "/{$}", "POST": "", "example.com": "", "GET ": "",
	} {
		if got := string(route([]byte(pattern))); got != want {
			t.Errorf("%q: %q, want %q", pattern, got, want)
		}
	}
	var r routes
	for i := range 5 * maxRoutes {
		r.of("GET", fmt.Appendf(nil, "/%d", i), nil, nil)
	}
	if len(r.known) > maxRoutes {
		t.Errorf("%d routes kept", len(r.known))
	}
}

func TestPathText(t *testing.T) {
	long := strings.Repeat("\xff", 1000)
	for path, want := range map[string]string{"": "/", "*": "*", "x": "/x", "/a/b~c!$&'()+,;=:@": "/a/b~c!$&'()+,;=:@", "/ä[]": "/%C3%A4%5B%5D", "/\x00": "/%00"} {
		if got := pathText(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
	for i := range 4 {
		got := pathText("/" + strings.Repeat("x", i) + long)
		if len(got) > httpspan.MaxPath || len(got) < httpspan.MaxPath-2 || (len(got)-1-i)%3 != 0 {
			t.Errorf("%d bytes: %q", len(got), got[len(got)-5:])
		}
	}
	if got := pathText("/" + strings.Repeat("x", 2000)); len(got) != httpspan.MaxPath {
		t.Errorf("%d bytes", len(got))
	}
}
