package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// traceCommand traces a command from its beginning to its end.
func (r *rig) traceCommand(args ...string) (spans []span, said string) {
	r.Helper()
	return r.traceCommandIn(nil, args...)
}

func (r *rig) traceCommandIn(flags []string, args ...string) (spans []span, said string) {
	r.Helper()
	agent := r.startAgent("trace", append(append(append([]string{"-o", "json"}, flags...), "--"), args...)...)
	if status := agent.wait(30 * time.Second); status != 0 {
		r.Errorf("exit status %d: %s", status, agent.said())
	}
	return agent.spans(), agent.said()
}

// TestCoreCurl traces a client from its first request on.
func TestCoreCurl(t *testing.T) {
	r := newRig(t)
	curl := r.need("curl")
	down := r.newDownstream()
	spans, said := r.traceCommand(curl, "-sS", down.URL+"/one", down.URL+"/two", down.URL+"/three")
	if len(spans) != 3 {
		t.Fatalf("%d spans for 3 requests:%s\n%s", len(spans), list(spans), said)
	}
	for _, s := range spans {
		if s.Kind != client || s.Parent != "" || s.method() != "GET" || s.code() != "200" ||
			s.Attributes["server.port"] != down.port() || s.Attributes["server.address"] != "127.0.0.1" {
			t.Errorf("%s %v", s, s.Attributes)
		}
		if s.service() != "curl" {
			t.Errorf("service.name is %q", s.service())
		}
		down.carried(r, s.path(), s)
	}
	if !lostNothing.MatchString(said) {
		t.Errorf("something was lost: %s", said)
	}
}

func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// TestCurlWays are what curl can do beside a plain GET.
func TestCurlWays(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"POST", []string{"-d", "a=b", "{url}/post"}, "POST /post 200 carried"},
		{"HEAD", []string{"-I", "{url}/head"}, "HEAD /head 200 carried"},
		{"PUT of a file", []string{"-T", "/etc/services", "{url}/put"}, "PUT /put 200 carried"},
		{"HTTP/1.0", []string{"-0", "{url}/old"}, "GET /old 200 carried"},
		{"query", []string{"{url}/q?secret=1"}, "GET /q 200 carried"},
		{"many headers", append(manyHeaders(30), "{url}/headers"), "GET /headers 200 carried"},
		{"a context of its own", []string{"-H", "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "{url}/own"},
			"GET /own 200 carried"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			down := r.newDownstream()
			args := []string{r.need("curl"), "-sS", "-o", "/dev/null"}
			for _, a := range c.args {
				args = append(args, strings.ReplaceAll(a, "{url}", down.URL))
			}
			spans, said := r.traceCommand(args...)
			if len(spans) != 1 {
				t.Fatalf("%d spans:%s\n%s", len(spans), list(spans), said)
			}
			s := spans[0]
			got := fmt.Sprintf("%s %s %s carried", s.method(), s.path(), s.code())
			if got != c.want || s.Kind != client {
				t.Errorf("%q instead of %q: %v", got, c.want, s.Attributes)
			}
			down.carried(r, s.path(), s)
			for key, value := range s.Attributes {
				if strings.Contains(value, "secret") {
					t.Errorf("%s tells a secret: %s", key, value)
				}
			}
		})
	}
}

func manyHeaders(n int) (args []string) {
	for i := range n {
		args = append(args, "-H", fmt.Sprintf("X-Header-%d: %s", i, strings.Repeat("v", 20)))
	}
	return args
}

func TestCurlUnixSocket(t *testing.T) {
	r := newRig(t)
	path := r.path("app.sock")
	r.goService(builtService(r), "", path)
	spans, said := r.traceCommand(r.need("curl"), "-sS", "--unix-socket", path, "http://localhost/ok")
	if len(spans) != 1 || spans[0].Kind != client || spans[0].path() != "/ok" || spans[0].code() != "200" {
		t.Errorf("one request over a Unix socket:%s\n%s", list(spans), said)
	}
}

const curlRefused = 7 // CURLE_COULDNT_CONNECT, curl(1) EXIT CODES

