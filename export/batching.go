package export

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"
)

// batching says how spans are put together and how often a batch is tried.
type batching struct {
	queueSpans, queueBytes int // that wait or are on their way
	batchSpans, batchBytes int // of one batch; bytes as sizeOf counts them
	delay                  time.Duration
	timeout                time.Duration // of an export, without a spool with all its attempts; 0: none

	firstPause, maxPause time.Duration // between attempts
	patience             time.Duration // until a batch is given up, if there is no spool
	spoolDelay           time.Duration // until spans that wait go to the spool during an outage
}

// An agent has the spans of many programs to send. What the specification sets for one (2048 and 512) loses spans at the
// rates of a busy proxy. Four MiB in memory are less than two when encoded, and collectors take four.
func defaultBatching() batching {
	return batching{
		queueSpans: 8192, queueBytes: 32 << 20,
		batchSpans: 2048, batchBytes: 4 << 20,
		delay: 5 * time.Second, timeout: 30 * time.Second,
		firstPause: 500 * time.Millisecond, maxPause: 5 * time.Second, patience: 30 * time.Second,
		spoolDelay: time.Second,
	}
}

// fromEnvironment is the batching as the OTEL_BSP_* variables change it.
func (b batching) fromEnvironment() (batching, error) {
	milliseconds := func(to *time.Duration) func(int) { return func(n int) { *to = time.Duration(n) * time.Millisecond } }
	for name, set := range map[string]func(int){
		"OTEL_BSP_SCHEDULE_DELAY":        milliseconds(&b.delay),
		"OTEL_BSP_EXPORT_TIMEOUT":        milliseconds(&b.timeout),
		"OTEL_BSP_MAX_QUEUE_SIZE":        func(n int) { b.queueSpans = max(n, 1) },
		"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": func(n int) { b.batchSpans = max(n, 1) },
	} {
		value := strings.TrimSpace(os.Getenv(name))
		if value == "" {
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return b, fmt.Errorf("reading %s: %q is not a number from 0 on", name, value)
		}
		set(n)
	}
	b.batchSpans = min(b.batchSpans, b.queueSpans)
	b.spoolDelay = min(b.spoolDelay, b.delay)
	return b, nil
}

// promptly is for a person who waits for the spans.
func (b batching) promptly() batching {
	b.queueSpans, b.batchSpans, b.delay, b.timeout = 16384, 512, 100*time.Millisecond, 0
	return b
}

// backoff makes the pauses between the attempts to deliver one batch.
type backoff struct{ next, most time.Duration }

// pause is the next one: twice the one before, half as long to half as long again by chance, so that agents which lost
// the same receiver do not come back at the same instant; and at least what the receiver asked for.
func (b *backoff) pause(asked time.Duration) time.Duration {
	base := b.next
	b.next = min(2*b.next, b.most)
	return max(base/2+rand.N(base+1), asked)
}
