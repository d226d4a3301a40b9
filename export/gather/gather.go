// Package gather puts the spans of each trace together, so that a trace can be shown as one, and decides when it looks
// complete enough to be shown.
package gather

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// tick is how often waiting traces are looked at; it adds to the time that a trace waits.
const tick = 25 * time.Millisecond

// rememberedTraces is how many traces are known as handed on, to tell their late spans.
const rememberedTraces = 4096

// Config says how long a trace is waited for and how much may wait.
type Config struct {
	// Quiet is how long after its last span a trace with its root is taken to be complete.
	Quiet time.Duration
	// Patience is how long after its last span a trace without a root is handed on. Its root may be in a process
	// that is not traced.
	Patience time.Duration
	// Traces, Spans and SpansPerTrace bound what waits. What is in the way is handed on early: the trace that has
	// got too many spans, or else the oldest.
	Traces, Spans, SpansPerTrace int
}

// Default is made for a person at a terminal, who looks for the first span within 1.5 s of the request.
func Default() Config {
	return Config{
		Quiet:    300 * time.Millisecond,
		Patience: time.Second,
		Traces:   4096, Spans: 8192, SpansPerTrace: 1000,
	}
}

// Validate says what is wrong with the configuration, if anything is.
func (c Config) Validate() error {
	if c.Quiet < 0 || c.Patience < c.Quiet {
		return fmt.Errorf("gathering traces: patience %s is shorter than quiet %s", c.Patience, c.Quiet)
	}
	if c.Traces < 1 || c.SpansPerTrace < 1 || c.Spans < c.SpansPerTrace {
		return fmt.Errorf("gathering traces: bounds of %d traces, %d spans, %d spans in a trace do not fit together",
			c.Traces, c.Spans, c.SpansPerTrace)
	}
	return nil
}

// Stats are a gatherer's figures.
type Stats struct {
	// Groups counts what was handed on: traces, and late spans of traces that had been.
	Groups uint64
	// Late counts the groups of spans that came after their trace had been handed on.
	Late uint64
	// Early counts the groups that were handed on before their time, for want of room.
	Early uint64
}

// Gatherer is a span processor that gives its exporter one trace at a time. It bounds what waits for completion; the
// caller of OnEnd bounds what waits for a slow exporter.
type Gatherer struct {
	config Config
	next   sdktrace.SpanExporter

	mu      sync.Mutex
	waiting map[trace.TraceID]*group
	order   []*group // the waiting groups, and groups gone meanwhile, oldest first
	spans   int      // in waiting
	ready   []*group
	recent  *recent
	stats   Stats
	closed  bool

	wake    chan struct{}
	stopped chan struct{}
	export  context.Context // of exports; ends with the patience of Shutdown
	cancel  context.CancelFunc
	close   sync.Once
}

var _ sdktrace.SpanProcessor = (*Gatherer)(nil)

// New starts a gatherer in front of next. The configuration must be valid.
func New(config Config, next sdktrace.SpanExporter) *Gatherer {
	ctx, cancel := context.WithCancel(context.Background())
	g := &Gatherer{
		config: config, next: next,
		waiting: map[trace.TraceID]*group{}, recent: newRecent(rememberedTraces),
		wake: make(chan struct{}, 1), stopped: make(chan struct{}),
		export: ctx, cancel: cancel,
	}
	go g.run()
	return g
}

// OnStart does nothing.
func (*Gatherer) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd adds a span to its trace. It never waits for the exporter.
func (g *Gatherer) OnEnd(span sdktrace.ReadOnlySpan) {
	id := span.SpanContext().TraceID()
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	mine := g.waiting[id]
	first := mine == nil
	if first {
		mine = &group{id: id, late: g.recent.has(id)}
		g.waiting[id] = mine
		g.order = append(g.order, mine)
	}
	mine.add(span, now)
	g.spans++
	g.makeRoom(mine)
	if (first && len(g.waiting) == 1) || len(g.ready) > 0 {
		g.signal()
	}
}

// makeRoom hands on what is in the way of the bounds. The newest group is the last to go.
func (g *Gatherer) makeRoom(newest *group) {
	if len(newest.spans) >= g.config.SpansPerTrace {
		g.stats.Early++
		g.release(newest)
	}
	for len(g.waiting) > g.config.Traces || g.spans > g.config.Spans {
		g.stats.Early++
		g.release(g.oldest())
	}
}

// oldest is the waiting group whose first span came first.
func (g *Gatherer) oldest() *group {
	for g.order[0].released {
		g.order = g.order[1:]
	}
	return g.order[0]
}

// release moves a waiting group to those ready for the exporter.
func (g *Gatherer) release(group *group) {
	group.released = true
	delete(g.waiting, group.id)
	g.spans -= len(group.spans)
	g.ready = append(g.ready, group)
	g.recent.add(group.id)
	g.stats.Groups++
	if group.late {
		g.stats.Late++
	}
}

// signal wakes the exporting goroutine.
func (g *Gatherer) signal() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// run hands groups on until the gatherer is closed and empty.
func (g *Gatherer) run() {
	defer close(g.stopped)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for {
		ready, more := g.due(time.Now())
		for _, group := range ready {
			// The exporter keeps count of its failures; the gatherer has nobody to tell.
			_ = g.next.ExportSpans(g.export, group.spans)
		}
		if len(ready) > 0 {
			continue
		}
		switch more {
		case finished:
			return
		case idle:
			<-g.wake
		case waiting:
			timer.Reset(tick)
			select {
			case <-timer.C:
			case <-g.wake:
			}
		}
	}
}

// step is what run does when nothing is ready.
type step int

const (
	idle step = iota
	waiting
	finished
)

// due takes the groups that are to be handed on now, those that began first first.
func (g *Gatherer) due(now time.Time) ([]*group, step) {
	g.mu.Lock()
	defer g.mu.Unlock()
	kept := g.order[:0]
	for _, group := range g.order {
		switch {
		case group.released:
		case g.closed || now.Sub(group.last) >= g.patience(group):
			g.release(group)
		default:
			kept = append(kept, group)
		}
	}
	clear(g.order[len(kept):])
	g.order = kept
	ready := g.ready
	g.ready = nil
	slices.SortStableFunc(ready, func(a, b *group) int { return a.start.Compare(b.start) })
	switch {
	case len(g.waiting) > 0:
		return ready, waiting
	case g.closed:
		return ready, finished
	default:
		return ready, idle
	}
}

// patience is how long after its last span a group waits for more.
func (g *Gatherer) patience(group *group) time.Duration {
	if group.root || group.late {
		return g.config.Quiet
	}
	return g.config.Patience
}

// Stats are the figures at this moment.
func (g *Gatherer) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stats
}

// ForceFlush does nothing: a trace is handed on when it is complete.
func (*Gatherer) ForceFlush(context.Context) error { return nil }

// Shutdown hands on what waits, then shuts the exporter down. When ctx ends first it returns at once, and an exporter
// that does not heed its context is left behind.
func (g *Gatherer) Shutdown(ctx context.Context) error {
	var err error
	g.close.Do(func() {
		stop := context.AfterFunc(ctx, g.cancel)
		defer stop()
		g.mu.Lock()
		g.closed = true
		g.mu.Unlock()
		g.signal()
		select {
		case <-g.stopped:
			err = g.next.Shutdown(ctx)
		case <-ctx.Done():
			err = ctx.Err()
		}
		g.cancel()
	})
	return err
}
