package export

import (
	"context"
	"errors"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/internal/otlpwire"
	"github.com/throughline/throughline/export/spool"
)

// delivery brings the spans of a queue to an exporter, a batch after the other. A batch that may be sent again is, after
// a pause. Without a spool the others wait in the queue meanwhile, and the batch is given up after a while. With one,
// the batch and those behind it go to the spool, and come from there until it is empty.
type delivery struct {
	batching
	queue   *queue
	counted *counted
	spool   *spool.Spool // nil: none

	closing chan struct{} // closed when nobody may be waited for but the exporter
	stopped chan struct{} // closed when nothing is sent any more
	kept    chan struct{} // closed when nothing is spooled any more

	// Under counted.fates, which orders who takes from the queue.
	backlog bool   // what comes goes to the spool, since there is something in it
	busy    bool   // a batch from the queue is on its way
	away    int    // spans from the spool that are
	memory  []byte // for encoding
}

func newDelivery(b batching, c *counted, s *spool.Spool) *delivery {
	d := &delivery{
		batching: b, counted: c, spool: s, queue: newQueue(b.queueSpans, b.queueBytes, b.batchSpans),
		closing: make(chan struct{}), stopped: make(chan struct{}), kept: make(chan struct{}),
	}
	if s != nil {
		d.backlog = s.Stats().Spans > 0
		go d.keep()
	} else {
		close(d.kept)
	}
	go d.run()
	return d
}

// run sends until the delivery is closed and there is nothing left that can be sent.
func (d *delivery) run() {
	defer close(d.stopped)
	var batch []sdktrace.ReadOnlySpan
	pauses := d.pauses()
	for {
		var size int
		var backlog bool
		if batch, size, backlog = d.take(batch[:0]); backlog {
			if !d.fromSpool(&pauses) {
				return
			}
			continue
		}
		pauses = d.pauses()
		switch {
		case len(batch) > 0:
			d.direct(batch, size)
			clear(batch)
		case !d.await():
			return
		}
	}
}

func (d *delivery) pauses() backoff { return backoff{next: d.firstPause, most: d.maxPause} }

// take takes the batch that is due from the queue, unless older ones are in the spool.
func (d *delivery) take(into []sdktrace.ReadOnlySpan) (batch []sdktrace.ReadOnlySpan, size int, backlog bool) {
	d.counted.fates.Lock()
	defer d.counted.fates.Unlock()
	if d.backlog {
		if d.spool.Stats().Spans > 0 {
			return into, 0, true
		}
		d.backlog = false
	}
	due, n, since := d.queue.due()
	if !due && (n == 0 || time.Since(since) < d.delay) && !d.isClosing() {
		return into, 0, false
	}
	batch, size = d.queue.take(into, d.batchBytes)
	d.busy = len(batch) > 0
	return batch, size, false
}

// await waits until there may be a batch. It returns false if there will be none any more.
func (d *delivery) await() bool {
	var timer <-chan time.Time
	if _, n, since := d.queue.due(); n > 0 {
		timer = time.After(time.Until(since.Add(d.delay)))
	} else if d.isClosing() {
		return false
	}
	select {
	case <-timer:
	case <-d.queue.wake:
	case <-d.closing:
	}
	return true
}

func (d *delivery) isClosing() bool {
	select {
	case <-d.closing:
		return true
	default:
		return false
	}
}

// direct brings a batch from the queue to its fate.
func (d *delivery) direct(batch []sdktrace.ReadOnlySpan, size int) {
	wanted, last := d.counted.limit.admit(batch)
	var err error
	switch {
	case len(wanted) == 0:
	case d.spool == nil:
		err = d.patiently(wanted)
	default:
		err = d.once(wanted)
	}
	d.counted.fates.Lock()
	d.counted.skipped.Add(uint64(len(batch) - len(wanted)))
	switch {
	case len(wanted) == 0:
	case d.spool != nil && d.mayComeBack(err):
		d.counted.waits(err)
		d.backlog = true
		d.store(wanted, true) // before all that is there, which is younger
		poke(d.queue.alarm)
	default:
		d.counted.settle(len(wanted), err)
	}
	d.busy = false
	d.queue.arrived(len(batch), size)
	d.counted.fates.Unlock()
	if last {
		d.counted.limit.end()
	}
}

// once sends a batch.
func (d *delivery) once(batch []sdktrace.ReadOnlySpan) error {
	defer d.counted.watch()()
	ctx, cancel := d.limited()
	defer cancel()
	return d.counted.attempt(ctx, batch)
}

func (d *delivery) limited() (context.Context, context.CancelFunc) {
	if d.timeout <= 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), d.timeout)
}

// patiently sends a batch until it has arrived, or makes no sense to send again.
func (d *delivery) patiently(batch []sdktrace.ReadOnlySpan) error {
	defer d.counted.watch()()
	ctx, cancel := d.limited()
	defer cancel()
	pauses, began := d.pauses(), time.Now()
	for {
		err := d.counted.attempt(ctx, batch)
		var known retryable
		if err == nil || !errors.As(err, &known) {
			return err
		}
		asked, again := known.RetryAfter()
		pause := pauses.pause(asked)
		if !again || time.Since(began)+pause > d.patience || !sleep(pause, ctx.Done(), d.counted.stop.Done()) {
			return err
		}
	}
}

// sleep returns false if one of the others is over first; nil never is.
func sleep(pause time.Duration, one, other <-chan struct{}) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-one:
	case <-other:
	}
	return false
}

