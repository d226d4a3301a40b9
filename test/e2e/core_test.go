package e2e

import (
	"fmt"
	"regexp"
	"testing"
	"time"
)

// core are the programs that a minimal test machine has.
var core = []program{httpServer, goSelf, nginx}

// TestCorePrograms asks each program for what it can do and compares.
func TestCorePrograms(t *testing.T) {
	for _, p := range core {
		t.Run(p.name, func(t *testing.T) { checkProgram(t, p, 200) })
	}
}

// checkProgram is the contract of every program: each request one SERVER span,
// with the right words, times and identity.
func checkProgram(t *testing.T, p program, many int) {
	r := newRig(t)
	down := r.newDownstream()
	s := p.start(r, down.address())
	agent := r.tracePIDs(s.proc)
	ask := r.newAsker(s.address)

	ask.get(p.traits.ok)
	if one := agent.await(1, ofKind(server)); len(one) != 1 {
		t.Errorf("one request made %d spans:%s", len(one), list(one))
	}
	ask.get(p.traits.missing)
	if p.traits.broken != "" {
		ask.get(p.traits.broken)
	}
	if p.traits.slow != "" {
		for range 9 {
			ask.get(p.traits.slow)
		}
	}
	for range many {
		ask.get(p.traits.ok)
	}
	for range many / 4 {
		ask.get(p.traits.ok, fresh)
		ask.get(p.traits.ok, traced)
	}
	calls := 0
	if p.traits.call != "" {
		for calls = range 5 {
			ask.get(fmt.Sprintf("%s/plain-%d", p.traits.call, calls))
			ask.get(fmt.Sprintf("%s/traced-%d", p.traits.call, calls), traced)
		}
		calls++
	}

	agent.await(len(ask.asked)+2*calls, func(span) bool { return true })
	spans := agent.stop()
	ask.compare(filter(spans, ofKind(server)))
	if p.traits.slow != "" {
		ask.durations(spans, p.traits.slow, 50*time.Millisecond)
	}
	checkStatuses(r, spans)
	checkCalls(r, p, down, spans, calls, !agent.asksWaiting())
	if line := agent.lastLine(); !lostNothing.MatchString(line) {
		t.Errorf("nothing could get lost, and yet: %s", line)
	}
	if p.traits.name != "" {
		for _, s := range spans {
			if s.service() != p.traits.name {
				t.Errorf("service.name is %q instead of %q", s.service(), p.traits.name)
				break
			}
		}
	}
}

// checkStatuses: 5xx is an error of a server, 4xx is not.
func checkStatuses(r *rig, spans []span) {
	r.Helper()
	for _, s := range filter(spans, ofKind(server)) {
		wrong := s.code() >= "500"
		if (s.Status == statusError) != wrong {
			r.Errorf("status is %d: %s", s.Status, s)
		}
		if wrong && s.Attributes["error.type"] != s.code() {
			r.Errorf("error.type is not the status code: %s", s)
		}
	}
}

// checkCalls: each CLIENT span is the child of the SERVER span that it was made
// in, and is what the wire carried.
func checkCalls(r *rig, p program, down *downstream, spans []span, calls int, injected bool) {
	r.Helper()
	if got := filter(spans, ofKind(client)); len(got) != 2*calls {
		r.Errorf("%d CLIENT spans for %d calls:%s", len(got), 2*calls, list(got))
	}
	for i := range calls {
		for _, kind := range []string{"plain", "traced"} {
			marker := fmt.Sprintf("/%s-%d", kind, i)
			servers := filter(spans, ofPath(server, p.traits.call+marker))
			clients := filter(spans, ofPath(client, marker))
			if len(servers) != 1 || len(clients) != 1 {
				r.Errorf("%s: %d SERVER, %d CLIENT spans", marker, len(servers), len(clients))
				continue
			}
			sent := clients[0]
			if sent.Trace != servers[0].Trace || sent.Parent != servers[0].ID {
				r.Errorf("the parent of %s is not %s", sent, servers[0])
			}
			if sent.code() != "200" || sent.Attributes["server.port"] != down.port() && !p.traits.forwards {
				r.Errorf("%s: port %s instead of %s", sent, sent.Attributes["server.port"], down.port())
			}
			if p.traits.forwards && kind == "traced" {
				continue // the id on the wire is that of the client's client
			}
			if injected {
				down.carried(r, marker, sent)
			}
		}
	}
}

// lostNothing takes the agent's last line. A kernel that preempts in the middle
// of a program skips others on that CPU meanwhile, whoever's call they are about:
// that alone is no loss of a target's.
var lostNothing = regexp.MustCompile(`(?m)lost: (none|[0-9,]+ missed_runs?)$`)
