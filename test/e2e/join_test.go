package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// A hop is one program that calls another, both traced.
type hop struct {
	front, back program
	call        string // path of front below which a request is sent on
	headers     string // path at which back answers with the request's head; "": none
}

// hops have blocking sockets and others, event loops, proxies and kept connections.
var hops = []hop{
	{pythonThreads, goNet, "/call", "/headers"},
	{goNet, pythonThreads, "/callnet", ""},
	{goNet, goNet, "/callnet", "/headers"},
	{gunicorn, node, "/call", ""},
	{node, gunicorn, "/call", ""},
	{javaServer, pythonThreads, "/call", ""},
	{nginx, pythonThreads, "/proxy", ""},
	{nginx, goNet, "/kept", "/headers"},
}

// checkJoined storms a hop and demands that each SERVER span behind it is the child of
// the CLIENT span for the same request, and of no other.
func (h hop) checkJoined(r *rig, address string, agent *agent) {
	r.Helper()
	const requests, atOnce = 64, 8
	r.storm(address, requests, atOnce, func(i int) string { return fmt.Sprintf("%s/slow/%d", h.call, i) })
	agent.await(3*requests, func(span) bool { return true })
	spans := agent.stop()
	for i := range requests {
		path := fmt.Sprintf("/slow/%d", i)
		sent, served := filter(spans, ofPath(client, path)), filter(spans, ofPath(server, path))
		if len(sent) != 1 || len(served) != 1 {
			r.Errorf("%s: %d CLIENT and %d SERVER spans", path, len(sent), len(served))
			continue
		}
		if served[0].Parent != sent[0].ID || served[0].Trace != sent[0].Trace {
			r.Errorf("%s is not joined: %s", path, list([]span{sent[0], served[0]}))
		}
	}
}

// checkUntouched demands that what arrives has no header that nobody sent.
func (h hop) checkUntouched(r *rig, address string) {
	r.Helper()
	head := strings.ToLower(r.newAsker(address).get(h.call + h.headers).body)
	shown := strings.Contains(head, "user-agent:") || strings.Contains(head, "accept-encoding:") // one's own
	if !shown || strings.Contains(head, "traceparent") {
		r.Errorf("a header was added, or none is shown:\n%s", head)
	}
}

// TestJoins: where nothing may be added, a request's sender is found all the same.
func TestJoins(t *testing.T) {
	for _, h := range hops {
		t.Run(h.front.name+" to "+h.back.name, func(t *testing.T) {
			r := newRig(t)
			back := h.back.start(r, "")
			front := h.front.start(r, back.address)
			agent := r.trace("--pid", number(front.pid()), "--pid", number(back.pid()), "--propagation", "joins")
			if h.headers != "" {
				h.checkUntouched(r, front.address)
				agent.await(3, func(span) bool { return true })
			}
			h.checkJoined(r, front.address, agent)
		})
	}
}

// TestJoinsUnix: nothing can be added to what a Unix socket carries.
func TestJoinsUnix(t *testing.T) {
	for _, back := range []struct {
		name  string
		start func(r *rig, path string) *service
	}{
		{"go", func(r *rig, path string) *service { return r.goService(self(), "", path) }},
		{"gunicorn", func(r *rig, path string) *service { return r.gunicorn("", path, 2) }},
	} {
		for _, propagation := range []string{"joins", "auto"} {
			t.Run("nginx to "+back.name+", "+propagation, func(t *testing.T) {
				r := newRig(t)
				path := r.path("app.sock")
				served := back.start(r, path)
				front := r.nginx("unix:"+path, 1)
				agent := r.trace("--pid", number(front.pid()), "--pid", number(served.pid()), "--propagation", propagation)
				hop{call: "/kept"}.checkJoined(r, front.address, agent)
			})
		}
	}
}

// TestJoinsBesideHeaders: by default a request is joined if nothing can be added to it,
// here because its socket blocks.
func TestJoinsBesideHeaders(t *testing.T) {
	r := newRig(t)
	back := goNet.start(r, "")
	front := pythonThreads.start(r, back.address)
	agent := r.startAgentIn([]string{"THROUGHLINE_INJECT_BLOCKING=false"}, "trace", "-o", "json",
		"--pid", number(front.pid()), "--pid", number(back.pid()))
	agent.awaitAttached()
	h := hop{call: "/call", headers: "/headers"}
	h.checkUntouched(r, front.address) // on a blocking socket
	agent.await(3, func(span) bool { return true })
	h.checkJoined(r, front.address, agent)
}

// TestNeitherHeadersNorJoins: whoever wants neither gets neither.
func TestNeitherHeadersNorJoins(t *testing.T) {
	for _, mode := range []string{"off", "headers"} {
		t.Run(mode, func(t *testing.T) {
			r := newRig(t)
			back := pythonThreads.start(r, "")
			front := pythonThreads.start(r, back.address)
			agent := r.startAgentIn([]string{"THROUGHLINE_INJECT_BLOCKING=false", "THROUGHLINE_PROPAGATION=" + mode}, "trace", "-o", "json",
				"--pid", number(front.pid()), "--pid", number(back.pid()))
			agent.awaitAttached()
			ask := r.newAsker(front.address)
			for i := range 4 {
				ask.get(fmt.Sprintf("/call/slow/%d", i))
			}
			agent.await(12, func(span) bool { return true })
			for _, s := range filter(agent.stop(), ofKind(server)) {
				if s.Parent != "" {
					t.Errorf("it has a parent: %s", s)
				}
			}
		})
	}
}

// TestHeaderBeforeJoin: what a request says of itself counts, whoever sent it.
func TestHeaderBeforeJoin(t *testing.T) {
	r := newRig(t)
	back := pythonThreads.start(r, "")
	front := nginx.start(r, back.address)
	agent := r.trace("--pid", number(front.pid()), "--pid", number(back.pid()), "--propagation", "joins")
	x := r.newAsker(front.address).get("/proxy/slow/1", traced)
	spans := agent.await(3, func(span) bool { return true })
	agent.stop()
	behind := filter(spans, ofPath(server, "/slow/1"))
	if len(behind) != 1 || behind[0].Parent != x.span || behind[0].Trace != x.trace {
		t.Errorf("the parent is not what the header names, %s: %s", x.span, list(spans))
	}
}

// TestJoinsKeepHeadersFromGo: a receiver to which headers mean nothing says so, and from
// the second request of a connection on it gets none.
func TestJoinsKeepHeadersFromGo(t *testing.T) {
	r := newRig(t)
	back := goNet.start(r, "")
	front := goNet.start(r, back.address)
	agent := r.tracePIDs(front.proc, back.proc)
	ask := r.newAsker(front.address)
	for i := range 4 {
		x := ask.get("/callnet/headers")
		if has := strings.Contains(strings.ToLower(x.body), "traceparent"); has != (i == 0) {
			t.Errorf("request %d: a header is there: %t\n%s", i+1, has, x.body)
		}
	}
	agent.await(12, func(span) bool { return true })
	spans := agent.stop()
	for _, served := range filter(spans, ofPath(server, "/headers")) {
		if len(filter(spans, func(s span) bool { return s.Kind == client && s.ID == served.Parent && s.Trace == served.Trace })) != 1 {
			t.Errorf("it is nobody's child: %s", served)
		}
	}
}
