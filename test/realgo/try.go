package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/throughline/throughline/test/stage"
	"github.com/throughline/throughline/test/traced"
)

// A result is what came of a program.
type result struct {
	sources      []string
	asked, right int
}

// try starts the program, attaches to it and judges what the agent says.
func (p program) try(ctx context.Context, agent string, b binary) (r result, err error) {
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer upstream.Close()
	s, err := stage.Open("throughline-realgo")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	address, err := stage.FreeAddress()
	if err != nil {
		return r, err
	}
	beside, err := stage.FreeAddress()
	if err != nil {
		return r, err
	}
	host, port, _ := strings.Cut(address, ":")
	expand := strings.NewReplacer("{address}", address, "{host}", host, "{port}", port, "{beside}", beside,
		"{dir}", s.Dir, "{upstream}", upstream.Listener.Addr().String()).Replace
	running, err := p.start(s, b, expand)
	if err != nil {
		return r, err
	}
	if err := running.Await(ctx, address); err != nil {
		return r, fmt.Errorf("%w: %s", err, said(s))
	}
	asker, err := newAsker(expand)
	if err != nil {
		return r, err
	}
	defer asker.close()
	if err := asker.ready(ctx, p); err != nil {
		return r, fmt.Errorf("%w: %s", err, said(s))
	}
	if r.sources, err = sources(ctx, agent, running.PID()); err != nil {
		return r, err
	}
	spans, err := traced.Trace(ctx, agent, running.PID(), func(ctx context.Context) error { return asker.all(ctx, p) })
	r.asked = len(asker.answers)
	if err != nil {
		return r, err
	}
	r.right, err = judge(spans, asker.answers)
	return r, err
}

// start writes the program's files and starts it.
func (p program) start(s *stage.Stage, b binary, expand func(string) string) (*stage.Program, error) {
	for name, text := range p.files {
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(expand(text)), 0o644); err != nil {
			return nil, fmt.Errorf("writing its files: %w", err)
		}
	}
	output, err := os.Create(filepath.Join(s.Dir, outputFile))
	if err != nil {
		return nil, fmt.Errorf("making a file for what it says: %w", err)
	}
	defer output.Close()
	cmd := exec.Command(b.file)
	for _, a := range p.args {
		cmd.Args = append(cmd.Args, expand(a))
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.Dir, output, output
	cmd.Env = append(os.Environ(), "HOME="+s.Dir, "OTEL_TRACES_EXPORTER=none")
	return s.Start(cmd)
}

// outputFile is where a program's output goes, in its directory.
const outputFile = "output"

// said is the end of what a program said.
func said(s *stage.Stage) string {
	text, err := os.ReadFile(filepath.Join(s.Dir, outputFile))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-1000):])
}

// sources asks the agent's doctor what of the process's libraries is probed.
func sources(ctx context.Context, agent string, pid int) ([]string, error) {
	text, err := exec.CommandContext(ctx, agent, "doctor", "--pid", strconv.Itoa(pid), "-o", "json").Output()
	if err != nil {
		return nil, fmt.Errorf("asking the doctor: %w", err)
	}
	var report struct {
		Target struct {
			Go struct{ Libraries []struct{ Name string } }
		}
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, fmt.Errorf("reading the doctor's report: %w", err)
	}
	var names []string
	for _, l := range report.Target.Go.Libraries {
		names = append(names, l.Name)
	}
	if len(names) == 0 {
		names = []string{"none: sockets"}
	}
	return names, nil
}
