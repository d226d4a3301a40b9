package export

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// slowAfter is when an export takes long enough to say so.
const slowAfter = 3 * time.Second

// loss is the error of an exporter that knows more about a failure than that it happened.
type loss interface {
	error
	// Reason is one of few words for telemetry, in lower case with underscores.
	Reason() string
	// Lost is how many of the batch's spans were lost.
	Lost(batch int) int
}

// retryable is the error of an exporter that can tell whether it makes sense to send the batch again.
type retryable interface {
	error
	// RetryAfter is ok if the protocol allows to send the same batch again, with the pause that the receiver asked for, or 0.
	RetryAfter() (pause time.Duration, ok bool)
}

// counted stands in front of an exporter and counts what becomes of the spans it is given.
type counted struct {
	next    sdktrace.SpanExporter
	limit   *limit
	log     *slog.Logger
	stop    context.Context // ends when exports are to be abandoned
	cancel  context.CancelFunc
	closed  chan struct{} // closed when the exporter is shut down
	closing sync.Once

	// fates is held while spans change hands, so that who holds it finds each of them counted once.
	fates    sync.Mutex
	exported atomic.Uint64
	skipped  atomic.Uint64

	mu      sync.Mutex
	reasons map[string]uint64
	failing bool   // the last export lost spans
	stalled bool   // an export takes or took long, and none succeeded since
	missed  uint64 // lost since failing
}

func newCounted(next sdktrace.SpanExporter, limit *limit, log *slog.Logger) *counted {
	stop, cancel := context.WithCancel(context.Background())
	return &counted{
		next: next, limit: limit, log: log, stop: stop, cancel: cancel,
		closed: make(chan struct{}), reasons: map[string]uint64{},
	}
}

// deliver passes the batch on, once, and gives each of its spans one fate; arrived is called in the same instant.
func (c *counted) deliver(ctx context.Context, spans []sdktrace.ReadOnlySpan, arrived func()) {
	wanted, last := c.limit.admit(spans)
	var err error
	if len(wanted) > 0 {
		defer c.watch()()
		err = c.attempt(ctx, wanted)
	}
	c.fates.Lock()
	c.skipped.Add(uint64(len(spans) - len(wanted)))
	if len(wanted) > 0 {
		c.settle(len(wanted), err)
	}
	arrived()
	c.fates.Unlock()
	if last {
		c.limit.end()
	}
}

// attempt passes spans on until they are exported, refused or abandoned.
func (c *counted) attempt(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := c.stop.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.stop, cancel)()
	return c.next.ExportSpans(ctx, spans)
}

// settle books the result of exporting n spans.
func (c *counted) settle(n int, err error) {
	if err == nil {
		c.exported.Add(uint64(n))
		c.recovered()
		return
	}
	lost, reason := n, ExportFailed
	var known loss
	switch {
	case c.stop.Err() != nil:
		reason = Shutdown
	case errors.As(err, &known):
		lost, reason = min(max(known.Lost(n), 0), n), known.Reason()
	}
	c.exported.Add(uint64(n - lost))
	c.lose(lost, reason)
	if reason != Shutdown { // which is told at the end, once for all
		c.failed(lost, reason, err)
	}
	c.limit.broken()
}

func (c *counted) lose(n int, reason string) {
	if n == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reasons[reason] += uint64(n)
}

// watch begins to look whether an export takes long, with all its attempts, until the function is called that it returns.
func (c *counted) watch() (end func()) {
	timer := time.AfterFunc(slowAfter, c.slow)
	return func() { timer.Stop() }
}

// slow tells that spans pile up, before any is lost.
func (c *counted) slow() {
	c.mu.Lock()
	first := !c.failing && !c.stalled
	c.stalled = true
	c.mu.Unlock()
	if first {
		c.log.Warn("exporting spans takes long: the receiver may be down; spans wait in the queue")
	}
}

// failed logs the first failure after a success.
func (c *counted) failed(lost int, reason string, err error) {
	c.mu.Lock()
	first := !c.failing
	c.failing = true
	c.missed += uint64(lost)
	c.mu.Unlock()
	if first {
		c.log.Warn("losing spans: exporting them does not work", "reason", reason, "error", err)
	}
}

// waits logs the first time after a success that spans have to wait for their receiver on disk.
func (c *counted) waits(err error) {
	c.mu.Lock()
	first := !c.failing
	c.failing = true
	c.mu.Unlock()
	if first {
		c.log.Warn("exporting spans does not work: they go to the spool until it does", "error", err)
	}
}

// recovered logs the first success after a failure.
func (c *counted) recovered() {
	c.mu.Lock()
	was, missed := c.failing || c.stalled, c.missed
	c.failing, c.stalled, c.missed = false, false, 0
	c.mu.Unlock()
	if was {
		c.log.Info("exporting spans works again", "lost", missed)
	}
}

// lost is a copy of the losses by reason.
func (c *counted) lost() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.reasons)
}

// Shutdown closes the exporter.
func (c *counted) Shutdown(ctx context.Context) error {
	defer c.closing.Do(func() { close(c.closed) })
	return c.next.Shutdown(ctx)
}
