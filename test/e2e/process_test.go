package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

func pidsOf(spans []span) map[string]int {
	pids := map[string]int{}
	for _, s := range spans {
		pids[s.Resource["process.pid"]]++
	}
	return pids
}

// TestForkedBefore: workers that were there before the agent are traced through
// their parent, each under its own number.
func TestForkedBefore(t *testing.T) {
	for name, start := range map[string]func(r *rig) *service{
		"nginx":    func(r *rig) *service { return r.nginx("", 2) },
		"gunicorn": func(r *rig) *service { return r.gunicorn("", "", 2) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			s := start(r)
			poll(5*time.Second, func() bool { return len(r.members()) == 3 })
			agent := r.tracePIDs(s.proc)
			const n = 60
			path := map[string]string{"nginx": "/ok.txt", "gunicorn": "/slow/5"}[name]
			ask := r.newAsker(s.address)
			r.storm(s.address, n, 4, func(int) string { return path })
			ask.get(path)
			agent.await(n+1, ofKind(server))
			spans := agent.stop()
			if len(spans) != n+1 {
				t.Errorf("%d spans for %d requests", len(spans), n+1)
			}
			pids := pidsOf(spans)
			if pids[number(s.pid())] != 0 || len(pids) == 0 {
				t.Errorf("workers answered, and process.pid says %v; the parent is %d", pids, s.pid())
			}
			t.Logf("process.pid: %v", pids)
		})
	}
}

// TestForkedAfter: workers that are started while the agent runs are traced
// from their first request.
func TestForkedAfter(t *testing.T) {
	r := newRig(t)
	s := r.nginx("", 1)
	agent := r.tracePIDs(s.proc)
	ask := r.newAsker(s.address)
	ask.get("/ok.txt", fresh)
	before := pidsOf(agent.await(1, ofKind(server)))
	s.signal(syscall.SIGHUP) // reads its configuration again, with new workers
	if !poll(10*time.Second, func() bool {
		ask.get("/ok.txt", fresh)
		agent.await(len(ask.asked), ofKind(server))
		return len(pidsOf(agent.spans())) > len(before)
	}) {
		t.Error("no new worker ever answered")
	}
	for range 20 {
		ask.get("/ok.txt", fresh)
	}
	agent.await(len(ask.asked), ofKind(server))
	ask.compare(agent.stop())
}

// TestForkingServer: gunicorn takes another worker while traced.
func TestForkingServer(t *testing.T) {
	r := newRig(t)
	s := r.gunicorn("", "", 1)
	agent := r.tracePIDs(s.proc)
	s.signal(syscall.SIGTTIN)
	ask := r.newAsker(s.address)
	if !poll(10*time.Second, func() bool {
		r.storm(s.address, 12, 4, func(int) string { return "/slow/10" })
		return len(pidsOf(agent.spans())) == 2
	}) {
		t.Errorf("the second worker is not seen: %v", pidsOf(agent.spans()))
	}
	ask.get("/ok")
	agent.await(1, ofPath(server, "/ok"))
	ask.compare(filter(agent.stop(), ofPath(server, "/ok")))
}

// TestCoreCommand: a server that the agent starts is traced from its first
// request, and ends with the agent.
func TestCoreCommand(t *testing.T) {
	r := newRig(t)
	address := fmt.Sprintf("127.0.0.1:%d", r.freePort())
	agent := r.startAgentIn([]string{envRole + "=" + roleService}, "trace", "-o", "json", "--", self(), "-listen", address)
	agent.awaitAttached()
	r.listening(agent.proc, "tcp", address)
	ask := r.newAsker(address)
	for range 10 {
		ask.get("/ok", traced)
	}
	agent.await(10, ofKind(server))
	ask.compare(agent.stop())
}

// TestChosenBy finds the target in each of the ways.
func TestChosenBy(t *testing.T) {
	r := newRig(t)
	binary := filepath.Join(r.dir, "a-shop-of-its-own")
	copyFile(r, builtService(r), binary)
	s := r.goService(binary, "", "")
	other := r.goService(builtService(r), "", "")
	for name, args := range map[string][]string{
		"port":      {"--port", s.port()},
		"exe":       {"--exe", "a-shop-of-*"},
		"exe, path": {"--exe", binary},
		"two ways":  {"--port", s.port(), "--pid", number(s.pid())},
	} {
		t.Run(name, func(t *testing.T) {
			agent := r.trace(args...)
			ask := r.newAsker(s.address)
			r.newAsker(other.address).get("/ok")
			for range 3 {
				ask.get("/ok", traced)
			}
			agent.await(3, ofKind(server))
			ask.compare(agent.stop())
		})
	}
}

