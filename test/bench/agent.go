package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/throughline/throughline/test/stage"
)

// A variant is a way to trace, or not to.
type variant struct {
	name  string
	about string
	args  []string // nil: no agent
	print bool     // spans go to /dev/null instead of the collector
	traps bool     // no agent, but empty programs where it has its own: Go programs only
}

func variants() []variant {
	return []variant{
		{name: "none", about: "no agent"},
		{name: "agent", about: "run, OTLP/HTTP to a receiver on this machine", args: []string{"run"}},
		{name: "traps", about: "no agent, empty programs at its places", traps: true},
		{name: "no-inject", about: "the same with --no-inject", args: []string{"run", "--no-inject"}},
		{name: "syscall", about: "the same with --flavour syscall", args: []string{"run", "--flavour", "syscall"}},
		{name: "json", about: "trace -o json to /dev/null", args: []string{"trace", "-o", "json"}, print: true},
	}
}

const (
	agentPath  = "bin/throughline"
	attachTime = 15 * time.Second
)

// An agent traces one process, alone in its cgroup.
type agent struct {
	stage   *stage.Stage
	program *stage.Program

	mu    sync.Mutex
	lines []string
	read  chan struct{} // closed when stderr ends
}

// startAgent returns when the agent traces the process.
func startAgent(ctx context.Context, v variant, pid int, collector string) (*agent, error) {
	s, err := stage.Open("throughline-bench-agent")
	if err != nil {
		return nil, err
	}
	a := &agent{stage: s, read: make(chan struct{})}
	if err := a.start(ctx, v, pid, collector); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return a, nil
}

func (a *agent) start(ctx context.Context, v variant, pid int, collector string) error {
	cmd := exec.Command(agentPath, append(v.args, "--pid", strconv.Itoa(pid))...)
	cmd.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+collector, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
	errs, write, err := os.Pipe() // not StderrPipe, which ends with the program and not with what it wrote
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	cmd.Stderr = write
	a.program, err = a.stage.Start(cmd)
	write.Close()
	if err != nil {
		errs.Close()
		return err
	}
	ready := make(chan struct{})
	go a.readLines(errs, ready)
	select {
	case <-ready:
		return nil
	case <-a.read:
		return fmt.Errorf("attaching: the agent ended: %s", a.lastLine())
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(attachTime):
		return fmt.Errorf("attaching took more than %v: %s", attachTime, a.lastLine())
	}
}

func (a *agent) readLines(r io.ReadCloser, ready chan struct{}) {
	defer close(a.read)
	defer r.Close()
	traces := false
	for lines := bufio.NewScanner(r); lines.Scan(); {
		line := lines.Text()
		a.mu.Lock()
		a.lines = append(a.lines, line)
		a.mu.Unlock()
		if !traces && (strings.Contains(line, "msg=tracing") || strings.HasPrefix(line, "throughline: tracing")) {
			traces = true
			close(ready)
		}
	}
}

// stop ends the agent, so that everything it has seen is exported.
func (a *agent) stop() error {
	if err := a.program.Stop(); err != nil {
		return errors.Join(err, a.stage.Close())
	}
	<-a.read
	var err error
	if a.program.Err() != nil {
		err = fmt.Errorf("the agent ended with an error: %w: %s", a.program.Err(), a.lastLine())
	}
	return errors.Join(err, a.stage.Close())
}

func (a *agent) lastLine() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.lines) == 0 {
		return "it said nothing"
	}
	return a.lines[len(a.lines)-1]
}

// closing is what the agent's closing line says.
type closing struct {
	spans int
	lost  string
}

func (a *agent) closing() closing {
	a.mu.Lock()
	defer a.mu.Unlock()
	line := ""
	for _, l := range a.lines {
		if strings.HasPrefix(l, "throughline: ") && strings.Contains(l, "lost: ") {
			line = l
		}
	}
	c := closing{lost: "not said"}
	if line == "" {
		return c
	}
	if m := regexp.MustCompile(`([0-9,]+) spans`).FindStringSubmatch(line); m != nil {
		c.spans, _ = strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
	}
	_, c.lost, _ = strings.Cut(line, "lost: ")
	return c
}

// flavour is the socket hook that the agent chose.
func (a *agent) flavour() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, line := range a.lines {
		if _, rest, ok := strings.Cut(line, "flavour="); ok {
			name, _, _ := strings.Cut(rest, " ")
			return name
		}
	}
	return ""
}
