package main

import (
	"context"
	"errors"
	"os/exec"

	"github.com/throughline/throughline/test/stage"
	"github.com/throughline/throughline/test/traced"
)

// trace asks a service while the agent traces it.
func (s subject) trace(ctx context.Context, agent, service string) (spans []traced.Span, err error) {
	own, err := stage.Open("throughline-versions")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, own.Close()) }()
	address, err := stage.FreeAddress()
	if err != nil {
		return nil, err
	}
	program, err := own.Start(exec.Command(service, address))
	if err != nil {
		return nil, err
	}
	defer program.Stop()
	if err := program.Await(ctx, address); err != nil {
		return nil, err
	}
	return traced.Trace(ctx, agent, program.PID(), func(ctx context.Context) error { return s.ask(ctx, address) })
}
