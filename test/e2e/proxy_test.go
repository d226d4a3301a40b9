package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestProxyChain: nginx hands on to another target, by HTTP/1.0 and by kept
// connections.
func TestProxyChain(t *testing.T) {
	r := newRig(t)
	back := pythonThreads.start(r, "")
	front := nginx.start(r, back.address)
	agent := r.tracePIDs(front.proc, back.proc)
	ask := r.newAsker(front.address)
	const rounds = 20
	for i := range rounds {
		way := []string{"/proxy", "/kept"}[i%2]
		ask.get(fmt.Sprintf("%s/slow/%d", way, i), [][]how{nil, {traced}}[i/2%2]...)
	}
	agent.await(3*rounds, func(span) bool { return true })
	spans := agent.stop()
	if len(spans) != 3*rounds {
		t.Errorf("%d spans for %d requests through a proxy", len(spans), rounds)
	}
	for i, x := range ask.asked {
		path := x.path[strings.Index(x.path, "/slow"):]
		outer, sent, inner := filter(spans, ofPath(server, x.path)), filter(spans, ofPath(client, path)), filter(spans, ofPath(server, path))
		if len(outer) != 1 || len(sent) != 1 || len(inner) != 1 {
			t.Errorf("request %d: %d, %d and %d spans", i, len(outer), len(sent), len(inner))
			continue
		}
		if outer[0].Parent != x.span || x.trace != "" && outer[0].Trace != x.trace {
			t.Errorf("request %d does not go on its client's trace: %s", i, outer[0])
		}
		if sent[0].Parent != outer[0].ID || sent[0].Trace != outer[0].Trace || inner[0].Trace != outer[0].Trace {
			t.Errorf("request %d falls apart:%s", i, list([]span{outer[0], sent[0], inner[0]}))
		}
		// What nginx forwards as it came names its client's span, not its own.
		if inner[0].Parent != sent[0].ID && (x.span == "" || inner[0].Parent != x.span) {
			t.Errorf("request %d: the parent behind the proxy is %s: %s", i, inner[0].Parent, list([]span{sent[0], inner[0]}))
		}
	}
}

// TestProxyAtOnce: a proxy that does many things at once gives no wrong parent,
// and where its clients send a context, the right one.
func TestProxyAtOnce(t *testing.T) {
	for _, way := range []string{"/proxy", "/kept"} {
		for _, sends := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s traced %t", way[1:], sends), func(t *testing.T) {
				r := newRig(t)
				down := r.newDownstream()
				s := nginx.start(r, down.address())
				agent := r.tracePIDs(s.proc)
				const requests, atOnce = 100, 10
				var hows []how
				if sends {
					hows = []how{traced}
				}
				r.storm(s.address, requests, atOnce, func(i int) string { return fmt.Sprintf("%s/slow/%d", way, i) }, hows...)
				agent.await(2*requests, func(span) bool { return true })
				right := r.noWrongParent(agent.stop(), way, requests)
				t.Logf("%d of %d calls have a parent", right, requests)
				if sends && right != requests {
					t.Errorf("%d of %d calls have their parent", right, requests)
				}
			})
		}
	}
}

// TestAfterResponse: what a thread sends when its request is answered is no part
// of that request.
func TestAfterResponse(t *testing.T) {
	r := newRig(t)
	down := r.newDownstream()
	s := pythonThreads.start(r, down.address())
	agent := r.tracePIDs(s.proc)
	ask := r.newAsker(s.address)
	for i := range 5 {
		ask.get(fmt.Sprintf("/after/%d", i))
		agent.await(i+1, ofKind(client))
	}
	spans := agent.stop()
	for _, sent := range filter(spans, ofKind(client)) {
		if sent.Parent != "" {
			t.Errorf("sent after the response, and yet a child: %s", sent)
		}
	}
	if len(spans) != 10 {
		t.Errorf("%d spans for 5 requests with a call each", len(spans))
	}
}
