package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A binary is a program that was built.
type binary struct {
	file      string
	goVersion string
	size      int64
}

// build builds the program as its projects release them, without symbols, unless
// it is in the cache. The module made for it has the program as its only
// requirement: `go install` refuses programs whose modules replace others.
func (p program) build(ctx context.Context, cache string) (binary, error) {
	dir, err := filepath.Abs(filepath.Join(cache, p.name+"-"+p.version))
	if err != nil {
		return binary{}, err
	}
	file := filepath.Join(dir, p.name)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		began := time.Now()
		if err := p.compile(ctx, dir, file); err != nil {
			return binary{}, fmt.Errorf("building: %w", err)
		}
		fmt.Fprintf(os.Stderr, "realgo: built %s in %s\n", p.name, time.Since(began).Round(time.Second))
	}
	return describe(file)
}

func (p program) compile(ctx context.Context, dir, file string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/"+p.name+"\n\ngo 1.24\n"), 0o644); err != nil {
		return err
	}
	unfinished := file + ".new"
	for _, args := range [][]string{
		{"get", p.path + "@" + p.version},
		{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", unfinished, p.path},
	} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, text[max(0, len(text)-2000):])
		}
	}
	return os.Rename(unfinished, file)
}

// describe reads from an executable what the table says of it.
func describe(file string) (binary, error) {
	info, err := os.Stat(file)
	if err != nil {
		return binary{}, err
	}
	build, err := buildinfo.ReadFile(file)
	if err != nil {
		return binary{}, fmt.Errorf("reading the Go version: %w", err)
	}
	return binary{file, strings.TrimPrefix(build.GoVersion, "go"), info.Size()}, nil
}
