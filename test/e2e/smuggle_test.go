package e2e

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

//go:embed testdata/proxy.js
var proxyJS string

// An eager server answers a request when its head came, and keeps connections.
type eager struct {
	mu   sync.Mutex
	got  []*taken
	wait sync.WaitGroup
}

// taken is a request as it came: what it announced and what followed.
type taken struct {
	line   string
	length int64
	body   strings.Builder
}

func (r *rig) newEager() (*eager, string) {
	r.Helper()
	l := r.listen()
	e := &eager{}
	e.wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			e.wait.Go(func() { e.serve(c) })
		}
	})
	r.Cleanup(func() { l.Close(); e.wait.Wait() })
	return e, l.Addr().String()
}

func (e *eager) serve(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(c)
	for {
		q, err := http.ReadRequest(in)
		if err == io.EOF {
			return
		}
		one := &taken{line: "no request: " + fmt.Sprint(err)}
		if err == nil {
			one.line, one.length = q.Method+" "+q.URL.Path, q.ContentLength
		}
		e.mu.Lock()
		e.got = append(e.got, one)
		e.mu.Unlock()
		if err != nil {
			return
		}
		io.WriteString(c, answered)
		for buffer := make([]byte, 4096); err == nil; {
			var n int
			n, err = q.Body.Read(buffer)
			e.mu.Lock()
			one.body.Write(buffer[:n])
			e.mu.Unlock()
		}
		if err != io.EOF {
			return
		}
	}
}

// requests are what came so far, each a line of text.
func (e *eager) requests() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var said []string
	for _, t := range e.got {
		said = append(said, fmt.Sprintf("%s announced %d: %q", t.line, t.length, t.body.String()))
	}
	return said
}

// TestProxySmuggles: behind a proxy that sends on what its client sends, when it
// comes, no body becomes longer than it was announced.
func TestProxySmuggles(t *testing.T) {
	for name, field := range map[string]string{"short head": "X: y", "long head": "Cookie: " + strings.Repeat("a", 4200)} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			back, address := r.newEager()
			proxy := r.service(command{args: []string{r.need("node"), r.write("proxy.js", proxyJS), "{address}", address}}, "")
			agent := r.tracePIDs(proxy.proc)
			var want []string
			for range 5 {
				w := r.wire(proxy.address)
				body := "x"
				w.say(post(1+2*len(decoy), field) + body)
				if status, _ := w.hear("POST"); status != 200 {
					t.Errorf("the proxy answers %d", status)
				}
				want = append(want, "")
				for range 3 {
					want[len(want)-1] = fmt.Sprintf("POST /up announced %d: %q", 1+2*len(decoy), body)
					if !poll(3*time.Second, func() bool { return fmt.Sprint(back.requests()) == fmt.Sprint(want) }) {
						t.Fatalf("the server got:\n%q\ninstead of\n%q", back.requests(), want)
					}
					if len(body) < 1+2*len(decoy) {
						w.say(decoy)
						body += decoy
					}
				}
				w.Close()
			}
			agent.stop()
			proxy.end()
			if got := back.requests(); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("the server got:\n%q\ninstead of\n%q", got, want)
			}
		})
	}
}
