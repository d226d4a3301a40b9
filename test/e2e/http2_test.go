package e2e

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

//go:embed testdata/http2.py
var http2Py string

// TestHTTP2Plaintext: what a served request causes by HTTP/2 without TLS carries its
// context, and arrives otherwise as it was sent.
func TestHTTP2Plaintext(t *testing.T) {
	const requests = 20
	for _, c := range []struct {
		way, path string
		least     int // requests that get a context
		most      int
	}{
		{"httpx", "headers", requests, requests},
		{"post", "rpc/Post", requests, requests},
		// gRPC's own threads may send what was asked while they were at work.
		{"grpc", "rpc/Call", requests - 3, requests},
		{"httpx-sdk", "headers", 0, 0},
		{"grpc-sdk", "rpc/Call", 0, 0},
	} {
		t.Run(c.way, func(t *testing.T) {
			h := newHTTP2Rig(t)
			bare := h.ask("/"+c.way+"/"+c.path, 1)[0]
			h.caller = h.call() // connects when it is asked
			agent := h.tracePIDs(h.caller.proc, h.called.proc)
			bodies := h.ask("/"+c.way+"/"+c.path, requests)
			agent.await(2*requests, ofKind(server))
			spans := agent.stop()
			right := 0
			for _, s := range filter(spans, ofPath(server, "/"+c.path)) {
				right += h.caused(spans, s)
			}
			added := 0
			want, own := withoutContext(bare)
			for _, body := range bodies {
				rest, contexts := withoutContext(body)
				if rest != want {
					t.Errorf("arrived as\n%s\nand without the agent as\n%s", rest, want)
				}
				if !slices.Equal(contexts, own) {
					added++
				}
				if len(contexts) > 1 {
					t.Errorf("traceparent %q", contexts)
				}
			}
			if right != added || right < c.least || right > c.most {
				t.Errorf("%d of %d requests got a context, %d the right one; expected %d at least and %d at most",
					added, requests, right, c.least, c.most)
			}
		})
	}
}

// TestHTTP2Shared: threads that share one connection, on which one may send what
// another has asked for, get their own parent or none.
func TestHTTP2Shared(t *testing.T) {
	h := newHTTP2Rig(t)
	agent := h.tracePIDs(h.caller.proc, h.called.proc)
	const rounds, threads = 25, 8
	for round := range rounds {
		var wait sync.WaitGroup
		for thread := range threads {
			wait.Go(func() {
				a := h.newAsker(h.caller.address)
				a.get(fmt.Sprintf("/grpc-at-once/rpc/%d-%d", round, thread), fresh)
			})
		}
		wait.Wait()
	}
	agent.await(2*rounds*threads, ofKind(server))
	spans := agent.stop()
	var right, none int
	for _, s := range filter(spans, func(s span) bool { return s.Kind == server && strings.HasPrefix(s.path(), "/rpc/") }) {
		if s.Parent == "" {
			none++
			continue
		}
		if h.caused(spans, s) == 0 {
			t.Errorf("wrong parent: %s", s)
		}
		right++
	}
	t.Logf("%d have their parent, %d none", right, none)
	if right+none != rounds*threads {
		t.Errorf("%d requests arrived, not %d", right+none, rounds*threads)
	}
}

type http2Rig struct {
	*rig
	caller, called *service
}

func newHTTP2Rig(t *testing.T) *http2Rig {
	h := &http2Rig{rig: newRig(t)}
	h.called = goNet.start(h.rig, "")
	h.caller = h.call()
	return h
}

// call starts one more caller.
func (h *http2Rig) call() *service {
	h.Helper()
	return h.service(command{args: []string{h.need(python), h.write("http2.py", http2Py), "{address}", h.called.address}}, "")
}

// ask asks the caller n times on one connection and gives the bodies.
func (h *http2Rig) ask(path string, n int) []string {
	h.Helper()
	a := h.newAsker(h.caller.address)
	var bodies []string
	for range n {
		bodies = append(bodies, a.get(path).body)
	}
	return bodies
}

// caused is 1 if a SERVER span of the called service is the child of the caller's SERVER
// span that asked for it, else 0.
func (h *http2Rig) caused(spans []span, s span) int {
	for _, p := range filter(spans, ofKind(server)) {
		if p.ID == s.Parent && p.Trace == s.Trace && strings.HasSuffix(p.path(), s.path()) {
			return 1
		}
	}
	return 0
}

// withoutContext splits a head, as one of the services sent it back, into the values of
// traceparent and the rest.
func withoutContext(head string) (rest string, contexts []string) {
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "traceparent") {
			contexts = append(contexts, strings.TrimSpace(value))
		} else {
			rest += line
		}
	}
	return rest, contexts
}
