package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// TestFasthttp: what serves HTTP without net/http is seen on its sockets, and no
// less exactly; beside net/http in one program each request is still one span.
func TestFasthttp(t *testing.T) {
	t.Run("alone", func(t *testing.T) {
		r := newRig(t)
		s := r.service(command{args: []string{r.framework("fasthttp"), "-listen", "{address}"}}, "")
		agent := r.tracePIDs(s.proc)
		ask := r.newAsker(s.address)
		askVariously(ask)
		checkServers(agent, ask)
	})
	t.Run("beside net/http", func(t *testing.T) {
		r := newRig(t)
		standard := fmt.Sprintf("127.0.0.1:%d", r.freePort())
		s := r.service(command{args: []string{r.framework("fasthttp"), "-listen", "{address}", "-standard", standard}}, "")
		r.listening(s.proc, "tcp", standard)
		agent := r.tracePIDs(s.proc)
		askers := []*asker{r.newAsker(s.address), r.newAsker(standard)}
		var wait sync.WaitGroup
		for _, a := range askers {
			wait.Go(func() { askVariously(a) })
		}
		wait.Wait()
		checkServers(agent, askers...)
	})
}

// askVariously asks on connections that are kept and on fresh ones, with bodies
// and trace contexts.
func askVariously(a *asker) {
	for i := range 50 {
		a.get(fmt.Sprintf("/ok-%d", i))
		a.get("/status/404", traced)
		a.get("/status/503", method(http.MethodDelete), traced)
		a.get("/ok", body("1234567890"), traced)
		a.get("/ok", fresh)
		a.get("/ok", fresh, traced)
	}
	for range 5 {
		a.get("/slow", traced)
	}
}

// checkServers ends the agent and compares its spans with all that was asked. A
// server's port is a part of what is compared.
func checkServers(agent *agent, askers ...*asker) {
	agent.rig.Helper()
	all := &asker{rig: agent.rig}
	for _, a := range askers {
		all.asked = append(all.asked, a.asked...)
	}
	agent.await(len(all.asked), ofKind(server))
	spans := agent.stop()
	all.compare(spans)
	checkStatuses(agent.rig, spans)
	if line := agent.lastLine(); !lostNothing.MatchString(line) {
		agent.rig.Errorf("nothing could get lost, and yet: %s", line)
	}
}
