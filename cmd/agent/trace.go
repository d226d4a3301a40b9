package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/throughline/throughline/export"
	"github.com/throughline/throughline/probes"
	"github.com/throughline/throughline/probes/event"
	"github.com/throughline/throughline/probes/process"
)

// trace prints what the targets do until it is told to stop, enough was seen,
// or no target is left.
func trace(args []string, out, errs io.Writer) error {
	f := newFlags("trace", "trace [TARGET] [flags] [-- COMMAND ARGS...]", errs)
	var (
		output   = f.set.String("o", "waterfall", "print as `FORM`: waterfall, spans, json or chrome")
		duration = f.set.Duration("duration", 0, "stop after this time, such as 30s")
		count    = f.set.Int("count", 0, "stop after `N` traces (waterfall, chrome) or spans")
	)
	command, err := f.parse(args)
	if err != nil {
		return err
	}
	chosen, err := selectors(f.config)
	if err != nil {
		return err
	}
	if len(chosen) == 0 && len(command) == 0 {
		return usageError{errors.New("nothing to trace: name a target with --pid, --port, --exe or --container, or a command behind --")}
	}
	if !slices.Contains([]string{"waterfall", "spans", "json", "chrome"}, *output) {
		return usageError{fmt.Errorf("-o %s is not a form of output: use waterfall, spans, json or chrome", *output)}
	}
	if *count < 0 || *duration < 0 {
		return usageError{errors.New("--count and --duration cannot be negative")}
	}
	if len(command) > 0 {
		if _, err := exec.LookPath(command[0]); err != nil {
			return fmt.Errorf("starting %s: %w", command[0], errors.Unwrap(err))
		}
	}
	found, err := find(chosen, false)
	if err != nil {
		return err
	}

	signal.Ignore(syscall.SIGPIPE) // a closed pipe ends the output, and so the trace
	ctx, stop := untilSignal()
	defer stop()
	if *duration > 0 {
		ctx, stop = context.WithTimeout(ctx, *duration)
		defer stop()
	}
	ctx, finish := context.WithCancel(ctx)
	defer finish()

	a, err := newAgent(ctx, f.config, export.Config{Exporters: []string{*output}, Count: *count}, outlookOf(found), out, errs)
	if err != nil {
		return err
	}
	if len(command) == 0 {
		return errors.Join(a.trace(ctx, finish, found, nil), a.close())
	}
	child, err := holdCommand(command)
	if err != nil {
		return errors.Join(err, a.close())
	}
	err = errors.Join(a.trace(ctx, finish, found, child), a.close())
	child.settle(errs)
	return err
}

func outlookOf(found []*process.Process) outlook {
	var o outlook
	for _, p := range found {
		if p.Runtime.Kind == "go" {
			o.golang = append(o.golang, p.ExecutableHandle())
		}
	}
	return o
}

func (a *agent) trace(ctx context.Context, finish func(), found []*process.Process, child *held) error {
	var refused <-chan struct{}
	if child != nil {
		defer child.stop()
		p, err := child.process()
		if err != nil {
			return err
		}
		found = append(found, p)
		refused = child.done
	}
	for _, p := range found {
		if err := a.target(p); err != nil {
			return err
		}
	}
	if child != nil {
		a.probes.Targets().Expect(found[len(found)-1])
	}
	fmt.Fprintf(a.errs, "throughline: tracing %s by %s, attached in %d ms\n",
		describe(found), a.probes.Flavour().Name, time.Since(a.began).Milliseconds())

	var wait sync.WaitGroup
	defer wait.Wait()
	defer finish()
	wait.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-a.pipeline.Done():
				finish()
				return
			case <-refused:
				if child.refused != "" {
					finish()
					return
				}
				refused = nil
			}
		}
	})
	if child != nil {
		if err := child.begin(); err != nil {
			return err
		}
	}
	sink := &untilGone{agent: a, finish: finish}
	if err := a.run(ctx, sink); err != nil || child == nil {
		return err
	}
	if sink.gone || child.isRefused() {
		return child.ended()
	}
	return nil
}

// untilGone ends the trace when the last target has exited.
type untilGone struct {
	*agent
	finish func()
	idle   time.Time
	gone   bool // no target is left
}

var _ probes.Sink = (*untilGone)(nil)

// lingering is how long the last target must be gone: what it did is on its way.
const lingering = 300 * time.Millisecond

func (u *untilGone) Handle(ev *event.Event) { u.correlator.Handle(ev) }

func (u *untilGone) Tick(now uint64) {
	u.tick(now)
	switch {
	case u.probes.Targets().Running() > 0:
		u.idle = time.Time{}
	case u.idle.IsZero():
		u.idle = time.Now()
	case time.Since(u.idle) > lingering:
		u.gone = true
		u.finish()
	}
}
