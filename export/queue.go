package export

import (
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// verdict is what became of a span that was put into a queue.
type verdict uint8

const (
	taken verdict = iota
	full
	tooLate
)

// queue holds the spans that wait for one exporter, and counts those that are on their way, which take memory as well.
// Putting never waits for anything but the lock, which is held for moments.
type queue struct {
	maxSpans, maxBytes int
	batch              int // spans that are worth waking somebody
	// wake has a token when there is something to look at: the first span, a batch, or little room. alarm has it, too, for
	// who makes room.
	wake, alarm chan struct{}

	mu     sync.Mutex
	ring   []waiting // grows up to maxSpans
	first  int
	n      int
	bytes  int       // of the waiting
	since  time.Time // when the first of the waiting came, if n > 0
	away   int       // spans on their way
	weight int       // their bytes
	closed bool
	warned bool // that room is scarce
}

type waiting struct {
	span sdktrace.ReadOnlySpan
	size int
}

func newQueue(maxSpans, maxBytes, batch int) *queue {
	return &queue{maxSpans: maxSpans, maxBytes: maxBytes, batch: batch,
		wake: make(chan struct{}, 1), alarm: make(chan struct{}, 1)}
}

// What a span takes of the agent's memory, in bytes, about: what it has anyhow, and an attribute without its text.
const (
	spanBytes      = 512
	attributeBytes = 72
)

// sizeOf is about what a span takes of memory, and more than what it takes when it is encoded.
func sizeOf(span sdktrace.ReadOnlySpan) int {
	size := spanBytes + len(span.Name()) + len(span.Status().Description)
	attributes := span.Attributes()
	for i := range attributes {
		size += attributeBytes + len(attributes[i].Key)
		switch value := &attributes[i].Value; value.Type() {
		case attribute.STRING:
			size += len(value.AsString())
		case attribute.BOOL, attribute.INT64, attribute.FLOAT64:
		default: // lists, which are rare
			size += len(value.Emit())
		}
	}
	return size
}

// put takes a span that has room.
func (q *queue) put(span sdktrace.ReadOnlySpan) verdict {
	size := sizeOf(span)
	q.mu.Lock()
	switch {
	case q.closed:
		q.mu.Unlock()
		return tooLate
	case q.n+q.away >= q.maxSpans || q.bytes+q.weight+size > q.maxBytes:
		q.mu.Unlock()
		return full
	}
	if q.n == len(q.ring) {
		q.grow()
	}
	at := q.first + q.n
	if at >= len(q.ring) {
		at -= len(q.ring)
	}
	q.ring[at] = waiting{span, size}
	q.n++
	q.bytes += size
	wake := q.n == 1 || q.n == q.batch || !q.warned && q.scarce()
	if q.n == 1 {
		q.since = time.Now()
	}
	if wake {
		q.warned = q.scarce()
	}
	q.mu.Unlock()
	if wake {
		poke(q.wake)
		poke(q.alarm)
	}
	return taken
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (q *queue) grow() {
	larger := make([]waiting, min(max(2*len(q.ring), 64), q.maxSpans))
	n := copy(larger, q.ring[q.first:])
	copy(larger[n:], q.ring[:q.first])
	q.ring, q.first = larger, 0
}

// take moves up to a batch from the queue to its way, at most maxBytes unless one span has more. It appends to into.
func (q *queue) take(into []sdktrace.ReadOnlySpan, maxBytes int) (batch []sdktrace.ReadOnlySpan, size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.n > 0 && len(into) < q.batch {
		w := &q.ring[q.first]
		if size > 0 && size+w.size > maxBytes {
			break
		}
		into = append(into, w.span)
		size += w.size
		*w = waiting{}
		if q.first++; q.first == len(q.ring) {
			q.first = 0
		}
		q.n--
	}
	q.bytes -= size
	q.away += len(into)
	q.weight += size
	q.warned = false
	if q.n > 0 {
		q.since = time.Now() // as good as exact: what is left is a part of what comes next
	}
	return into, size
}

// arrived says that spans which were on their way have met their fate.
func (q *queue) arrived(spans, size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.away -= spans
	q.weight -= size
}

// scarce is true when there is room for few more.
func (q *queue) scarce() bool {
	return q.n+q.away >= q.maxSpans-q.maxSpans/4 || q.bytes+q.weight >= q.maxBytes-q.maxBytes/4
}

func (q *queue) isScarce() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.scarce()
}

// due is true when there is a batch, or room is scarce; since is when the first of those that wait came, if n > 0.
func (q *queue) due() (due bool, n int, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n > 0 && (q.n >= q.batch || q.scarce()), q.n, q.since
}

// held is how many spans wait or are on their way.
func (q *queue) held() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n + q.away
}

// close lets nothing more in.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}
