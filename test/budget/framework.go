package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/throughline/throughline/test/stage"
)

// frameworks is a module of programs, each of which serves with one framework.
const frameworks = "test/e2e/frameworks"

// routedPath is one for which each of them has a route, in groups or behind routers
// one below the other where it has those.
const routedPath = "/api/v1/items/1"

// executable is the file of a scenario's traced service: this program's, or one that
// is built.
func (b *budget) executable(ctx context.Context, s scenario) (string, error) {
	if s.framework == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("finding the own executable: %w", err)
		}
		return self, nil
	}
	file, err := filepath.Abs(filepath.Join(string(b.keys), s.framework))
	if err != nil {
		return "", fmt.Errorf("naming a program: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", file, "./"+s.framework)
	cmd.Dir = frameworks
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w: %s", s.framework, err, out)
	}
	return file, nil
}

// framework starts a program of a framework, which is asked over HTTP.
func (c *cast) framework(ctx context.Context, file string, k keys) error {
	address, err := stage.FreeAddress()
	if err != nil {
		return err
	}
	program, err := c.stage.Start(exec.Command(file, "-listen", address))
	if err != nil {
		return err
	}
	if err := program.Await(ctx, address); err != nil {
		return err
	}
	c.traced = program.PID()
	ask, err := web{path: routedPath}.caller(k, address)
	c.drive = func(ctx context.Context, n int) error { return repeat(ctx, ask, n) }
	return err
}
