package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// A bystanderSample is what a process that is no target paid in one round.
type bystanderSample struct {
	Flavour string          `json:"flavour"` // "none" without agent
	Round   int             `json:"round"`
	Cost    bystanderResult `json:"cost"`
}

// standBy times the system calls of a process that is not traced, while a
// server that has nothing to do is.
func (b *bench) standBy(ctx context.Context) error {
	v, err := serveWorkload(ctx, workloads()[0])
	if err != nil {
		return err
	}
	defer v.close()
	how := []variant{
		{name: "none"},
		{name: "tracepoint", args: []string{"run", "--flavour", "tracepoint"}},
		{name: "syscall", args: []string{"run", "--flavour", "syscall"}},
	}
	for round := range b.rounds {
		for i := range how {
			h := how[(i+round)%len(how)]
			s := bystanderSample{Flavour: h.name, Round: round}
			if err := b.bystander(ctx, v, h, &s.Cost); err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "round %d  bystander %-10s %+v\n", round+1, h.name, s.Cost)
			b.bystanders = append(b.bystanders, s)
		}
	}
	return nil
}

func (b *bench) bystander(ctx context.Context, v *server, how variant, cost *bystanderResult) (err error) {
	if how.args != nil {
		a, err := startAgent(ctx, how, v.program.PID(), b.collector)
		if err != nil {
			return fmt.Errorf("measuring a bystander of %s: %w", how.name, err)
		}
		defer func() { err = errors.Join(err, a.stop()) }()
	}
	_, err = ask(ctx, cost, "bystander")
	return err
}
