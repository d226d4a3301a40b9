// Command versions traces one service built by each Go toolchain in each way, and
// prints which of them give every span with its right parent.
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
	var agent, toolchains string
	flag.StringVar(&agent, "agent", "bin/throughline", "the agent's `FILE`")
	flag.StringVar(&toolchains, "toolchains", "1.18,1.20,1.21.0,1.22.0,1.23.0,1.24.0,1.25.0,1.26.8,1.27.0", "versions of Go: a `LIST` with commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, agent, strings.Split(toolchains, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "versions:", err)
		os.Exit(1)
	}
}

// run prints a row a toolchain, as Markdown.
func run(ctx context.Context, agent string, toolchains []string) error {
	dir, err := os.MkdirTemp("", "throughline-versions-")
	if err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	fmt.Print("| Go |")
	for _, b := range builds() {
		fmt.Printf(" %s |", b.name)
	}
	fmt.Printf("\n|---|%s\n", strings.Repeat("---|", len(builds())))
	var failed []error
	for _, version := range toolchains {
		fmt.Printf("| %s |", version)
		for _, b := range builds() {
			err := try(ctx, agent, dir, version, b)
			if ctx.Err() != nil {
				return errors.New("interrupted")
			}
			if err != nil {
				failed = append(failed, fmt.Errorf("go%s %s: %w", version, b.name, err))
				fmt.Print(" FAIL |")
				continue
			}
			fmt.Print(" ok |")
		}
		fmt.Println()
	}
	return errors.Join(failed...)
}

// try builds the service, traces it and compares.
func try(ctx context.Context, agent, dir, version string, b build) error {
	service, err := b.service(ctx, dir, version)
	if err != nil {
		return err
	}
	spans, err := trace(ctx, agent, service)
	if err != nil {
		return err
	}
	return judge(spans)
}