func copyFile(r *rig, from, to string) {
	r.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o755)
	}
	if err != nil {
		r.Fatal(err)
	}
}

func TestSeveralTargets(t *testing.T) {
	r := newRig(t)
	services := []*service{pythonThreads.start(r, ""), goNet.start(r, ""), node.start(r, ""), nginx.start(r, "")}
	var procs []*proc
	for _, s := range services {
		procs = append(procs, s.proc)
	}
	agent := r.tracePIDs(procs...)
	asker := r.newAsker(services[0].address)
	names := map[string]bool{}
	for range 10 {
		for i, s := range services {
			asker.base = "http://" + s.address
			asker.get([]string{"/ok", "/ok", "/ok", "/ok.txt"}[i], traced)
		}
	}
	agent.await(40, ofKind(server))
	spans := agent.stop()
	asker.compare(spans)
	for _, s := range spans {
		names[s.service()] = true
	}
	if len(names) < 3 { // Python's and Node's script have one name
		t.Errorf("services %v", names)
	}
}

func TestCount(t *testing.T) {
	r := newRig(t)
	s := goNet.start(r, "")
	agent := r.trace("--pid", number(s.pid()), "--count", "3")
	ask := r.newAsker(s.address)
	for range 10 {
		ask.get("/ok")
	}
	if status := agent.wait(5 * time.Second); status != 0 {
		t.Fatalf("exit status %d after three spans: %s", status, agent.said())
	}
	if n := len(agent.spans()); n != 3 {
		t.Errorf("%d spans instead of 3", n)
	}
}

func TestDuration(t *testing.T) {
	r := newRig(t)
	s := goNet.start(r, "")
	began := time.Now()
	agent := r.trace("--pid", number(s.pid()), "--duration", "1s")
	attached := time.Now()
	r.newAsker(s.address).get("/ok")
	if status := agent.wait(10 * time.Second); status != 0 {
		t.Fatalf("exit status %d: %s", status, agent.said())
	}
	if took := time.Since(began); took < time.Second || time.Since(attached) > 4*time.Second {
		t.Errorf("it took %s, %s of them attached", took, time.Since(attached))
	}
	if n := len(agent.spans()); n != 1 {
		t.Errorf("%d spans instead of 1", n)
	}
}

// TestFirstSpan: the first trace is on the terminal soon after its request.
func TestFirstSpan(t *testing.T) {
	r := newRig(t)
	s := goNet.start(r, "")
	for _, form := range []string{"waterfall", "spans", "json", "chrome"} {
		t.Run(form, func(t *testing.T) {
			agent := r.startAgent("trace", "-o", form, "--pid", number(s.pid()))
			agent.awaitAttached()
			began := time.Now()
			r.newAsker(s.address).get("/ok")
			if !poll(5*time.Second, func() bool { return strings.Contains(agent.printed(), "/ok") }) {
				t.Fatalf("nothing was printed: %q %s", agent.printed(), agent.said())
			}
			took := time.Since(began)
			t.Logf("the first span was there after %s", took)
			if took > 1500*time.Millisecond {
				t.Errorf("the first span was there after %s", took)
			}
			agent.signal(syscall.SIGINT)
			if status := agent.wait(5 * time.Second); status != 0 {
				t.Errorf("exit status %d", status)
			}
		})
	}
}

// TestDrain: what was seen before the signal is printed after it.
func TestDrain(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			r := newRig(t)
			target := goNet.start(r, "")
			agent := r.startAgent("trace", "-o", "spans", "--pid", number(target.pid()))
			agent.awaitAttached()
			ask := r.newAsker(target.address)
			for range 50 {
				ask.get("/ok")
			}
			time.Sleep(5 * time.Millisecond) // the last response was on its way back
			began := time.Now()
			agent.signal(s)
			if status := agent.wait(5 * time.Second); status != 0 {
				t.Errorf("exit status %d: %s", status, agent.said())
			}
			if n := len(regexp.MustCompile(`(?m)^.*/ok.*$`).FindAllString(agent.printed(), -1)); n != 50 {
				t.Errorf("%d spans were printed for 50 requests: %s", n, agent.said())
			}
			t.Logf("drained in %s", time.Since(began))
		})
	}
}
