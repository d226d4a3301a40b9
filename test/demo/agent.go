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
	"time"

	"golang.org/x/term"

	"github.com/throughline/throughline/test/stage"
)

// printTime is the longest that a trace may take to be printed: the agent's
// promise is 1.5 s after the last span.
const printTime = 5 * time.Second

// An agent is throughline at work, with what it prints.
type agent struct {
	args     []string
	program  *stage.Program
	greeting string      // its first line to stderr
	said     chan string // its further lines to stderr
	pages    chan page
}

// A page is one trace as the agent printed it.
type page struct {
	text  string // with colours, if it has any
	plain string
}

// attach starts the agent on all services and returns when it traces them.
func attach(ctx context.Context, s *stage.Stage, all []*service) (*agent, error) {
	a := &agent{args: []string{"trace"}, said: make(chan string, 64), pages: make(chan page, 16)}
	for _, v := range all {
		a.args = append(a.args, "--pid", strconv.Itoa(v.program.PID()))
	}
	cmd := exec.Command(agentPath, a.args...)
	out, outEnd, err := output()
	if err != nil {
		return nil, err
	}
	errs, errsEnd, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	cmd.Stdout, cmd.Stderr = outEnd, errsEnd
	a.program, err = s.StartBeside(cmd)
	outEnd.Close()
	errsEnd.Close()
	if err != nil {
		return nil, err
	}
	go a.readPages(out)
	go a.readLines(errs)
	select {
	case line, ok := <-a.said:
		if !ok {
			return nil, errors.New("the agent ended at once")
		}
		a.greeting = line
		if !strings.HasPrefix(line, "throughline: tracing") {
			return nil, fmt.Errorf("the agent does not trace: %s", line)
		}
		return a, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(printTime):
		return nil, errors.New("the agent did not attach in time")
	}
}

// output gives the agent a terminal of its own when there is one here, so that
// it prints in colour and as wide as it may. Pipes are not exec's own, which end
// with the program and not with what it wrote.
func output() (read, write *os.File, err error) {
	if term.IsTerminal(int(os.Stdout.Fd())) {
		if read, write, err = openTerminal(os.Stdout); err == nil {
			return read, write, nil
		}
	}
	if read, write, err = os.Pipe(); err != nil {
		return nil, nil, fmt.Errorf("making a pipe: %w", err)
	}
	return read, write, nil
}

func (a *agent) arguments() string { return strings.Join(a.args, " ") }

func (a *agent) readLines(r io.Reader) {
	defer close(a.said)
	for lines := bufio.NewScanner(r); lines.Scan(); {
		a.said <- lines.Text()
	}
}

// readPages parts the output into traces: each ends with an empty line.
func (a *agent) readPages(r io.Reader) {
	defer close(a.pages)
	escapes := regexp.MustCompile("\x1b\\[[0-9;]*m")
	var b strings.Builder
	for lines := bufio.NewScanner(r); lines.Scan(); {
		line := strings.TrimRight(lines.Text(), "\r")
		if line != "" {
			b.WriteString(line + "\n")
		} else if b.Len() > 0 {
			a.pages <- page{text: b.String(), plain: escapes.ReplaceAllString(b.String(), "")}
			b.Reset()
		}
	}
}

// next returns the next trace that is printed.
func (a *agent) next(ctx context.Context) (page, error) {
	select {
	case p, ok := <-a.pages:
		if !ok {
			return page{}, errors.New("the agent ended before it printed the trace")
		}
		return p, nil
	case <-a.program.Done():
		return page{}, fmt.Errorf("the agent ended before it printed the trace: %s", a.farewell())
	case <-ctx.Done():
		return page{}, ctx.Err()
	case <-time.After(printTime):
		return page{}, fmt.Errorf("no trace was printed within %v", printTime)
	}
}

// complete tells whether all spans of the request are in this one trace.
func (p page) complete(spans, services int) error {
	header, _, _ := strings.Cut(p.plain, "\n")
	for _, want := range []string{
		fmt.Sprintf(" %d spans", spans), fmt.Sprintf(" %d services", services),
	} {
		if !strings.Contains(header, want) {
			return fmt.Errorf("the trace is not complete: %q has not%s", strings.TrimSpace(header), want)
		}
	}
	return nil
}

// stop ends the agent as a user would.
func (a *agent) stop() error {
	if err := a.program.Stop(); err != nil {
		return err
	}
	if err := a.program.Err(); err != nil {
		return fmt.Errorf("the agent ended with an error: %w: %s", err, a.farewell())
	}
	return nil
}

// farewell is what the agent said to the end: what it saw, and what it lost.
func (a *agent) farewell() string {
	var rest []string
	for line := range a.said {
		rest = append(rest, line)
	}
	return strings.Join(rest, "\n")
}
