package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/throughline/throughline/test/stage"
)

//go:embed services/orders.py services/stock.js services/gateway/main.go
var sources embed.FS

// A service is one unmodified program of the demo.
type service struct {
	name, language string
	source         string   // in sources
	command        []string // what runs the source file, "" stands for it
	behind         string   // the service that it asks, by name
	listen         string
	program        *stage.Program
}

// services are in the order of a request's way.
func services() []*service {
	return []*service{
		{name: "gateway", language: "Go, net/http", source: "services/gateway/main.go", behind: "orders"},
		{name: "orders", language: "Python, http.server", source: "services/orders.py", command: []string{python(), ""}, behind: "stock"},
		{name: "stock", language: "Node, node:http", source: "services/stock.js", command: []string{"node", ""}},
	}
}

// python prefers the distribution's own, which has no script before it.
func python() string {
	const system = "/usr/bin/python3"
	if _, err := os.Stat(system); err == nil {
		return system
	}
	return "python3"
}

// start runs the services, the last one first, each in the stage's cgroup.
func start(ctx context.Context, s *stage.Stage, all []*service) error {
	listen := map[string]string{}
	for i := len(all) - 1; i >= 0; i-- {
		v := all[i]
		command, err := v.prepare(ctx, s.Dir)
		if err != nil {
			return err
		}
		if v.listen, err = stage.FreeAddress(); err != nil {
			return err
		}
		listen[v.name] = v.listen
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "LISTEN=" + v.listen,
			"ORDERS=" + listen["orders"], "STOCK=" + listen["stock"],
		}
		cmd.Stderr = os.Stderr
		if v.program, err = s.Start(cmd); err != nil {
			return err
		}
		if err := v.program.Await(ctx, v.listen); err != nil {
			return err
		}
	}
	return nil
}

// prepare writes the service's source to dir and returns the command that runs it.
func (v *service) prepare(ctx context.Context, dir string) ([]string, error) {
	text, err := sources.ReadFile(v.source)
	if err != nil {
		return nil, fmt.Errorf("reading the source of %s: %w", v.name, err)
	}
	file := filepath.Join(dir, v.name+filepath.Ext(v.source))
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return nil, fmt.Errorf("writing the source of %s: %w", v.name, err)
	}
	if v.command == nil {
		return build(ctx, dir, v.name, file)
	}
	command := make([]string, len(v.command))
	for i, word := range v.command {
		if command[i] = word; word == "" {
			command[i] = file
		}
	}
	return command, nil
}

// build compiles a Go program in dir, outside every module.
func build(ctx context.Context, dir, name, file string) ([]string, error) {
	binary := filepath.Join(dir, name)
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, file)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return []string{binary}, nil
}
