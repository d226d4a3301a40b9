package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/throughline/throughline/test/stage"
)

//go:embed servers/hello.py
var helloPython string

//go:embed servers/nginx.conf
var nginxConfig string

// A workload is a server under load.
type workload struct {
	name  string
	about string
	rate  int // requests a second for latencies: well below what it can serve
	spans int // that one request makes
	// caller is what calls it instead of wrk and the pacer, see callers; "" for them.
	caller string
	// start returns the server's command; beside starts what it needs.
	start func(ctx context.Context, dir, address string, beside *stage.Stage) (*exec.Cmd, error)
}

func workloads() []workload {
	return []workload{
		{"go", "Go net/http, hello", 2000, 1, "", func(_ context.Context, _, address string, _ *stage.Stage) (*exec.Cmd, error) {
			return as("hello", address)
		}},
		{"nginx", "nginx with one worker, hello", 2000, 1, "", startNginx},
		{"python", "Python http.server with threads, hello", 500, 1, "", startPython},
		{"go-call", "Go net/http that calls another (untraced) service", 2000, 2, "", startCaller},
		{"go-https", "Go net/http over TLS, hello", 2000, 1, "https", func(_ context.Context, _, address string, _ *stage.Stage) (*exec.Cmd, error) {
			return as("secure", address)
		}},
		{"go-grpc", "gRPC-Go, unary echo", 2000, 1, "grpc", func(_ context.Context, _, address string, _ *stage.Stage) (*exec.Cmd, error) {
			return as("echo", address)
		}},
	}
}

func startNginx(_ context.Context, dir, address string, _ *stage.Stage) (*exec.Cmd, error) {
	return nginx(dir, strings.Replace(nginxConfig, "ADDRESS", address, 1))
}

func nginx(dir, config string) (*exec.Cmd, error) {
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return nil, fmt.Errorf("writing nginx's configuration: %w", err)
	}
	path, err := exec.LookPath("nginx")
	if err != nil { // where an ordinary user's PATH does not lead
		path = "/usr/sbin/nginx"
	}
	return exec.Command(path, "-p", dir, "-c", file), nil
}

func startPython(_ context.Context, dir, address string, _ *stage.Stage) (*exec.Cmd, error) {
	file := filepath.Join(dir, "hello.py")
	if err := os.WriteFile(file, []byte(helloPython), 0o644); err != nil {
		return nil, fmt.Errorf("writing the Python server: %w", err)
	}
	return exec.Command("/usr/bin/python3", file, address), nil
}

func startCaller(ctx context.Context, _, address string, beside *stage.Stage) (*exec.Cmd, error) {
	other, err := stage.FreeAddress()
	if err != nil {
		return nil, err
	}
	cmd, err := as("hello", other)
	if err != nil {
		return nil, err
	}
	p, err := beside.Start(cmd)
	if err != nil {
		return nil, err
	}
	if err := p.Await(ctx, other); err != nil {
		return nil, err
	}
	return as("caller", address, other)
}

// A server is a workload that runs, alone in its cgroup.
type server struct {
	workload
	address string
	own     *stage.Stage // the traced program's
	beside  *stage.Stage // for what it needs
	program *stage.Program
}

// serveWorkload starts a workload's server; close must be called.
func serveWorkload(ctx context.Context, w workload) (v *server, err error) {
	v = &server{workload: w}
	defer func() {
		if err != nil {
			v.close()
		}
	}()
	if v.own, err = stage.Open("throughline-bench-" + w.name); err != nil {
		return v, err
	}
	if v.beside, err = stage.Open("throughline-bench-beside"); err != nil {
		return v, err
	}
	if v.address, err = stage.FreeAddress(); err != nil {
		return v, err
	}
	cmd, err := w.start(ctx, v.own.Dir, v.address, v.beside)
	if err != nil {
		return v, err
	}
	cmd.Stderr = os.Stderr
	if v.program, err = v.own.Start(cmd); err != nil {
		return v, err
	}
	return v, v.program.Await(ctx, v.address)
}

func (v *server) close() {
	for _, s := range []*stage.Stage{v.own, v.beside} {
		if s == nil {
			continue
		}
		if err := s.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
	}
}
