// Command budget counts how often the probes of Go libraries are hit for each
// request, by the kernel's own counters, and what a hit costs. It prints a table and fails
// when a request has more hits than it may, or when the kernel has to single-step one of
// the instructions.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/probes"
	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/gobin/offsets"
	"github.com/throughline/throughline/probes/runtime/go/plan"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	var b budget
	var only string
	name, run := "budget", func(ctx context.Context) error { return b.run(ctx, only) }
	if os.Getenv(roleVariable) != "" {
		name, run = "service", serve
	} else {
		flag.IntVar(&b.requests, "requests", 1000, "make `N` requests in each scenario")
		flag.StringVar(&b.agent, "agent", "bin/throughline", "the agent's `FILE`")
		flag.StringVar(&only, "only", "", "only scenarios whose name contains one of these: a `LIST` with commas")
		flag.Parse()
	}
	if err := run(ctx); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// A budget is one run of everything.
type budget struct {
	requests int
	agent    string
	keys     keys
}

func (b *budget) run(ctx context.Context, only string) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("kernel programs have to be loaded: run it as root")
	}
	if b.requests < 1 {
		return errors.New("-requests has to be 1 at least")
	}
	chosen := choose(scenarios(), only)
	if len(chosen) == 0 {
		return fmt.Errorf("no scenario's name contains any of %q", only)
	}
	if b.keys, err = makeKeys(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.keys.remove()) }()
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		return fmt.Errorf("asking the kernel to count runs: %w", err)
	}
	defer stats.Close()
	var results []result
	var notes []string
	for _, s := range chosen {
		file, err := b.executable(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		made, err := readPlan(file)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		notes = append(notes, made.Notes...)
		r, err := b.measure(ctx, s, file)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		r.sides = judge(s, r, made.Probes)
		results = append(results, r)
	}
	printTable(os.Stdout, results)
	slices.Sort(notes)
	for _, note := range slices.Compact(notes) {
		fmt.Println("note:", note)
	}
	if found := problems(results); len(found) > 0 {
		return errors.New(strings.Join(found, "; "))
	}
	return nil
}

// readPlan works out what the agent will place in a service of the executable.
func readPlan(file string) (*plan.Plan, error) {
	f, err := gobin.OpenFile(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	table, err := offsets.Load()
	if err != nil {
		return nil, err
	}
	return plan.Make(f, probes.GoLibraries(false), table)
}
