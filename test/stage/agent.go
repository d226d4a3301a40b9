package stage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// attachTime is the longest that an agent may take until it traces, in an emulated
// machine too.
const attachTime = 3 * time.Minute

// An Agent is throughline at work, with what it says.
type Agent struct {
	program *Program

	mu    sync.Mutex
	lines []string
	read  chan struct{} // closed when stderr ends
}

// StartAgent starts a throughline in the stage's cgroup and returns when it
// traces so many processes.
func (s *Stage) StartAgent(ctx context.Context, cmd *exec.Cmd, processes int) (*Agent, error) {
	errs, write, err := os.Pipe() // not StderrPipe, which ends with the program and not with what it wrote
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	cmd.Stderr = write
	a := &Agent{read: make(chan struct{})}
	a.program, err = s.Start(cmd)
	write.Close()
	if err != nil {
		return nil, errors.Join(err, errs.Close())
	}
	ready := make(chan struct{})
	go a.readLines(errs, ready, processes)
	select {
	case <-ready:
		return a, nil
	case <-a.read:
		return nil, fmt.Errorf("attaching: the agent ended: %s", a.LastLine())
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(attachTime):
		return nil, fmt.Errorf("attaching took more than %v: %s", attachTime, a.LastLine())
	}
}

// readLines closes ready when the agent traces so many processes: run says so of
// each, trace of all of them.
func (a *Agent) readLines(r io.ReadCloser, ready chan<- struct{}, processes int) {
	defer close(a.read)
	defer r.Close()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		line := lines.Text()
		a.mu.Lock()
		a.lines = append(a.lines, line)
		a.mu.Unlock()
		if processes <= 0 {
			continue
		}
		switch {
		case strings.Contains(line, "msg=tracing"):
			processes--
		case strings.HasPrefix(line, "throughline: tracing"):
			processes = 0
		}
		if processes == 0 {
			close(ready)
		}
	}
}

// Stop ends the agent, so that everything it has seen is exported.
func (a *Agent) Stop() error {
	if err := a.program.Stop(); err != nil {
		return err
	}
	<-a.read
	if err := a.program.Err(); err != nil {
		return fmt.Errorf("the agent ended with an error: %w: %s", err, a.LastLine())
	}
	return nil
}

// Kill ends the agent by SIGKILL, so that it can do nothing any more, and returns
// when it is gone.
func (a *Agent) Kill() error {
	if err := a.program.Kill(); err != nil {
		return err
	}
	<-a.read
	return nil
}

// LastLine is what the agent said last; at its end, what it saw and lost.
func (a *Agent) LastLine() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.lines) == 0 {
		return "it said nothing"
	}
	return a.lines[len(a.lines)-1]
}