// TestCurlRefused: nobody listens, so that no request is sent.
func TestCurlRefused(t *testing.T) {
	r := newRig(t)
	agent := r.startAgent("trace", "-o", "json", "--", r.need("curl"), "-sS", fmt.Sprintf("http://127.0.0.1:%d/", r.freePort()))
	if status := agent.wait(30 * time.Second); status != curlRefused {
		t.Errorf("exit status %d, want curl's own, %d: %s", status, curlRefused, agent.said())
	}
	if spans := agent.spans(); len(spans) != 0 {
		t.Errorf("no request was sent:%s\n%s", list(spans), agent.said())
	}
}

// TestCoreReadLate: what a client reads after the connection's other end, or
// both, have closed is a whole response; and an end takes a sequence number, but
// is no byte that could be lost.
func TestCoreReadLate(t *testing.T) {
	const script = `
import socket, sys, time
early, late, half = (word in sys.argv[2] for word in ("early", "late", "half"))
for i in range(5):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    s.sendall(b"GET /read/%d HTTP/1.1\r\nHost: x\r\n\r\n" % i)
    if half and not early:
        s.shutdown(socket.SHUT_WR)
    if late:
        time.sleep(.1)
    assert b"200 OK" in s.recv(4096)
    if half and early:
        s.shutdown(socket.SHUT_WR)
    try:
        s.recv(1)
    except ConnectionResetError:
        pass
    s.close()
`
	for _, c := range []struct {
		how   string
		reset bool // the server ends with a reset
	}{
		{"early, then half closed", false}, {"half closed, then late", false}, {"late", false}, {"late", true},
	} {
		name := c.how
		if c.reset {
			name += ", after a reset"
		}
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			address := r.newAnswerer(c.reset)
			spans, said := r.traceCommand(r.need(python), "-c", script, port(address), c.how)
			if len(spans) != 5 || !lostNothing.MatchString(said) {
				t.Errorf("%d spans for 5 requests: %s", len(spans), said)
			}
			for _, s := range spans {
				if s.code() != "200" || s.Attributes["error.type"] != "" {
					t.Errorf("the program read a whole response: %s", s)
				}
			}
		})
	}
}

// TestCoreStale: a request on a connection that its server has closed is an
// exchange that failed.
func TestCoreStale(t *testing.T) {
	const script = `
import socket, sys, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
for i in range(2):
    s.sendall(b"GET /stale/%d HTTP/1.1\r\nHost: x\r\n\r\n" % i)
    time.sleep(.1)
    try:
        s.recv(4096)
    except ConnectionResetError:
        pass
time.sleep(.3)
`
	r := newRig(t)
	spans, said := r.traceCommand(r.need(python), "-c", script, port(r.newAnswerer(false)))
	if len(spans) != 2 || !lostNothing.MatchString(said) {
		t.Fatalf("%d spans for 2 requests:%s\n%s", len(spans), list(spans), said)
	}
	if spans[0].code() != "200" || spans[1].code() != "" || !strings.HasPrefix(spans[1].Attributes["error.type"], "connection_") {
		t.Errorf("one answered and one failed request are:%s", list(spans))
	}
}

// newAnswerer answers every connection's first request and ends it.
func (r *rig) newAnswerer(reset bool) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(5 * time.Second))
				// All of the head: a close with bytes unread would be a reset.
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					return
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				if reset {
					c.(*net.TCPConn).SetLinger(0)
				}
			})
		}
	})
	r.Cleanup(func() { l.Close(); wait.Wait() })
	return l.Addr().String()
}

// TestExec: a shell becomes another program, which becomes the target.
func TestExec(t *testing.T) {
	r := newRig(t)
	down := r.newDownstream()
	spans, said := r.traceCommand("/bin/sh", "-c", fmt.Sprintf("%s -sS %s/forked; exec %[1]s -sS %[2]s/executed", r.need("curl"), down.URL))
	if len(spans) != 2 {
		t.Fatalf("%d spans:%s\n%s", len(spans), list(spans), said)
	}
	for _, s := range spans {
		if s.service() != "curl" {
			t.Errorf("service.name of what curl did is %q: %s", s.service(), s)
		}
		down.carried(r, s.path(), s)
	}
}

// TestCommandOutput: what the command says does not mix with the spans.
func TestCommandOutput(t *testing.T) {
	r := newRig(t)
	spans, said := r.traceCommand("/bin/echo", "hello")
	if len(spans) != 0 || !strings.Contains(said, "hello") {
		t.Errorf("%d spans, said %q", len(spans), said)
	}
}
