package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// TestCoreOpenBefore: connections that were open before the agent are traced
// from their next request on, and nothing is made up of what came before.
func TestCoreOpenBefore(t *testing.T) {
	for _, p := range []program{goSelf, nginx} {
		t.Run(p.name, func(t *testing.T) {
			r := newRig(t)
			s := p.start(r, "")
			idle := r.wire(s.address)
			used := r.newAsker(s.address)
			used.get(p.traits.ok)
			used.asked = nil
			agent := r.tracePIDs(s.proc)
			used.get(p.traits.ok)
			used.get(p.traits.missing, traced)
			idle.ask("GET", "GET "+p.traits.ok+host+"\r\n")
			used.asked = append(used.asked, asked{method: "GET", path: p.traits.ok, status: 200,
				port: s.port(), peer: idle.LocalAddr().String()})
			agent.await(3, ofKind(server))
			used.compare(agent.stop())
		})
	}
}

// TestInTheMiddle: the agent comes while a request is being answered.
func TestInTheMiddle(t *testing.T) {
	r := newRig(t)
	s := goNet.start(r, "")
	w := r.wire(s.address)
	w.say("GET /slow/1500" + host + "\r\n")
	agent := r.tracePIDs(s.proc)
	w.hear("GET")
	w.ask("GET", "GET /ok"+host+"\r\n")
	agent.await(1, ofKind(server))
	spans := agent.stop()
	if len(spans) != 1 || spans[0].path() != "/ok" || spans[0].code() != "200" {
		t.Errorf("the agent saw one whole exchange, and there are %d spans:%s", len(spans), list(spans))
	}
}

// TestKeptUpstream: nginx's connection to its upstream was open before the agent.
func TestKeptUpstream(t *testing.T) {
	r := newRig(t)
	down := r.newDownstream()
	s := nginx.start(r, down.address())
	ask := r.newAsker(s.address)
	ask.get("/kept/before")
	agent := r.tracePIDs(s.proc)
	const n = 20
	for i := range n {
		ask.get(fmt.Sprintf("/kept/%d", i))
	}
	agent.await(2*n, func(span) bool { return true })
	spans := agent.stop()
	if len(spans) != 2*n {
		t.Errorf("%d spans of %d exchanges", len(spans), 2*n)
	}
	carried := 0
	for i := range n {
		marker := fmt.Sprintf("/%d", i)
		served, sent := filter(spans, ofPath(server, "/kept"+marker)), filter(spans, ofPath(client, marker))
		if len(served) != 1 || len(sent) != 1 || sent[0].Parent != served[0].ID {
			t.Errorf("%s: the call is not the child of its request:%s%s", marker, list(served), list(sent))
			continue
		}
		if a := down.arrivals(marker); len(a) == 1 && len(a[0].parents) > 0 {
			carried++
			down.carried(r, marker, sent[0])
		}
	}
	// Of the first one on a connection from before it is not known that it is HTTP.
	if least := n - 1; agent.asksWaiting() {
		t.Log("ABSENT: FIONREAD on a socket that may be injected into")
	} else if carried < least {
		t.Errorf("%d of %d calls on a connection from before carried a traceparent", carried, n)
	}
}

func TestUnixSocket(t *testing.T) {
	r := newRig(t)
	path := r.path("app.sock")
	s := r.gunicorn("", path, 1)
	agent := r.tracePIDs(s.proc)
	ask := r.newAsker(path)
	for range 20 {
		ask.get("/ok")
		ask.get("/status/404", traced)
	}
	agent.await(40, ofKind(server))
	spans := agent.stop()
	ask.compare(spans)
	for _, x := range spans {
		if x.Attributes["network.transport"] != "unix" {
			t.Errorf("network.transport is %q: %s", x.Attributes["network.transport"], x)
			break
		}
	}
}

