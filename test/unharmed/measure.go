package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/throughline/throughline/test/stage"
)

// measure plays every mode and prints what was found.
func (o *options) measure(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("kernel programs have to be loaded: run it as root")
	}
	if _, err := os.Stat(o.agent); err != nil {
		return fmt.Errorf("the agent is not built, run make first: %w", err)
	}
	r := &report{out: os.Stdout, options: o}
	for _, m := range o.modes {
		t, err := o.try(ctx, m)
		if err != nil {
			return errors.Join(fmt.Errorf("measuring %s: %w", m.name, err), r.finish())
		}
		r.print(t)
	}
	return r.finish()
}

// A trial is what was found in one mode.
type trial struct {
	mode           mode
	client, server *tally
	took           time.Duration
	deaths         int
	said           string // the agent's last line
}

// try plays one mode.
func (o *options) try(ctx context.Context, m mode) (t trial, err error) {
	t.mode = m
	p, err := o.startPair(ctx, m)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	beside, err := stage.Open("throughline-unharmed-agent")
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, beside.Close()) }()
	start := func() (*stage.Agent, error) {
		return beside.StartAgent(ctx, o.command(m, p), len(p.targets(m)))
	}
	var agent *stage.Agent
	if m.agent && !m.dies {
		if agent, err = start(); err != nil {
			return t, err
		}
	}
	began := time.Now()
	if _, err := p.word.Write([]byte{'\n'}); err != nil {
		return t, fmt.Errorf("telling the client to begin: %w", err)
	}
	if m.dies {
		for ; t.deaths < o.deaths; t.deaths++ {
			if err := p.killOne(start); err != nil {
				return t, err
			}
		}
		if err := p.word.Close(); err != nil {
			return t, fmt.Errorf("telling the client to end: %w", err)
		}
	}
	select {
	case <-p.client.Done():
	case <-p.server.Done():
		return t, fmt.Errorf("the server has ended: %w", p.server.Err())
	case <-ctx.Done():
		return t, ctx.Err()
	}
	t.took = time.Since(began)
	if t.client, t.server, err = p.tallies(); err != nil {
		return t, err
	}
	if agent != nil {
		if err := agent.Stop(); err != nil {
			return t, err
		}
		t.said = agent.LastLine()
	}
	return t, nil
}

// killOne starts an agent, lets it live for a moment, and kills it.
func (p *pair) killOne(start func() (*stage.Agent, error)) error {
	agent, err := start()
	if err != nil {
		return err
	}
	select {
	case <-p.client.Done():
		return errors.New("the client has ended before the agent was killed")
	case <-time.After(50*time.Millisecond + rand.N(450*time.Millisecond)):
	}
	return agent.Kill()
}

// command is the agent's.
func (o *options) command(m mode, p *pair) *exec.Cmd {
	args := append([]string{"run", "--flavour", o.flavour}, m.args...)
	for _, pid := range p.targets(m) {
		args = append(args, "--pid", strconv.Itoa(pid))
	}
	cmd := exec.Command(o.agent, args...)
	cmd.Env = append(append(os.Environ(), "OTEL_TRACES_EXPORTER=none"), m.env...)
	return cmd
}

// A pair is a client and a server, each in a cgroup of its own.
type pair struct {
	stages         []*stage.Stage
	client, server *stage.Program
	word, end      io.WriteCloser // standard inputs of client and server
	reports        [2]string
}

// startPair returns when both run; the client waits for the word.
func (o *options) startPair(ctx context.Context, m mode) (*pair, error) {
	p := &pair{}
	if err := o.fillPair(ctx, p, m); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (o *options) fillPair(ctx context.Context, p *pair, m mode) error {
	l, err := listen(ctx)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		return fmt.Errorf("handing the socket on: %w", err)
	}
	defer socket.Close()
	may := "-may=" + strings.Join(m.may, ",")
	if p.server, p.end, p.reports[1], err = o.start(p, roleServer, []*os.File{socket}, may, "-joined="+strconv.FormatBool(m.dies)); err != nil {
		return err
	}
	requests := o.requests
	if m.dies {
		requests = 1 << 40 // until it is told to end
	}
	p.client, p.word, p.reports[0], err = o.start(p, roleClient, nil, "-port="+strconv.Itoa(l.Addr().(*net.TCPAddr).Port),
		"-requests="+strconv.Itoa(requests), "-stream="+strconv.FormatInt(o.stream, 10), "-kinds="+strings.Join(o.kinds, ","),
		"-flight="+strconv.Itoa(o.flight))
	return err
}

// start starts this program in a role, on a stage of its own.
func (o *options) start(p *pair, role string, files []*os.File, args ...string) (*stage.Program, io.WriteCloser, string, error) {
	s, err := stage.Open("throughline-unharmed-" + role)
	if err != nil {
		return nil, nil, "", err
	}
	p.stages = append(p.stages, s)
	self, err := os.Executable()
	if err != nil {
		return nil, nil, "", err
	}
	report := filepath.Join(s.Dir, "counts.json")
	args = append(args, "-role="+role, "-report="+report, "-seed="+strconv.FormatUint(o.seed, 10), "-deadline="+o.deadline.String())
	cmd := exec.Command(self, args...)
	// A signal of Go's own scheduler would interrupt what is looked at.
	cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1")
	cmd.ExtraFiles, cmd.Stderr = files, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, "", err
	}
	running, err := s.Start(cmd)
	return running, in, report, err
}

// targets are the processes that the mode's agent traces.
func (p *pair) targets(m mode) []int {
	if m.both {
		return []int{p.client.PID(), p.server.PID()}
	}
	return []int{p.client.PID()}
}

// tallies ends the server and reads what both have counted.
func (p *pair) tallies() (client, server *tally, err error) {
	if err := p.end.Close(); err != nil {
		return nil, nil, fmt.Errorf("telling the server to end: %w", err)
	}
	<-p.server.Done() // each of its streams has a deadline
	if err := errors.Join(p.client.Err(), p.server.Err()); err != nil {
		return nil, nil, fmt.Errorf("client or server broke: %w", err)
	}
	client, err1 := readTally(p.reports[0])
	server, err2 := readTally(p.reports[1])
	return client, server, errors.Join(err1, err2)
}

func (p *pair) close() error {
	var errs []error
	for i := len(p.stages) - 1; i >= 0; i-- {
		errs = append(errs, p.stages[i].Close())
	}
	return errors.Join(errs...)
}
