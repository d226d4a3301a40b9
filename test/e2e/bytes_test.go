package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// sendScript sends what a file tells, in the calls that it tells, and waits for an
// answer after each turn.
const sendScript = `
import json, socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
for turn in json.load(open(sys.argv[2])):
    for how, *parts in turn:
        parts = [p.encode("latin-1") for p in parts]
        if how == "sendmsg":
            s.sendmsg(parts)
        elif how == "more":
            for p in parts[:-1]:
                s.send(p, socket.MSG_MORE)
            s.send(parts[-1])
        else:
            for p in parts:
                s.sendall(p)
    s.recv(65536)
s.close()
`

// turn is what is sent before an answer is awaited: calls, each a way and parts.
type turn [][]string

const get = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"

// sendings are ways to send. What arrives differs by whole header lines alone.
var sendings = []struct {
	name   string
	turns  []turn
	lines  int // header lines that are put in
	client int // CLIENT spans
}{
	{"one call", []turn{{{"send", get}}}, 1, 1},
	{"a turn each", []turn{{{"send", get}}, {{"send", get}}, {{"send", get}}}, 3, 3},
	{"several parts in one call", []turn{{{"sendmsg", "GET /a HT", "TP/1.1\r\nHo", "st: x\r\n", "\r\n"}}}, 1, 1},
	{"a head in two calls", []turn{{{"send", "GET /a HTTP/1.1\r\n", "Host: x\r\n\r\n"}}}, 0, 1},
	{"a head in two calls, corked", []turn{{{"more", "GET /a HTTP/1.1\r\n", "Host: x\r\n\r\n"}}}, 0, 1},
	{"two requests in one call", []turn{{{"send", get + get}}}, 1, 2},
	{"head and body apart", []turn{{{"send", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 44\r\n\r\n", "GET /b HTTP/1.1\r\nHost: body\r\n\r\nGET /c HTTP/1."}}}, 1, 1},
	{"a large body", []turn{{{"send", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("b", 60000), strings.Repeat("GET / HTTP/1.1\r\n", 15000)}}}, 1, 1},
	{"a long head", []turn{{{"send", "GET /a HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 3000) + "\r\n\r\n"}}}, 0, 1},
	{"bare line feeds", []turn{{{"send", "GET /a HTTP/1.1\nHost: x\n\n"}}}, 1, 1},
	{"a line folded onto the request line", []turn{{{"send", "GET /a HTTP/1.1\r\n X: y\r\n\r\n"}}}, 0, 1},
	{"not HTTP", []turn{{{"send", "PING\r\n"}}, {{"send", get}}}, 0, -1},
	{"nearly HTTP", []turn{{{"send", "GET /a HTTP/2.0\r\n\r\n"}}}, 0, 0},
	{"a binary protocol", []turn{{{"send", "\x00\x00\x00\x10\x01GET / HTTP/1.1\r\n\r\n"}}}, 0, 0},
}

var injected = regexp.MustCompile(`traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01\r\n`)

// TestCoreBytes: whatever way a program sends in, each byte arrives, and nothing
// more than whole traceparent lines.
func TestCoreBytes(t *testing.T) {
	for _, c := range sendings {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			tape := r.newTape()
			turns, err := json.Marshal(c.turns)
			if err != nil {
				t.Fatal(err)
			}
			plan := r.write("turns.json", string(turns))
			spans, said := r.traceCommand(r.need(python), "-c", sendScript, port(tape.Addr().String()), plan)
			var want strings.Builder
			for _, turn := range c.turns {
				for _, call := range turn {
					want.WriteString(strings.Join(call[1:], ""))
				}
			}
			got := tape.text()
			if n := len(injected.FindAllString(got, -1)); n != c.lines {
				t.Errorf("%d header lines were put in instead of %d: %s", n, c.lines, said)
			}
			if clean := injected.ReplaceAllString(got, ""); clean != want.String() {
				t.Errorf("%d bytes arrive of %d:\n%.300q\n%.300q", len(clean), want.Len(), clean, want.String())
			}
			if c.client >= 0 && len(filter(spans, ofKind(client))) != c.client || c.client >= 0 && len(spans) != c.client {
				t.Errorf("%d spans instead of %d:%s\n%s", len(spans), c.client, list(spans), said)
			}
		})
	}
}

// A tape keeps what arrives and answers when nothing more comes for a while.
type tape struct {
	net.Listener
	mu   sync.Mutex
	seen strings.Builder
}

func (r *rig) newTape() *tape {
	r.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	t := &tape{Listener: l}
	var wait sync.WaitGroup
	wait.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		t.record(c)
	})
	r.Cleanup(func() { l.Close(); wait.Wait() })
	return t
}

func (t *tape) record(c net.Conn) {
	buffer := make([]byte, 1<<16)
	fresh := false
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		n, err := c.Read(buffer)
		t.mu.Lock()
		t.seen.Write(buffer[:n])
		t.mu.Unlock()
		fresh = fresh || n > 0
		if os.IsTimeout(err) {
			if fresh {
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
			fresh = false
		} else if err == io.EOF || err != nil {
			return
		}
	}
}

func (t *tape) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen.String()
}
