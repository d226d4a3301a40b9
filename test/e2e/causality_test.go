package e2e

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// TestThreeProcesses follows one request through Go, Python and Node.
func TestThreeProcesses(t *testing.T) {
	r := newRig(t)
	last := node.start(r, "")
	middle := pythonThreads.start(r, last.address)
	first := goNet.start(r, middle.address)
	agent := r.tracePIDs(first.proc, middle.proc, last.proc)
	ask := r.newAsker(first.address)
	const rounds = 5
	for i := range rounds {
		x := ask.get(fmt.Sprintf("/call/call/headers/%d", i))
		if x.status != 200 || !strings.Contains(x.body, "traceparent") {
			t.Errorf("the last of the three saw: %d %s", x.status, x.body)
		}
	}
	agent.await(5*rounds, func(span) bool { return true })
	spans := agent.stop()
	if len(spans) != 5*rounds {
		t.Errorf("%d spans for %d requests through three processes:%s", len(spans), rounds, list(spans))
	}
	traces := map[string]bool{}
	for i, x := range ask.asked {
		suffix := fmt.Sprintf("/headers/%d", i)
		chain := []func(span) bool{
			ofPath(server, "/call/call"+suffix), ofPath(client, "/call"+suffix),
			ofPath(server, "/call"+suffix), ofPath(client, suffix), ofPath(server, suffix),
		}
		parent, trace := "", ""
		for depth, keep := range chain {
			found := filter(spans, keep)
			if len(found) != 1 {
				t.Fatalf("request %d: %d spans at depth %d:%s", i, len(found), depth, list(found))
			}
			s := found[0]
			if depth == 0 {
				trace = s.Trace
			}
			if s.Parent != parent || s.Trace != trace {
				t.Errorf("request %d: at depth %d the parent is not %s: %s", i, depth, parent, s)
			}
			parent = s.ID
		}
		if !strings.Contains(x.body, trace) {
			t.Errorf("the last of the three did not see trace %s: %s", trace, x.body)
		}
		traces[trace] = true
	}
	if len(traces) != rounds {
		t.Errorf("%d requests make %d traces", rounds, len(traces))
	}
}

// TestEventLoop asks Node for many things at once: a call's parent is the
// request that it was made for, or none.
func TestEventLoop(t *testing.T) {
	for _, path := range []string{"/call", "/later"} {
		t.Run(path[1:], func(t *testing.T) {
			r := newRig(t)
			down := r.newDownstream()
			s := node.start(r, down.address())
			agent := r.tracePIDs(s.proc)
			const requests, atOnce = 120, 12
			r.storm(s.address, requests, atOnce, func(i int) string { return fmt.Sprintf("%s/slow/%d", path, i) })
			agent.await(2*requests, func(span) bool { return true })
			spans := agent.stop()
			right := r.noWrongParent(spans, path, requests)
			t.Logf("%d of %d calls have a parent, all the right one", right, requests)
			for i := range requests {
				marker := fmt.Sprintf("/slow/%d", i)
				if sent := filter(spans, ofPath(client, marker)); len(sent) == 1 {
					down.carried(r, marker, sent[0])
				}
			}
		})
	}
}

// TestThreadsAtOnce: where a thread or goroutine serves a request, its call has
// the right parent however many run at once.
func TestThreadsAtOnce(t *testing.T) {
	for _, p := range []program{pythonThreads, goNet, javaServer, gunicorn} {
		t.Run(p.name, func(t *testing.T) {
			r := newRig(t)
			down := r.newDownstream()
			s := p.start(r, down.address())
			agent := r.tracePIDs(s.proc)
			const requests, atOnce = 120, 8
			r.storm(s.address, requests, atOnce, func(i int) string { return fmt.Sprintf("/call/slow/%d", i) })
			agent.await(2*requests, func(span) bool { return true })
			if right := r.noWrongParent(agent.stop(), "/call", requests); right != requests {
				t.Errorf("%d of %d calls have their parent", right, requests)
			}
		})
	}
}

// TestGoTransport: net/http's client sends from another goroutine than the one
// that serves. A call's parent must not be a wrong one.
func TestGoTransport(t *testing.T) {
	r := newRig(t)
	down := r.newDownstream()
	s := goNet.start(r, down.address())
	agent := r.tracePIDs(s.proc)
	const requests, atOnce = 100, 8
	r.storm(s.address, requests, atOnce, func(i int) string { return fmt.Sprintf("/callnet/slow/%d", i) })
	agent.await(2*requests, func(span) bool { return true })
	right := r.noWrongParent(agent.stop(), "/callnet", requests)
	t.Logf("%d of %d calls have a parent", right, requests)
}

