// Command bench measures what tracing costs: the traced programs, those that
// are not traced, and the agent itself. Rounds are interleaved, so that what
// else the machine does meets all variants alike; every ratio is to no agent in
// the same round.
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
	"time"

	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/test/stage"
)

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role, os.Args[1:]); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
			os.Exit(1)
		}
		return
	}
	b := &bench{}
	var only, with string
	var quick, asJSON bool
	flag.IntVar(&b.rounds, "rounds", 5, "measure everything `N` times")
	flag.DurationVar(&b.duration, "duration", 3*time.Second, "measure for this `time` in each round")
	flag.StringVar(&only, "only", "", "only these of go, nginx, python, go-call, go-https, go-grpc, counts, wire, bystander: a `LIST` with commas")
	flag.StringVar(&with, "variants", "", "only these of none, agent, traps, no-inject, ratio, syscall, json: a `LIST` with commas")
	flag.BoolVar(&quick, "quick", false, "a short run: 2 rounds of 1 s, without traps, no-inject, ratio and json")
	flag.BoolVar(&asJSON, "json", false, "print every sample and figure as JSON instead of tables")
	flag.Parse()
	if quick {
		b.rounds, b.duration = 2, time.Second
		if with == "" {
			with = "none,agent,syscall"
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := b.main(ctx, list(only), list(with), asJSON); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// A bench is one run of everything.
type bench struct {
	rounds    int
	duration  time.Duration
	side      *stage.Stage // the collector's
	collector string       // its address

	samples    []sample
	bystanders []bystanderSample
}

func (b *bench) main(ctx context.Context, only, with []string, asJSON bool) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("kernel programs have to be loaded: run it as root")
	}
	chosen, how, err := choose(only, with)
	if err != nil {
		return err
	}
	machine := readMachine()
	if b.side, err = stage.Open("throughline-bench-side"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.side.Close()) }()
	if err := b.startCollector(ctx); err != nil {
		return err
	}
	for _, w := range workloads() {
		if slices.Contains(chosen, w.name) {
			if err := b.workload(ctx, w, how, saturated, paced); err != nil {
				return err
			}
		}
		if slices.Contains(chosen, countsName) && (w.name == "go" || w.name == "nginx") {
			if err := b.workload(ctx, w, variants()[1:2], counted, crowded); err != nil {
				return err
			}
		}
	}
	if slices.Contains(chosen, wireName) {
		if err := b.wire(ctx); err != nil {
			return err
		}
	}
	if slices.Contains(chosen, bystanderName) {
		if err := b.standBy(ctx); err != nil {
			return err
		}
	}
	machine.finish()
	r := report{Machine: machine, Rounds: b.rounds, Seconds: b.duration.Seconds(), Samples: b.samples, Bystanders: b.bystanders}
	if asJSON {
		return r.json(os.Stdout)
	}
	r.markdown(os.Stdout)
	return nil
}

// Parts of the bench that are no workload.
const (
	countsName    = "counts"
	bystanderName = "bystander"
)

func choose(only, with []string) (parts []string, how []variant, err error) {
	known := []string{countsName, wireName, bystanderName}
	for _, w := range workloads() {
		known = append(known, w.name)
	}
	for _, name := range only {
		if !slices.Contains(known, name) {
			return nil, nil, fmt.Errorf("nothing is called %q: use some of %s", name, strings.Join(known, ", "))
		}
	}
	if len(only) == 0 {
		only = known
	}
	all := variants()
	for _, name := range with {
		if !slices.ContainsFunc(all, func(v variant) bool { return v.name == name }) {
			return nil, nil, fmt.Errorf("no variant is called %q", name)
		}
	}
	for _, v := range all {
		if len(with) == 0 || v.name == "none" || slices.Contains(with, v.name) {
			how = append(how, v) // always without agent too: it is what all is compared with
		}
	}
	return only, how, nil
}

func (b *bench) startCollector(ctx context.Context) error {
	var err error
	if b.collector, err = stage.FreeAddress(); err != nil {
		return err
	}
	cmd, err := as("collector", b.collector)
	if err != nil {
		return err
	}
	p, err := b.side.Start(cmd)
	if err != nil {
		return err
	}
	return p.Await(ctx, b.collector)
}

// workload measures one server, in each scenario with every variant in each
// round. The order turns, so that none is always first.
func (b *bench) workload(ctx context.Context, w workload, how []variant, scenarios ...scenario) error {
	v, err := serveWorkload(ctx, w)
	if err != nil {
		return err
	}
	defer v.close()
	for round := range b.rounds {
		for i := range how {
			for _, s := range scenarios {
				if err := b.take(ctx, v, how[(i+round)%len(how)], s, round); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b *bench) take(ctx context.Context, v *server, how variant, s scenario, round int) error {
	r, err := b.measure(ctx, v, how, s, round)
	if how.traps && errors.Is(err, gobin.ErrNotGo) {
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "round %d  %-8s %-9s %-10s %7.0f requests/s  %6.2f us/request  %5.2f us/span  %d of %d spans  others %.0f %%\n",
		round+1, v.name, how.name, s, float64(r.Load.Requests)/r.Load.Seconds, r.TargetCPU, r.AgentCPU, r.Spans, r.Expected, 100*r.Others)
	b.samples = append(b.samples, r)
	return nil
}
