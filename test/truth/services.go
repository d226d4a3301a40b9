package main

import (
	"context"
	"errors"
	"net"
	"os"

	"github.com/throughline/throughline/test/stage"
)

// services are the processes of one program, each in a cgroup of its own.
type services struct {
	network network
	stages  []*stage.Stage
	pids    []int
	front   string // address at which it listens
}

// startServices returns when all of them listen. close must be called, unless
// it fails.
func startServices(ctx context.Context, file string, p program, n network) (*services, error) {
	s := &services{network: n}
	if err := s.start(ctx, file, p); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *services) start(ctx context.Context, file string, p program) error {
	roles := []string{"leaf", "front"}
	if p.middle {
		roles = []string{"leaf", "middle", "front"}
	}
	args := []string{"-program", p.name, "-secure", p.secure}
	for _, role := range roles {
		where, err := s.network.place(ctx)
		if err != nil {
			return err
		}
		group, err := stage.Open("throughline-truth-" + role)
		if err != nil {
			return err
		}
		s.stages = append(s.stages, group)
		cmd := where.command(file, append(args, "-role", role, "-listen", where.listen))
		cmd.Env = append(os.Environ(), "OTEL_SERVICE_NAME="+role)
		cmd.Stderr = os.Stderr
		running, err := group.Start(cmd)
		if err != nil {
			return err
		}
		err = running.AwaitBy(ctx, func(ctx context.Context) (net.Conn, error) { return s.network.dial(ctx, where.listen) })
		if err != nil {
			return err
		}
		s.pids = append(s.pids, running.PID())
		s.front = where.listen
		args = append(args, "-"+role, where.public)
	}
	return nil
}

func (s *services) close() error {
	var errs []error
	for i := len(s.stages) - 1; i >= 0; i-- {
		errs = append(errs, s.stages[i].Close())
	}
	return errors.Join(errs...)
}