// storm asks for n paths, some at once, each on any connection.
func (r *rig) storm(address string, n, atOnce int, path func(int) string, hows ...how) {
	r.Helper()
	var (
		wait sync.WaitGroup
		next = make(chan int)
	)
	for range atOnce {
		ask := r.newAsker(address)
		wait.Go(func() {
			for i := range next {
				if x, err := ask.ask(path(i), hows...); err != nil || x.status != 200 {
					r.Errorf("asking for %s: %d %v", path(i), x.status, err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wait.Wait()
}

// noWrongParent checks n calls made in n requests, told apart by what stands
// behind prefix in the path, and counts those that have their parent.
func (r *rig) noWrongParent(spans []span, prefix string, n int) (right int) {
	r.Helper()
	for i := range n {
		marker := fmt.Sprintf("/slow/%d", i)
		served, sent := filter(spans, ofPath(server, prefix+marker)), filter(spans, ofPath(client, marker))
		if len(served) != 1 || len(sent) != 1 {
			r.Errorf("%s: %d SERVER and %d CLIENT spans", marker, len(served), len(sent))
			continue
		}
		switch sent[0].Parent {
		case "":
			if sent[0].Trace == served[0].Trace {
				r.Errorf("no parent, and yet of the trace: %s", sent[0])
			}
		case served[0].ID:
			right++
			if sent[0].Trace != served[0].Trace {
				r.Errorf("the parent is of another trace: %s", sent[0])
			}
		default:
			r.Errorf("a wrong parent: %s; the right one is %s", sent[0], served[0].ID)
		}
	}
	if len(spans) != 2*n {
		r.Errorf("%d spans for %d requests with a call each", len(spans), n)
	}
	return right
}

// TestProgramsOwnContext: a program that sends a traceparent keeps it, gets no
// second one, and its id is the CLIENT span's.
func TestProgramsOwnContext(t *testing.T) {
	r := newRig(t)
	down := r.newDownstream()
	s := pythonThreads.start(r, down.address())
	agent := r.tracePIDs(s.proc)
	r.newAsker(s.address).get("/sdk/marked")
	agent.await(2, func(span) bool { return true })
	sent := filter(agent.stop(), ofPath(client, "/marked"))
	const trace, id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	if len(sent) != 1 || sent[0].Trace != trace || sent[0].ID != id {
		t.Fatalf("the program's own context is not the span's:%s", list(sent))
	}
	down.carried(r, "/marked", sent[0])
}

// TestNoInject compares the bytes that leave a program with those that leave it
// when nobody looks.
func TestNoInject(t *testing.T) {
	r := newRig(t)
	recorder := r.newRecorder()
	s := pythonThreads.start(r, recorder.address())
	ask := r.newAsker(s.address)
	ask.get("/call/marked")
	agent := r.trace("--pid", number(s.pid()), "--no-inject")
	ask.get("/call/marked")
	if sent := agent.await(1, ofPath(client, "/marked")); len(sent) == 1 && sent[0].Parent == "" {
		t.Errorf("the call has no parent: %s", sent[0])
	}
	agent.stop()
	agent = r.tracePIDs(s.proc)
	ask.get("/call/marked")
	sent := agent.await(1, ofPath(client, "/marked"))
	agent.stop()
	ask.get("/call/marked")

	said := recorder.said()
	if len(said) != 4 || len(sent) != 1 {
		t.Fatalf("%d requests were recorded, %d spans", len(said), len(sent))
	}
	for _, i := range []int{1, 3} {
		if said[i] != said[0] {
			t.Errorf("the agent changed what is sent:\n%q\n%q", said[0], said[i])
		}
	}
	line := fmt.Sprintf("traceparent: 00-%s-%s-01\r\n", sent[0].Trace, sent[0].ID)
	if strings.Replace(said[2], line, "", 1) != said[0] || !strings.Contains(said[2], line) {
		t.Errorf("more than %q was put in:\n%q\n%q", line, said[0], said[2])
	}
}

// A recorder keeps the bytes of each connection and answers.
type recorder struct {
	net.Listener
	mu   sync.Mutex
	seen []string
}

func (r *rig) newRecorder() *recorder {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	rec := &recorder{Listener: l}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() { rec.serve(c) })
		}
	})
	r.Cleanup(func() { l.Close(); wait.Wait() })
	return rec
}

func (rec *recorder) serve(c net.Conn) {
	defer c.Close()
	var text strings.Builder
	buffer := make([]byte, 4096)
	for !strings.HasSuffix(text.String(), "\r\n\r\n") {
		n, err := c.Read(buffer)
		text.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	rec.mu.Lock()
	rec.seen = append(rec.seen, text.String())
	rec.mu.Unlock()
	fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

func (rec *recorder) address() string { return rec.Addr().String() }

func (rec *recorder) said() []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append([]string(nil), rec.seen...)
}
