// Command realgo traces Go servers that nobody here wrote. It builds each from its
// published module, starts it, attaches to it as it runs, asks it for things whose
// answers are known, and compares the agent's spans with what was asked.
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
)

func main() {
	var agent, cache, names string
	flag.StringVar(&agent, "agent", "bin/throughline", "the agent's `FILE`")
	flag.StringVar(&cache, "cache", ".output/realgo", "where built programs are kept: a `DIRECTORY`")
	flag.StringVar(&names, "programs", "", "only these programs: a `LIST` with commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	chosen, err := choose(names)
	if err == nil {
		err = run(ctx, agent, cache, chosen)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(os.Stderr, "realgo:", err)
		os.Exit(1)
	}
}

// choose returns the programs of a list, all for an empty one.
func choose(names string) ([]program, error) {
	if names == "" {
		return programs(), nil
	}
	var chosen []program
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(programs(), func(p program) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("choosing programs: there is no %q", name)
		}
		chosen = append(chosen, programs()[i])
	}
	return chosen, nil
}

// run prints a row a program, as Markdown, and says of each that is wrong how.
func run(ctx context.Context, agent, cache string, chosen []program) error {
	printHead(os.Stdout)
	var failed []error
	for _, p := range chosen {
		var r result
		b, err := p.build(ctx, cache)
		if err == nil {
			r, err = p.try(ctx, agent, b)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", p.name, err))
		}
		printRow(os.Stdout, p, b, r, err == nil)
	}
	return errors.Join(failed...)
}
