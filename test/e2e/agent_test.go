package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// An agent is `throughline trace -o json`, attached.
type agent struct {
	*proc
	rig    *rig
	output string // the file that its standard output goes to
}

// tracing is the line that says that the agent is attached.
var tracing = regexp.MustCompile(`throughline: tracing .*attached in (\d+) ms`)

// trace starts the agent on targets and waits until it is attached.
func (r *rig) trace(args ...string) *agent {
	r.Helper()
	a := r.startAgent("trace", append([]string{"-o", "json"}, args...)...)
	a.awaitAttached()
	return a
}

// tracePIDs is trace with --pid for each of the processes.
func (r *rig) tracePIDs(procs ...*proc) *agent {
	r.Helper()
	var args []string
	for _, p := range procs {
		args = append(args, "--pid", strconv.Itoa(p.pid()))
	}
	return r.trace(args...)
}

// startAgent starts the agent, with the flavour under test.
func (r *rig) startAgent(subcommand string, args ...string) *agent {
	r.Helper()
	return r.startAgentIn(nil, subcommand, args...)
}

func (r *rig) startAgentIn(env []string, subcommand string, args ...string) *agent {
	r.Helper()
	return r.runAgent(command{args: append([]string{settings.binary, subcommand, "--flavour", settings.flavour}, args...), env: env})
}

// runAgent starts an agent by a command line.
func (r *rig) runAgent(c command) *agent {
	r.Helper()
	f, err := os.CreateTemp(r.dir, "spans-*.jsonl")
	if err != nil {
		r.Fatal(err)
	}
	defer f.Close()
	c.stdout = f
	return &agent{rig: r, output: f.Name(), proc: r.start(c)}
}

func (a *agent) awaitAttached() {
	a.rig.Helper()
	if !a.awaitSaid(tracing) {
		a.rig.Fatalf("the agent did not attach: %s", a.said())
	}
	a.rig.Log(a.attachLine())
}

func (a *agent) awaitSaid(what *regexp.Regexp) bool {
	return poll(patience(20*time.Second), func() bool { return what.MatchString(a.said()) || !a.running() }) &&
		what.MatchString(a.said())
}

func (a *agent) attachLine() string { return tracing.FindString(a.said()) }

// printed is what the agent wrote to its standard output so far.
func (a *agent) printed() string {
	a.rig.Helper()
	text, err := os.ReadFile(a.output)
	if err != nil {
		a.rig.Fatal(err)
	}
	return string(text)
}

func (a *agent) spans() []span {
	a.rig.Helper()
	spans, err := parseSpans(a.printed())
	if err != nil {
		a.rig.Fatal(err)
	}
	return spans
}

// await waits until there are n spans for which keep holds and gives those.
func (a *agent) await(n int, keep func(span) bool) []span {
	a.rig.Helper()
	var found []span
	if !poll(5*time.Second, func() bool { found = filter(a.spans(), keep); return len(found) >= n }) {
		a.rig.Errorf("%d spans came and %d were awaited:%s\nof all:%s", len(found), n, list(found), list(last(a.spans(), 30)))
	}
	return found
}

func last(spans []span, n int) []span { return spans[max(0, len(spans)-n):] }

// stop ends the agent as a person does, and gives all that it printed.
func (a *agent) stop() []span {
	a.rig.Helper()
	a.signal(syscall.SIGINT)
	if status := a.wait(10 * time.Second); status != 0 {
		a.rig.Errorf("the agent's exit status is %d: %s", status, a.said())
	}
	a.rig.Log(a.lastLine())
	return a.spans()
}

// lastLine is what the agent says of its losses.
func (a *agent) lastLine() string {
	lines := strings.Split(strings.TrimSpace(a.said()), "\n")
	return lines[len(lines)-1]
}

// path makes a file name in the rig's directory.
func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }
