package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/export"
	"github.com/throughline/throughline/internal/config"
	"github.com/throughline/throughline/probes/event"
)

// daemon discovers, traces and exports until it is told to stop.
func daemon(args []string, out, errs io.Writer) error {
	f := newFlags("run", "run [TARGET] [flags]", errs)
	f.value("spool", "keep spans in `DIR` while their receiver is away, and over restarts",
		func(c *config.Config, v string) { c.Spool.Dir = v })
	rest, err := f.parse(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usageError{fmt.Errorf("run takes no argument %q: 'throughline trace -- COMMAND' starts a command", rest[0])}
	}
	chosen, err := selectors(f.config)
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		return usageError{errors.New("nothing to trace: name targets with --pid, --port, --exe or --container, or in the configuration")}
	}
	exporters, err := export.FromEnvironment(f.config.Exporters)
	if err != nil {
		return usageError{err}
	}
	exporters.Spool = export.Spool(f.config.Spool)
	if err := pin(chosen); err != nil { // a wrong number is an error now, not silence
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	a, err := newAgent(ctx, f.config, exporters, outlook{discover: true}, out, errs)
	if err != nil {
		return err
	}
	return errors.Join(a.discover(ctx, chosen), a.close())
}

func (a *agent) discover(ctx context.Context, chosen []choice) error {
	var wait sync.WaitGroup
	defer wait.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := &discovery{agent: a, chosen: chosen, appeared: make(chan uint32, 1024)}
	a.every(ctx, time.Minute, &wait)
	d.scan()
	wait.Go(func() { d.follow(ctx) })
	return a.run(ctx, d)
}

// discovery makes targets of processes that appear: the kernel tells of every
// exec and of every socket that begins to listen.
type discovery struct {
	*agent
	chosen   []choice
	appeared chan uint32
	trouble  string // what the last scan could not look at
}

func (d *discovery) Handle(ev *event.Event) {
	switch ev.Kind() {
	case abi.EventExec, abi.EventListen:
		select {
		case d.appeared <- ev.Header.Tgid:
		default: // a storm: the scan that is due looks at everything
		}
	}
	d.correlator.Handle(ev)
}

func (d *discovery) Tick(now uint64) { d.tick(now) }

// settle is how long to wait after news, so that a burst is one scan and a
// program that was just executed has set itself up.
const settle = 50 * time.Millisecond

func (d *discovery) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.appeared:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(settle):
		}
		for len(d.appeared) > 0 {
			<-d.appeared
		}
		d.scan()
	}
}

func (d *discovery) scan() {
	found, err := find(d.chosen, true)
	trouble := ""
	if err != nil {
		trouble = err.Error()
	}
	if trouble != "" && trouble != d.trouble {
		d.log.Warn("looking for targets", "error", trouble)
	}
	d.trouble = trouble
	for _, p := range found {
		if d.probes.Targets().Has(uint32(p.PID)) {
			continue
		}
		if err := d.target(p); err != nil {
			d.log.Warn("adding a target", "pid", p.PID, "error", err)
			continue
		}
		d.log.Info("tracing", "pid", p.PID, "service", p.ServiceName(), "flavour", d.probes.Flavour().Name)
	}
}