// mayComeBack is true for the error of a batch that is worth keeping: it may be sent again, or was abandoned.
func (d *delivery) mayComeBack(err error) bool {
	if err == nil {
		return false
	}
	if d.counted.stop.Err() != nil {
		return true
	}
	var known retryable
	if !errors.As(err, &known) {
		return false
	}
	_, again := known.RetryAfter()
	return again
}

// fromSpool sends the oldest batch of the spool, and pauses if that fails. It returns false if it makes no sense to go on.
func (d *delivery) fromSpool(pauses *backoff) bool {
	d.counted.fates.Lock()
	stored, ok := d.spool.Next()
	d.away = stored.Spans
	d.counted.fates.Unlock()
	if !ok {
		return true
	}
	batch, err := otlpwire.Read(stored.Data)
	readable := err == nil && len(batch) == stored.Spans
	if readable {
		err = d.once(batch)
	}
	d.counted.fates.Lock()
	defer d.counted.fates.Unlock()
	d.away = 0
	switch {
	case !readable:
		d.acknowledge(stored)
		d.counted.lose(stored.Spans, SpoolCorrupt)
	case !d.mayComeBack(err):
		d.acknowledge(stored)
		d.counted.settle(len(batch), err)
		*pauses = d.pauses()
	default:
		d.spool.Return(stored)
		d.counted.waits(err)
		return d.pause(pauses, err)
	}
	return true
}

// pause lets the time pass that has to be between an attempt that failed and the next one, without the lock that the
// caller holds. It returns false if there shall be none.
func (d *delivery) pause(pauses *backoff, err error) bool {
	d.counted.fates.Unlock()
	defer d.counted.fates.Lock()
	var asked time.Duration
	if known := retryable(nil); errors.As(err, &known) {
		asked, _ = known.RetryAfter()
	}
	return !d.isClosing() && sleep(pauses.pause(asked), d.closing, nil)
}

// acknowledge takes a batch out of the spool. If the disk refuses, the next process may deliver it again.
func (d *delivery) acknowledge(b spool.Batch) {
	if err := d.spool.Done(b); err != nil {
		d.counted.log.Warn("a batch that was delivered stays in the spool", "error", err)
	}
}

// keep brings what is in the queue to the spool while the exporter is not able to take it.
func (d *delivery) keep() {
	defer close(d.kept)
	ticker := time.NewTicker(max(d.spoolDelay, time.Millisecond))
	defer ticker.Stop()
	for {
		tick := ticker.C
		d.counted.fates.Lock()
		if !d.backlog {
			tick = nil // an alarm tells of the next
		}
		d.counted.fates.Unlock()
		ticked := false
		select {
		case <-tick:
			ticked = true
		case <-d.queue.alarm:
		case <-d.closing:
			return
		}
		for d.keepOne(ticked) {
		}
	}
}

// keepOne spools one batch if that is necessary: in a backlog what is due or has waited for a tick, and else when the queue
// overflows behind a batch that takes long.
func (d *delivery) keepOne(ticked bool) bool {
	d.counted.fates.Lock()
	defer d.counted.fates.Unlock()
	due, n, _ := d.queue.due()
	if n == 0 || !d.backlog && (!d.busy || !d.queue.isScarce()) || d.backlog && !due && !ticked {
		return false
	}
	d.spoolBatch()
	return true
}

// spoolBatch moves a batch from the queue to the end of the spool; the lock is held.
func (d *delivery) spoolBatch() {
	batch, size := d.queue.take(nil, d.batchBytes)
	d.backlog = true
	d.store(batch, false)
	d.queue.arrived(len(batch), size)
	poke(d.queue.wake)
}

// maxMemory bounds the memory for encoding that is kept, in bytes.
const maxMemory = 2 << 20

// store encodes a batch and puts it before or behind what is in the spool, in two halves if it is too large; the lock is held.
func (d *delivery) store(batch []sdktrace.ReadOnlySpan, before bool) {
	put := d.spool.Append
	if before {
		put = d.spool.Prepend
	}
	d.memory = otlpwire.Append(d.memory[:0], batch)
	err := put(d.memory, len(batch))
	if cap(d.memory) > maxMemory {
		d.memory = nil
	}
	if half := len(batch) / 2; errors.Is(err, spool.ErrBatchTooLarge) && half > 0 {
		first, second := batch[:half], batch[half:]
		if before {
			first, second = second, first
		}
		d.store(first, before)
		d.store(second, before)
		return
	}
	if err != nil {
		d.counted.lose(len(batch), SpoolFailed)
		d.counted.failed(len(batch), SpoolFailed, err)
	}
}

// shutdown sends what there is until ctx ends. With a spool, what is left then goes there.
func (d *delivery) shutdown(ctx context.Context) (err error) {
	d.queue.close()
	close(d.closing)
	<-d.kept
	select {
	case <-d.stopped:
	case <-ctx.Done():
		select { // cancelled exports end soon
		case <-d.stopped:
		case <-time.After(cancelGrace):
		}
	}
	if d.spool != nil {
		d.counted.fates.Lock()
		for _, n, _ := d.queue.due(); n > 0; _, n, _ = d.queue.due() {
			d.spoolBatch()
		}
		d.counted.fates.Unlock()
		err = d.spool.Close()
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelGrace) // a connection is closed in any case
	defer cancel()
	return errors.Join(err, d.counted.Shutdown(closing))
}

func (d *delivery) put(span sdktrace.ReadOnlySpan) verdict { return d.queue.put(span) }

// held is how many spans wait in memory or are on their way; the lock is held.
func (d *delivery) held() uint64 { return uint64(d.queue.held() + d.away) }

func (d *delivery) capacity() int { return d.queueSpans }

func (*delivery) early() uint64 { return 0 }
