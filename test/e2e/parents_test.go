package e2e

import (
	_ "embed"
	"fmt"
	"testing"
	"time"
)

//go:embed testdata/knots.py
var knotsPy string

// knots starts a service whose requests a test makes wait for one another. Path
// "" is a port.
func (r *rig) knots(downstream, path string) *service {
	r.Helper()
	return r.service(command{args: []string{r.need(python), r.write("knots.py", knotsPy), "{address}", downstream}}, path)
}

const (
	someTrace = "abababababababababababababababab"
	someSpan  = "cdcdcdcdcdcdcdcd"
)

// within is a GET that says that it belongs to a span.
func within(trace, span, path string) string {
	return request("GET "+path, "traceparent: 00-"+trace+"-"+span+"-01")
}

// called gives the SERVER span of a request and the CLIENT span of its call.
func (r *rig) called(spans []span, path, name string) (served, sent span) {
	r.Helper()
	servers, clients := filter(spans, ofPath(server, path+name)), filter(spans, ofPath(client, "/from/"+name))
	if len(servers) != 1 || len(clients) != 1 {
		r.Fatalf("%s%s: %d SERVER and %d CLIENT spans:%s", path, name, len(servers), len(clients), list(last(spans, 20)))
	}
	return servers[0], clients[0]
}

// child fails the test unless the call belongs to the request.
func (r *rig) child(spans []span, path, name string) {
	r.Helper()
	served, sent := r.called(spans, path, name)
	if sent.Parent != served.ID || sent.Trace != served.Trace {
		r.Errorf("the parent of %s is not %s", sent, served)
	}
	if n := len(filter(spans, func(s span) bool { return s.ID == sent.ID })); n != 1 {
		r.Errorf("%d spans have the id of %s", n, sent)
	}
}

// TestParentsSameContext: of requests that came with one and the same context,
// each call belongs to its own or to none of them.
func TestParentsSameContext(t *testing.T) {
	for _, way := range []string{"/wait/", "/wait-aside/"} {
		t.Run(way, func(t *testing.T) {
			r := newRig(t)
			s := r.knots(r.newDownstream().address(), "")
			agent := r.tracePIDs(s.proc)
			first, other := r.wire(s.address), r.wire(s.address)
			first.say(within(someTrace, someSpan, way+"one"))
			time.Sleep(100 * time.Millisecond) // it waits
			for range 3 {
				other.ask("GET", within(someTrace, someSpan, "/ok/"))
			}
			r.wire(s.address).ask("GET", within(someTrace, someSpan, "/ok/"))
			other.ask("GET", request("GET /release/one"))
			first.hear("GET")
			agent.await(7, func(span) bool { return true })
			spans := agent.stop()
			if way == "/wait/" {
				r.child(spans, way, "one")
				return
			}
			served, sent := r.called(spans, way, "one")
			if sent.Trace != someTrace || sent.Parent != served.ID && sent.Parent != someSpan {
				t.Errorf("the parent of %s is neither %s nor its client", sent, served)
			}
		})
	}
}

// TestParentsManyContexts: a context that is handed on after more others than are
// remembered leads to the request that it came with.
func TestParentsManyContexts(t *testing.T) {
	r := newRig(t)
	s := r.knots(r.newDownstream().address(), "")
	agent := r.tracePIDs(s.proc)
	first, other := r.wire(s.address), r.wire(s.address)
	first.say(within(someTrace, someSpan, "/wait/one"))
	time.Sleep(100 * time.Millisecond) // it waits
	const others = 9500
	for i := range others {
		other.ask("GET", within(fmt.Sprintf("%032x", i+1), fmt.Sprintf("%016x", i+1), "/ok/"))
	}
	other.ask("GET", request("GET /release/one"))
	first.hear("GET")
	agent.await(others+3, func(span) bool { return true })
	r.child(agent.stop(), "/wait/", "one")
}

// TestParentsTwoResponses: after two responses in one send, the connection's next
// requests are seen, and their calls are theirs.
func TestParentsTwoResponses(t *testing.T) {
	r := newRig(t)
	s := r.knots(r.newDownstream().address(), "")
	agent := r.tracePIDs(s.proc)
	w := r.wire(s.address)
	if status, _ := w.ask("GET", request("GET /hint/")); status != 103 {
		t.Fatalf("the hint is a %d", status)
	}
	w.hear("GET")
	for _, name := range []string{"one", "two", "three"} {
		w.ask("GET", request("GET /call/"+name))
	}
	agent.await(7, func(span) bool { return true })
	spans := agent.stop()
	for _, name := range []string{"one", "two", "three"} {
		r.child(spans, "/call/", name)
	}
}

// TestParentsUntilClose: where one thread serves a Unix socket's connections, one
// that is closed instead of answered to an end is over.
func TestParentsUntilClose(t *testing.T) {
	r := newRig(t)
	s := r.knots(r.newDownstream().address(), r.path("knots.sock"))
	agent := r.tracePIDs(s.proc)
	ask := r.newAsker(s.address)
	names := []string{"one", "two", "three", "four"}
	for i, name := range names {
		ask.get("/call/"+name, fresh)
		if i < 2 {
			ask.get("/until-close/", fresh)
		}
	}
	agent.await(2*len(names), func(span) bool { return true })
	spans := agent.stop()
	if n := len(filter(spans, ofPath(server, "/until-close/"))); n != 2 {
		t.Errorf("%d spans of the requests that were answered until the end", n)
	}
	for _, name := range names {
		r.child(spans, "/call/", name)
	}
}
