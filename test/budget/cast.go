package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"

	"github.com/throughline/throughline/test/stage"
)

// A cast is the services of a scenario, at work.
type cast struct {
	stage  *stage.Stage
	traced int       // its process
	told   io.Closer // standard input of a service that is told on it; nil: there is none
	// drive makes n requests, one after another, over the connection that there is.
	drive func(ctx context.Context, n int) error
}

// start starts the services of a scenario, of which file is the traced one's
// executable. close must be called.
func start(ctx context.Context, s scenario, k keys, file string) (*cast, error) {
	on, err := stage.Open("throughline-budget")
	if err != nil {
		return nil, err
	}
	c := &cast{stage: on}
	if s.framework != "" {
		err = c.framework(ctx, file, k)
	} else {
		err = c.start(ctx, s, k)
	}
	if err != nil {
		return nil, errors.Join(err, on.Close())
	}
	return c, nil
}

func (c *cast) close() error {
	if c.told != nil {
		c.told.Close() // it ends then; if not, the stage ends it
	}
	return c.stage.Close()
}

func (c *cast) start(ctx context.Context, s scenario, k keys) error {
	traced := role{Keys: k, Serves: s.serves, Calls: s.calls}
	if s.calls != "" {
		w, err := wayOf(s.calls)
		if err != nil {
			return err
		}
		if w.serve != nil {
			callee := role{Keys: k, Serves: s.calls}
			if _, err := c.serving(ctx, &callee); err != nil {
				return err
			}
			traced.To = callee.At
		}
	}
	if s.serves == "" {
		return c.obeying(traced)
	}
	program, err := c.serving(ctx, &traced)
	if err != nil {
		return err
	}
	c.traced = program.PID()
	w, err := wayOf(s.serves)
	if err != nil {
		return err
	}
	ask, err := w.caller(k, traced.At)
	c.drive = func(ctx context.Context, n int) error { return repeat(ctx, ask, n) }
	return err
}

// serving starts a service that is asked, at an address that it chooses.
func (c *cast) serving(ctx context.Context, r *role) (*stage.Program, error) {
	var err error
	if r.At, err = stage.FreeAddress(); err != nil {
		return nil, err
	}
	cmd, err := r.command()
	if err != nil {
		return nil, err
	}
	program, err := c.stage.Start(cmd)
	if err != nil {
		return nil, err
	}
	return program, program.Await(ctx, r.At)
}

// obeying starts a service that is told on its standard input.
func (c *cast) obeying(r role) error {
	cmd, err := r.command()
	if err != nil {
		return err
	}
	in, out, err := pipes(cmd)
	if err != nil {
		return err
	}
	program, err := c.stage.Start(cmd)
	if err != nil {
		return err
	}
	c.traced, c.told = program.PID(), in
	answers := bufio.NewReader(out)
	c.drive = func(ctx context.Context, n int) error {
		defer context.AfterFunc(ctx, func() { in.Close() })()
		if _, err := fmt.Fprintln(in, n); err != nil {
			return fmt.Errorf("telling the service: %w", err)
		}
		if _, err := answers.ReadString('\n'); err != nil {
			return fmt.Errorf("waiting for the service: %w", err)
		}
		return nil
	}
	return nil
}

func pipes(cmd *exec.Cmd) (io.WriteCloser, io.Reader, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, fmt.Errorf("making a pipe: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, fmt.Errorf("making a pipe: %w", err)
	}
	return in, out, nil
}
