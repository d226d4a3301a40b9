package export

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	// fullEpisode without a drop separates one time that the queue is full from the next, for the log.
	fullEpisode = 30 * time.Second
	// cancelGrace is how long cancelled exports get to notice.
	cancelGrace = 250 * time.Millisecond
)

// queue is what stands between the callers of Span and an exporter.
type queue struct {
	sdktrace.SpanProcessor
	// limit is how many spans it holds without dropping any, those being exported included.
	limit int
	// sampledOnly queues drop spans that are not sampled, silently. Which spans are exported was decided before.
	sampledOnly bool
	// early counts what a queue that gathers traces handed on before its time; nil if it does not gather.
	early func() uint64
}

// lane is one exporter with its queue, and the counters that tell what became of each span.
//
// The SDK's batch processor does not tell how many spans it drops. So the lane counts the spans that are inside and
// offers it no more than it has room for: then it never drops any.
type lane struct {
	name    string
	queue   queue
	counted *counted
	closed  atomic.Bool
	shut    atomic.Bool

	offered  atomic.Uint64
	full     atomic.Uint64
	lastFull atomic.Int64 // when it was full, in nanoseconds
	late     atomic.Uint64
}

func newLane(chosen kind, counted *counted) *lane {
	return &lane{name: chosen.name, counted: counted, queue: chosen.queue(counted)}
}

// span queues one span or counts why not.
func (l *lane) span(span sdktrace.ReadOnlySpan) {
	l.offered.Add(1)
	if l.closed.Load() {
		l.late.Add(1)
		return
	}
	if l.queue.sampledOnly && !span.SpanContext().IsSampled() {
		span = unsampled{span}
	}
	if l.counted.pending.Add(1) > int64(l.queue.limit) {
		l.counted.pending.Add(-1)
		l.drop()
		return
	}
	l.queue.OnEnd(span)
}

// drop counts a span that found the queue full, and says so once for each time that this happens.
func (l *lane) drop() {
	l.full.Add(1)
	now := time.Now().UnixNano()
	if before := l.lastFull.Swap(now); now-before > int64(fullEpisode) {
		l.counted.log.Warn("losing spans: the exporter is slower than the spans come", "queue", l.queue.limit)
	}
}

// shutdown drains the queue until ctx ends, then cancels what is still under way.
func (l *lane) shutdown(ctx context.Context) error {
	if l.closed.Swap(true) {
		return nil
	}
	stop := context.AfterFunc(ctx, l.counted.cancel)
	defer stop()
	err := l.queue.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("shutting down exporter %s: %w", l.name, err)
		select { // the queue may have given up waiting, yet cancelled exports end soon
		case <-l.counted.closed:
		case <-time.After(cancelGrace):
		}
	}
	l.counted.cancel()
	l.shut.Store(true)
	return err
}

// stats is a consistent enough snapshot while spans flow, and an exact one when none do.
func (l *lane) stats() Stats {
	s := Stats{
		Exporter: l.name,
		Exported: l.counted.exported.Load(),
		Skipped:  l.counted.skipped.Load(),
		Lost:     l.counted.lost(),
	}
	if l.queue.early != nil {
		s.Early = l.queue.early()
	}
	queued := uint64(max(l.counted.pending.Load(), 0))
	late := l.late.Load()
	if l.shut.Load() {
		late += queued // nobody is left to export these
	} else {
		s.Queued = queued
	}
	if n := l.full.Load(); n > 0 {
		s.Lost[QueueFull] += n
	}
	if late > 0 {
		s.Lost[Shutdown] += late
	}
	s.Offered = l.offered.Load()
	return s
}

// unsampled carries a span through a queue that takes sampled ones only.
type unsampled struct{ sdktrace.ReadOnlySpan }

// SpanContext is the span's own but for the flag.
func (u unsampled) SpanContext() trace.SpanContext {
	context := u.ReadOnlySpan.SpanContext()
	return context.WithTraceFlags(context.TraceFlags().WithSampled(true))
}
