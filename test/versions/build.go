package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed testdata/service.go.txt
var source []byte

// A build is a way to build the service.
type build struct {
	name  string
	cgo   string
	flags []string
}

func builds() []build {
	return []build{
		{"default", "0", nil},
		{"stripped", "0", []string{"-ldflags=-s -w"}},
		{"PIE", "0", []string{"-buildmode=pie"}},
		{"PIE, stripped", "0", []string{"-buildmode=pie", "-ldflags=-s -w"}},
		{"cgo", "1", nil},
	}
}

// service builds the program with a toolchain, which the go command brings.
func (b build) service(ctx context.Context, dir, version string) (string, error) {
	for name, content := range map[string][]byte{"main.go": source, "go.mod": []byte("module example.com/service\n\ngo 1.18\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return "", fmt.Errorf("writing the service: %w", err)
		}
	}
	out := filepath.Join(dir, "service")
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"build", "-o", out}, b.flags...), ".")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=go"+version, "CGO_ENABLED="+b.cgo, "GOFLAGS=", "GOWORK=off")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building: %w: %s", err, text)
	}
	return out, nil
}
