package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// Values of options.context: whether the driver sends a trace context.
const (
	contextNone = "none"
	contextSent = "sent"
	contextBoth = "both"
)

// options are what the command line asks for.
type options struct {
	programs    []program
	concurrency []int
	requests    int
	context     string
	attach      string
	agent       string
	flavour     string
	propagation string
	translated  bool
	service     string
	list, json  bool
}

// choose reads the lists.
func (o *options) choose(names, concurrency string) error {
	if o.context != contextNone && o.context != contextSent && o.context != contextBoth {
		return fmt.Errorf("-context is none, sent or both, not %q", o.context)
	}
	if o.attach != attachBefore && o.attach != attachBetween && o.attach != attachDuring {
		return fmt.Errorf("-attach is before, between or during, not %q", o.attach)
	}
	if o.requests < 1 {
		return errors.New("-requests has to be a number above 0")
	}
	for _, field := range list(concurrency) {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 {
			return fmt.Errorf("-concurrency: %q is no number of requests", field)
		}
		o.concurrency = append(o.concurrency, n)
	}
	if names == "" {
		o.programs = programs()
		return nil
	}
	for _, name := range list(names) {
		p, err := find(name)
		if err != nil {
			return err
		}
		o.programs = append(o.programs, p)
	}
	return nil
}

// run measures every program and prints what was found.
func (o *options) run(ctx context.Context, out io.Writer) error {
	if o.list {
		for _, p := range o.programs {
			fmt.Fprintf(out, "%-16s %-10s %s\n", p.name, p.needs, p.about)
		}
		return nil
	}
	if os.Geteuid() != 0 {
		return errors.New("kernel programs have to be loaded: run it as root")
	}
	if _, err := os.Stat(o.agent); err != nil {
		return fmt.Errorf("the agent is not built, run make first: %w", err)
	}
	if o.service == "" {
		file, err := buildService(ctx)
		if err != nil {
			return err
		}
		defer os.Remove(file)
		o.service = file
	}
	r := report{out: out, json: o.json}
	r.head()
	for _, p := range o.programs {
		for _, n := range o.concurrency {
			x, err := o.try(ctx, p, n)
			if err != nil {
				return errors.Join(fmt.Errorf("measuring %s with %d in flight: %w", p.name, n, err), r.finish())
			}
			r.row(x)
		}
	}
	return r.finish()
}
