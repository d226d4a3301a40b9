package export

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/spool"
)

const (
	// fullEpisode without a drop separates one time that the queue is full from the next, for the log.
	fullEpisode = 30 * time.Second
	// cancelGrace is how long cancelled exports get to notice.
	cancelGrace = 250 * time.Millisecond
)

// intake is what stands between the callers of Span and an exporter.
type intake interface {
	// put takes a span, or says why not. It never waits for the exporter.
	put(sdktrace.ReadOnlySpan) verdict
	// shutdown exports what there is until ctx ends, and closes the exporter.
	shutdown(ctx context.Context) error
	// held is how many spans wait in memory or are being exported, of capacity; the caller holds counted.fates.
	held() uint64
	capacity() int
	// early counts the traces that were handed on before their time.
	early() uint64
}

// lane is one exporter with what stands before it, and the counters that tell what became of each span.
type lane struct {
	name    string
	intake  intake
	counted *counted
	spool   *spool.Spool // nil: none
	closed  atomic.Bool
	shut    atomic.Bool

	offered  atomic.Uint64
	full     atomic.Uint64
	lastFull atomic.Int64 // when it was full, in nanoseconds
	late     atomic.Uint64
}

func newLane(chosen kind, b batching, c *counted, s *spool.Spool) *lane {
	return &lane{name: chosen.name, counted: c, spool: s, intake: chosen.queue(b, c, s)}
}

// span queues one span or counts why not.
func (l *lane) span(span sdktrace.ReadOnlySpan) {
	l.offered.Add(1)
	switch l.intake.put(span) {
	case full:
		l.drop()
	case tooLate:
		l.late.Add(1)
	}
}

// drop counts a span that found the queue full, and says so once for each time that this happens.
func (l *lane) drop() {
	l.full.Add(1)
	now := time.Now().UnixNano()
	if before := l.lastFull.Swap(now); now-before > int64(fullEpisode) {
		l.counted.log.Warn("losing spans: the exporter is slower than the spans come", "queue", l.intake.capacity())
	}
}

// shutdown drains the queue until ctx ends, then cancels what is still under way, and says what is left.
func (l *lane) shutdown(ctx context.Context) error {
	if l.closed.Swap(true) {
		return nil
	}
	stop := context.AfterFunc(ctx, l.counted.cancel)
	defer stop()
	err := l.intake.shutdown(ctx)
	if err != nil {
		select { // it may have given up waiting, yet cancelled exports end soon
		case <-l.counted.closed:
		case <-time.After(cancelGrace):
		}
	}
	l.counted.cancel()
	l.shut.Store(true)
	stats := l.stats()
	if lost := stats.Lost[Shutdown]; lost > 0 {
		l.counted.log.Warn("spans were not delivered before the end", "lost", lost)
		err = errors.Join(err, ctx.Err())
	}
	if stats.Spooled > 0 {
		l.counted.log.Info("spans wait in the spool for the next start", "spans", stats.Spooled)
	}
	if err != nil {
		return fmt.Errorf("shutting down exporter %s: %w", l.name, err)
	}
	return nil
}

// stats is exact whenever no call of span or shutdown is under way.
func (l *lane) stats() Stats {
	l.counted.fates.Lock()
	defer l.counted.fates.Unlock()
	s := Stats{
		Exporter: l.name,
		Offered:  l.offered.Load(),
		Exported: l.counted.exported.Load(),
		Skipped:  l.counted.skipped.Load(),
		Early:    l.intake.early(),
		Lost:     l.counted.lost(),
	}
	lose := func(n uint64, reason string) {
		if n > 0 {
			s.Lost[reason] += n
		}
	}
	if l.spool != nil {
		kept := l.spool.Stats()
		s.Spooling, s.Spooled, s.SpooledBytes, s.Found = true, kept.Spans, uint64(kept.Bytes), kept.Found
		lose(kept.Full, SpoolFull)
		lose(kept.Corrupt, SpoolCorrupt)
	}
	if l.shut.Load() {
		lose(l.intake.held(), Shutdown) // nobody is left to export these
	} else {
		s.Queued = l.intake.held()
	}
	lose(l.full.Load(), QueueFull)
	lose(l.late.Load(), Shutdown)
	return s
}
