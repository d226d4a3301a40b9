package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/throughline/throughline/correlate"
	"github.com/throughline/throughline/export"
	"github.com/throughline/throughline/internal/buildinfo"
	"github.com/throughline/throughline/internal/config"
	"github.com/throughline/throughline/internal/propagation"
	"github.com/throughline/throughline/internal/telemetry"
	"github.com/throughline/throughline/probes"
	"github.com/throughline/throughline/probes/process"
)

// drainTime is what the exporters have to deliver what is queued; everything
// ends within 5 s of the signal.
const drainTime = 4 * time.Second

// An agent is the whole graph: kernel ring -> probes -> correlate -> export.
type agent struct {
	log        *slog.Logger
	errs       io.Writer
	probes     *probes.Probes
	correlator *correlate.Correlator
	pipeline   *export.Pipeline
	figures    *telemetry.Set
	server     *telemetry.Server
	measuring  *measuring
	began      time.Time
	saved      uint64 // when routes were kept, of CLOCK_MONOTONIC
}

// outlook is what is known of the targets before there are any.
type outlook struct {
	discover bool     // they come later
	golang   []string // executables of the Go programs among them
}

// newAgent builds the graph and attaches it; close must be called.
func newAgent(ctx context.Context, c config.Config, x export.Config, o outlook, out, errs io.Writer) (*agent, error) {
	began := time.Now()
	log, err := newLogger(c.LogLevel, errs)
	if err != nil {
		return nil, err
	}
	otel.SetErrorHandler(export.ErrorHandler(log))
	if err := checkFlavour(c.Flavour); err != nil {
		return nil, err
	}
	options, err := resourceOptions(os.Getenv)
	if err != nil {
		return nil, err
	}
	measuring, err := newMeasuring(c.Metrics, os.Getenv)
	if err != nil {
		return nil, err
	}
	kernel, spans, err := samplingOptions(c.Sampling, measuring.Any(), options, os.Getenv)
	if err != nil {
		return nil, err
	}
	redaction, err := redactor(c.Redaction, os.Getenv)
	if err != nil {
		return nil, err
	}
	propagators, err := propagation.FromEnvironment(os.Getenv)
	if err != nil {
		return nil, usageError{err}
	}
	hooks := probes.Config{
		Flavour: c.Flavour, NoInject: !c.Propagation.Mode.Inject(), NoJoin: !c.Propagation.Mode.Join(), TCPOption: c.Propagation.TCP,
		NoInjectBlocking: !c.InjectBlocking, Discover: o.discover, GoTargets: o.golang,
		RingBytes: c.RingBytes, CaptureBytes: c.CaptureBytes, Sampling: kernel, Propagators: propagators,
	}
	if err := hooks.Validate(); err != nil {
		return nil, usageError{err}
	}
	a := &agent{log: log, errs: errs, began: began, measuring: measuring}
	if a.pipeline, err = export.New(ctx, x, export.Settings{Out: out, Log: log, Redaction: redaction}); err != nil {
		return nil, usageError{err} // of a setting: a Collector that is down is none
	}
	if err := measuring.begin(ctx, c.Metrics, options, redaction, a); err != nil {
		return nil, errors.Join(err, a.close())
	}
	if a.probes, err = probes.Open(hooks, log); err != nil {
		return nil, errors.Join(err, a.close())
	}
	a.correlator = correlate.New(correlate.Config{
		Processes:   a.probes.Targets().Process,
		Resource:    options,
		Ledger:      a.probes,
		Propagators: propagators,
		Headers:     c.Redaction.Headers,
		Sampling:    spans,
		Routes:      routesOf(c),
		Metrics:     measuring.recorder,
		Spans:       a.pipeline.Span,
	}, probes.Now())
	if err := a.correlator.LoadRoutes(); err != nil {
		return nil, errors.Join(err, a.close())
	}
	a.figures = telemetry.New(a.probes.Samples, a.correlator.Samples, a.pipeline.Samples, measuring.samples)
	if a.server, err = measuring.serve(c.MetricsAddr, a); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

// target makes a process a target and says what cannot be done for it.
func (a *agent) target(p *process.Process) error {
	if err := a.probes.Targets().Add(p); err != nil {
		return err
	}
	if err := a.probes.Inject(p); err != nil {
		a.log.Warn("its requests carry no trace context", "pid", p.PID, "service", p.ServiceName(), "reason", err)
	}
	return nil
}

// run traces until the context ends, and drains.
func (a *agent) run(ctx context.Context, sink probes.Sink) error {
	err := a.probes.Run(ctx, sink)
	a.correlator.Close(probes.Now())
	return errors.Join(err, a.correlator.SaveRoutes())
}

// saveInterval is how often what was learned of routes is kept, in nanoseconds.
const saveInterval = uint64(time.Minute)

// tick settles what no event tells. It is for the goroutine that handles events.
func (a *agent) tick(now uint64) {
	a.correlator.Tick(now)
	if now-a.saved < saveInterval {
		return
	}
	a.saved = now
	if err := a.correlator.SaveRoutes(); err != nil {
		a.log.Warn("routes may be others after a restart", "error", err)
	}
}

// close takes everything out of the kernel, delivers what is queued, and says
// what came of it all.
func (a *agent) close() error {
	var errs []error
	if a.probes != nil {
		errs = append(errs, a.probes.Close())
	}
	if a.pipeline != nil {
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		measured := make(chan error, 1) // beside the spans: neither waits for the other's collector
		go func() { measured <- a.measuring.shutdown(ctx) }()
		// What nobody took in time is lost, and counted on the last line.
		if err := a.pipeline.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			errs = append(errs, err)
		}
		if a.server != nil {
			errs = append(errs, a.server.Shutdown(ctx))
		}
		errs = append(errs, <-measured)
	}
	if a.figures != nil {
		fmt.Fprintln(a.errs, a.figures.Line())
	}
	return errors.Join(errs...)
}

// every prints the figures now and then, until the context ends.
func (a *agent) every(ctx context.Context, interval time.Duration, wait *sync.WaitGroup) {
	wait.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				fmt.Fprintln(a.errs, a.figures.Line())
			}
		}
	})
}

func newLogger(level string, errs io.Writer) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usageError{fmt.Errorf("no log level is called %q: use debug, info, warn or error", level)}
	}
	return slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: l})), nil
}

func checkFlavour(name string) error {
	names := []string{"auto"}
	for _, f := range probes.Flavours() {
		names = append(names, f.Name)
	}
	if !slices.Contains(names, name) {
		return usageError{fmt.Errorf("no flavour is called %q: use one of %s", name, strings.Join(names, ", "))}
	}
	return nil
}

func resourceOptions(getenv func(string) string) (process.ResourceOptions, error) {
	attributes, err := process.ParseResourceAttributes(getenv("OTEL_RESOURCE_ATTRIBUTES"))
	if err != nil {
		return process.ResourceOptions{}, usageError{fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES cannot be used: %w", err)}
	}
	return process.ResourceOptions{
		Host: process.ReadHost(), Version: buildinfo.Version,
		ServiceName: getenv("OTEL_SERVICE_NAME"), Attributes: attributes,
	}, nil
}
