// Command versions traces a service built by each Go toolchain, and one with each
// version of gRPC-Go, in each way, and prints which of them give every span with its
// right parent.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	var agent, toolchains, grpc string
	flag.StringVar(&agent, "agent", "bin/throughline", "the agent's `FILE`")
	flag.StringVar(&toolchains, "toolchains", "1.18,1.20,1.21.0,1.22.0,1.23.0,1.24.0,1.25.0,1.26.8,1.27.0", "versions of Go: a `LIST` with commas")
	flag.StringVar(&grpc, "grpc", "1.68.0,1.76.0,1.85.0", "versions of gRPC-Go: a `LIST` with commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, agent, []subject{goItself(list(toolchains)), grpcGo(list(grpc))}); err != nil {
		fmt.Fprintln(os.Stderr, "versions:", err)
		os.Exit(1)
	}
}

func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' })
}

// run prints a table a subject that has versions.
func run(ctx context.Context, agent string, subjects []subject) error {
	dir, err := os.MkdirTemp("", "throughline-versions-")
	if err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	var failed []error
	for _, s := range subjects {
		if len(s.versions) > 0 {
			failed = append(failed, s.tryAll(ctx, agent, dir))
		}
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
	}
	return errors.Join(failed...)
}

// tryAll prints a row a version, as Markdown.
func (s subject) tryAll(ctx context.Context, agent, dir string) error {
	fmt.Printf("| %s |", s.name)
	for _, b := range s.builds {
		fmt.Printf(" %s |", b.name)
	}
	fmt.Printf("\n|---|%s\n", strings.Repeat("---|", len(s.builds)))
	var failed []error
	for _, version := range s.versions {
		fmt.Printf("| %s |", version)
		for _, b := range s.builds {
			err := s.try(ctx, agent, dir, version, b)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				failed = append(failed, fmt.Errorf("%s %s %s: %w", s.name, version, b.name, err))
				fmt.Print(" FAIL |")
				continue
			}
			fmt.Print(" ok |")
		}
		fmt.Println()
	}
	fmt.Println()
	return errors.Join(failed...)
}

// try builds the service, traces it and compares.
func (s subject) try(ctx context.Context, agent, dir, version string, b build) error {
	service, err := s.service(ctx, dir, version, b)
	if err != nil {
		return err
	}
	spans, err := s.trace(ctx, agent, service)
	if err != nil {
		return err
	}
	return s.judge(spans)
}
