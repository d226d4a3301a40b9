package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// buildService builds the service into a file, which the caller removes.
func buildService(ctx context.Context) (string, error) {
	f, err := os.CreateTemp("", "throughline-truth-service-")
	if err != nil {
		return "", fmt.Errorf("making a file: %w", err)
	}
	f.Close()
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", f.Name(), "github.com/throughline/throughline/test/truth/service")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("building the service: %w: %s", err, out)
	}
	return f.Name(), nil
}