func TestCoreIPv6(t *testing.T) {
	r := newRig(t)
	s := r.goService(self(), "", fmt.Sprintf("[::1]:%d", r.freePort()))
	agent := r.tracePIDs(s.proc)
	ask := r.newAsker(s.address)
	for range 20 {
		ask.get("/ok", traced)
		ask.get("/ok", fresh)
	}
	agent.await(40, ofKind(server))
	spans := agent.stop()
	ask.compare(spans)
	if len(spans) > 0 && (spans[0].Attributes["network.type"] != "ipv6" || spans[0].Attributes["server.address"] != "::1") {
		t.Errorf("attributes of IPv6: %v", spans[0].Attributes)
	}
}

// TestCoreMappedIPv4: an IPv6 socket that is asked by IPv4 has an IPv4 peer.
func TestCoreMappedIPv4(t *testing.T) {
	r := newRig(t)
	port := r.freePort()
	s := r.goService(self(), "", fmt.Sprintf("[::]:%d", port))
	agent := r.tracePIDs(s.proc)
	ask := r.newAsker(fmt.Sprintf("127.0.0.1:%d", port))
	ask.get("/ok")
	agent.await(1, ofKind(server))
	ask.compare(agent.stop())
}

// TestSendfile asks nginx for a file that never passes user space.
func TestSendfile(t *testing.T) {
	r := newRig(t)
	s := nginx.start(r, "")
	agent := r.tracePIDs(s.proc)
	ask := r.newAsker(s.address)
	for range 20 {
		if x := ask.get("/large.bin"); len(x.body) != 1<<20 {
			t.Errorf("%d bytes came", len(x.body))
		}
		ask.get("/ok.txt")
		ask.get("/large.bin", method("HEAD"))
	}
	agent.await(60, ofKind(server))
	spans := agent.stop()
	ask.compare(spans)
	for _, x := range filter(spans, ofPath(server, "/large.bin")) {
		if size := x.Attributes["http.response.body.size"]; x.method() == "GET" && size != "" && size != "1048576" {
			t.Errorf("the body's size is %s: %s", size, x)
		}
	}
}

// TestServerKilled: what a server had begun when it was killed is an error
// without a status.
func TestServerKilled(t *testing.T) {
	r := newRig(t)
	s := goNet.start(r, "")
	agent := r.tracePIDs(s.proc)
	w := r.wire(s.address)
	w.ask("GET", "GET /ok"+host+"\r\n")
	w.say("GET /slow/10000" + host + "\r\n")
	time.Sleep(100 * time.Millisecond)
	s.kill()
	if status := agent.wait(10 * time.Second); status != 0 {
		t.Errorf("the agent's exit status is %d when the last target is gone", status)
	}
	torn := filter(agent.spans(), ofPath(server, "/slow/10000"))
	if len(torn) != 1 || torn[0].code() != "" || torn[0].Attributes["error.type"] == "" || torn[0].Status != statusError {
		t.Errorf("the torn exchange is:%s\nof all:%s", list(torn), list(agent.spans()))
	}
	if len(agent.spans()) != 2 {
		t.Errorf("%d spans for two requests", len(agent.spans()))
	}
}

// TestClientGone: a client that goes while the server works leaves one span.
func TestClientGone(t *testing.T) {
	for _, p := range []program{goNet, pythonThreads, node, nginx} {
		t.Run(p.name, func(t *testing.T) {
			r := newRig(t)
			silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts by itself, never answers
			if err != nil {
				t.Fatal(err)
			}
			defer silent.Close()
			s := p.start(r, silent.Addr().String())
			agent := r.tracePIDs(s.proc)
			path := p.traits.call + "/gone"
			w := r.wire(s.address)
			w.say("GET " + path + host + "\r\n")
			time.Sleep(100 * time.Millisecond)
			w.reset()
			r.newAsker(s.address).get(p.traits.ok)
			agent.await(1, ofPath(server, p.traits.ok))
			if p.name != pythonThreads.name { // which waits for downstream and does not look
				agent.await(1, ofPath(server, path))
			}
			spans := filter(agent.stop(), ofPath(server, path))
			if len(spans) > 1 {
				t.Errorf("%d spans for one request", len(spans))
			}
			for _, s := range spans {
				if s.Attributes["error.type"] == "" || s.code() != "" && !strings.HasPrefix(s.code(), "4") {
					t.Errorf("an aborted exchange: %s", s)
				}
			}
		})
	}
}
