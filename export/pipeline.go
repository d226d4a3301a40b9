// Package export is the last stage: it takes finished spans and sends each of them to every chosen exporter.
//
// A span's way is Pipeline.Span, redaction, one bounded queue per exporter, the exporter. Nothing on that way blocks the caller,
// and every span ends in exactly one counter per exporter: exported, or lost for a named reason.
package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/redact"
	"github.com/throughline/throughline/export/spool"
	"github.com/throughline/throughline/export/waterfall"
)

// Settings is what the program around the pipeline provides; the zero value works.
type Settings struct {
	// Out is where exporters for people and files write; os.Stdout if nil. When it is a terminal, its width and
	// colours are used.
	Out io.Writer
	// Log gets one line whenever an exporter begins to lose spans or recovers, never one a span.
	Log *slog.Logger
	// Redaction changes each span before any exporter gets it; nil: by the rules that are built in.
	Redaction *redact.Redactor

	batching batching // for tests; zero: the default
}

// Pipeline takes spans from any goroutine and brings each to every chosen exporter.
type Pipeline struct {
	redaction *redact.Redactor
	lanes     []*lane
	lock      *spool.Lock // nil: no spool
	done      chan struct{}
	end       sync.Once

	unlock sync.Once
}

// New opens the chosen exporters. The error is one sentence about the first setting that cannot work; a collector
// that is down is no error here.
func New(ctx context.Context, config Config, settings Settings) (*Pipeline, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	log := settings.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	out := describe(settings.Out)
	batching := settings.batching
	if batching.queueSpans == 0 {
		batching = defaultBatching()
	}
	batching, err := batching.fromEnvironment()
	if err != nil {
		return nil, err
	}
	p := &Pipeline{redaction: settings.Redaction, done: make(chan struct{})}
	if p.redaction == nil {
		if p.redaction, err = redact.New(redact.Config{}); err != nil {
			return nil, err
		}
	}
	if config.Spool.Dir != "" {
		if p.lock, err = spool.Hold(config.Spool.Dir); err != nil {
			return nil, err
		}
	}
	for _, name := range config.Exporters {
		chosen, ok := find(name)
		if !ok {
			continue // none
		}
		exporter, err := open(ctx, chosen, out, config.Destinations[name])
		if err != nil {
			return nil, errors.Join(fmt.Errorf("opening exporter %s: %w", name, err), p.Shutdown(ctx))
		}
		var disk *spool.Spool
		if !chosen.local && p.lock != nil {
			if disk, err = spool.Open(filepath.Join(config.Spool.Dir, url.PathEscape(name)), config.Spool.MaxBytes); err != nil {
				return nil, errors.Join(fmt.Errorf("opening exporter %s: %w", name, err), exporter.Shutdown(ctx), p.Shutdown(ctx))
			}
			foundSpool(disk, log.With("exporter", name))
		}
		var end *limit
		if chosen.local {
			end = &limit{count: config.Count, traces: chosen.traces, end: p.finish}
		}
		counted := newCounted(exporter, end, log.With("exporter", name))
		p.lanes = append(p.lanes, newLane(chosen, batching, counted, disk))
	}
	return p, nil
}

// foundSpool says what an earlier agent left.
func foundSpool(s *spool.Spool, log *slog.Logger) {
	stats := s.Stats()
	if stats.Damaged > 0 {
		log.Warn("the spool is damaged", "places", stats.Damaged, "lost", stats.Corrupt)
	}
	if stats.Spans > 0 {
		log.Info("delivering what an earlier agent left in the spool", "spans", stats.Spans)
	}
}

// describe finds out what w is able to show.
func describe(w io.Writer) output {
	if w == nil {
		w = os.Stdout
	}
	return output{w: &locked{w: w}, screen: waterfall.Detect(w, os.Getenv)}
}

// locked lets several exporters write to one output, a write at a time.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// Span redacts a finished span and hands it to every exporter. It never blocks and may be called from any goroutine.
func (p *Pipeline) Span(span sdktrace.ReadOnlySpan) {
	span = p.redaction.Span(span)
	for _, lane := range p.lanes {
		lane.span(span)
	}
}

// Done is closed when printing further spans makes no sense: Config.Count is reached, or the output is gone.
func (p *Pipeline) Done() <-chan struct{} { return p.done }

func (p *Pipeline) finish() { p.end.Do(func() { close(p.done) }) }

// Shutdown exports what is queued and closes the exporters. When ctx ends first, what is left is counted as lost and
// the exports under way are cancelled. Spans that come later are counted as lost. Further calls do nothing.
func (p *Pipeline) Shutdown(ctx context.Context) error {
	errs := make([]error, len(p.lanes))
	var closing sync.WaitGroup
	for i, lane := range p.lanes {
		closing.Go(func() { errs[i] = lane.shutdown(ctx) })
	}
	closing.Wait()
	if p.lock != nil {
		p.unlock.Do(func() { errs = append(errs, p.lock.Release()) })
	}
	return errors.Join(errs...)
}

// Stats are the figures of each exporter, in the order in which they were chosen.
func (p *Pipeline) Stats() []Stats {
	all := make([]Stats, 0, len(p.lanes))
	for _, lane := range p.lanes {
		all = append(all, lane.stats())
	}
	return all
}
