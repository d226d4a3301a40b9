package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// A build is a way to build a service.
type build struct {
	name  string
	cgo   string
	flags []string
}

// service builds the subject's service in a directory.
func (s subject) service(ctx context.Context, dir, version string, b build) (string, error) {
	for name, content := range map[string][]byte{"main.go": s.source, "go.mod": []byte(s.module(version))} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return "", fmt.Errorf("writing the service: %w", err)
		}
	}
	out := filepath.Join(dir, "service")
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"build", "-mod=mod", "-o", out}, b.flags...), ".")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+s.toolchain(version), "CGO_ENABLED="+b.cgo, "GOFLAGS=", "GOWORK=off")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building: %w: %s", err, text)
	}
	return out, nil
}
