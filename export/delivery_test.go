package export

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"

	"github.com/throughline/throughline/export/internal/fakecollector"
	"github.com/throughline/throughline/export/internal/otlpwire"
	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/export/spool"
)

// quick is the default batching with pauses that a test can wait for.
func quick() batching {
	b := defaultBatching()
	b.delay, b.spoolDelay, b.firstPause, b.maxPause = 20*time.Millisecond, 10*time.Millisecond, 10*time.Millisecond, 50*time.Millisecond
	return b
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// numbered is the n-th span of all, of one resource: a batch has its spans in the order of their resources on the wire.
func numbered(n int) sdktrace.ReadOnlySpan {
	span := sampletrace.Checkout()[0]
	span.Trace, span.ID = n, 1
	return span.Snapshot()
}

func number(traceID []byte) int { return int(binary.BigEndian.Uint64(traceID[8:])) }

// arrived are the numbers of the spans that a collector got, in order of arrival.
func arrived(c *fakecollector.Collector) (all []int) {
	for _, span := range c.Spans() {
		all = append(all, number(span.GetTraceId()))
	}
	return all
}

// eventually waits for something that takes a while.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 10 s not: %s", what)
		}
	}
}

func serve(t *testing.T, protocol string, c *fakecollector.Collector, address string) {
	t.Helper()
	if protocol == "grpc" {
		fakecollector.GRPC(t, c, address, nil)
	} else {
		fakecollector.HTTP(t, c, address).Start()
	}
}

func overBoth(t *testing.T, test func(t *testing.T, protocol string)) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) { test(t, protocol) })
	}
}

// A collector that is down when the batch is sent first gets it when it comes.
func TestCollectorThatComesUp(t *testing.T) {
	overBoth(t, func(t *testing.T, protocol string) {
		c, address := &fakecollector.Collector{}, freeAddress(t)
		environment(t, "OTEL_EXPORTER_OTLP_PROTOCOL", protocol, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address)
		p := start(t, Default(), Settings{batching: quick()})
		feed(p, 1, 100)
		time.Sleep(100 * time.Millisecond)
		serve(t, protocol, c, address)
		eventually(t, "delivered", func() bool { return p.Stats()[0].Exported == 100 })
		if err := stop(t, p, time.Second); err != nil || len(c.Spans()) != 100 {
			t.Errorf("%d spans arrived, error %v", len(c.Spans()), err)
		}
	})
}

func TestRetryAfterIsWaitedFor(t *testing.T) {
	overBoth(t, func(t *testing.T, protocol string) {
		c, address := &fakecollector.Collector{}, freeAddress(t)
		c.Next(fakecollector.Answer{Code: codes.Unavailable, HTTP: 503, RetryAfter: time.Second})
		serve(t, protocol, c, address)
		environment(t, "OTEL_EXPORTER_OTLP_PROTOCOL", protocol, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address)
		p := start(t, Default(), Settings{batching: quick()})
		began := time.Now()
		feed(p, 1, 10)
		eventually(t, "delivered", func() bool { return len(c.Spans()) == 10 })
		if took := time.Since(began); took < time.Second || c.Calls() != 2 {
			t.Errorf("%d calls in %v", c.Calls(), took)
		}
		if err := stop(t, p, time.Second); err != nil {
			t.Error(err)
		}
		balanced(t, p)
	})
}

func TestGivesUp(t *testing.T) {
	environment(t, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+freeAddress(t))
	b := quick()
	b.patience = 300 * time.Millisecond
	p := start(t, Default(), Settings{batching: b})
	feed(p, 1, 10)
	eventually(t, "given up", func() bool { return p.Stats()[0].Lost["export_unavailable"] == 10 })
	if err := stop(t, p, time.Second); err != nil {
		t.Error(err)
	}
}

// faulty is an exporter that does what it is told.
type faulty struct {
	export func(context.Context, []sdktrace.ReadOnlySpan) error

	mu      sync.Mutex
	numbers []int
	delays  []time.Duration // between a span's end and its arrival
}

func (f *faulty) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if f.export != nil {
		if err := f.export(ctx, spans); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, span := range spans {
		id := span.SpanContext().TraceID()
		f.numbers = append(f.numbers, number(id[:]))
		f.delays = append(f.delays, time.Since(span.EndTime()))
	}
	return nil
}

func (*faulty) Shutdown(context.Context) error { return nil }

func (f *faulty) got() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.numbers)
}

// away is the error of a receiver that may come back.
type away struct{}

func (away) Error() string                     { return "nobody is there" }
func (away) Reason() string                    { return "export_unavailable" }
func (away) Lost(batch int) int                { return batch }
func (away) RetryAfter() (time.Duration, bool) { return 0, true }

// diskBytes bounds the spools of these tests.
const diskBytes = 4 << 20

// pipelineTo is a pipeline to exporters of a test's own, each as one to the network.
func pipelineTo(t *testing.T, dir string, b batching, exporters ...sdktrace.SpanExporter) *Pipeline {
	t.Helper()
	environment(t)
	p := start(t, Config{Exporters: []string{None}, Spool: Spool{Dir: dir, MaxBytes: spool.MinBytes}}, Settings{})
	for i, exporter := range exporters {
		var disk *spool.Spool
		if dir != "" {
			var err error
			if disk, err = spool.Open(filepath.Join(dir, fmt.Sprint(i)), diskBytes); err != nil {
				t.Fatal(err)
			}
		}
		chosen := kind{name: fmt.Sprint(i), queue: batched}
		p.lanes = append(p.lanes, newLane(chosen, b, newCounted(exporter, nil, slog.New(slog.DiscardHandler)), disk))
	}
	return p
}

func sequence(from, to int) (all []int) {
	for n := from; n < to; n++ {
		all = append(all, n)
	}
	return all
}

// Spans wait on disk while the receiver is away, over restarts of the agent, and come in order, each once.
func TestSpoolOverRestarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	b := quick()
	b.batchSpans = 50
	down := func(context.Context, []sdktrace.ReadOnlySpan) error { return away{} }
	n := 0
	for range 3 {
		p := pipelineTo(t, dir, b, &faulty{export: down})
		for range 300 {
			p.Span(numbered(n))
			n++
			if n%100 == 0 {
				time.Sleep(20 * time.Millisecond)
			}
		}
		if err := stop(t, p, time.Second); err != nil {
			t.Error(err)
		}
		if s := balanced(t, p); s.Spooled != uint64(n) || len(s.Lost) > 0 {
			t.Errorf("%+v", s)
		}
	}
	up := &faulty{}
	p := pipelineTo(t, dir, b, up)
	for range 100 {
		p.Span(numbered(n))
		n++
	}
	eventually(t, "delivered", func() bool { return len(up.got()) >= n })
	for range 100 { // the backlog is gone
		p.Span(numbered(n))
		n++
	}
	if err := stop(t, p, time.Second); err != nil {
		t.Error(err)
	}
	if s := balanced(t, p); !slices.Equal(up.got(), sequence(0, n)) || s.Spooled+s.Queued != 0 || s.Exported != uint64(n) || s.Found != 900 {
		t.Errorf("arrived %v, %+v", up.got(), s)
	}
	again := &faulty{}
	if p = pipelineTo(t, dir, b, again); stop(t, p, time.Second) != nil || len(again.got()) != 0 {
		t.Errorf("%d came twice", len(again.got()))
	}
}

// A receiver that does not answer: what finds the queue full goes to disk, and stays behind the batch that was on its way.
func TestSpoolBehindBatchThatHangs(t *testing.T) {
	b := quick()
	b.queueSpans, b.batchSpans, b.timeout = 200, 50, 400*time.Millisecond
	var calls int
	hung := &faulty{export: func(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
		if calls++; calls < 3 {
			<-ctx.Done()
			return away{}
		}
		return nil
	}}
	p := pipelineTo(t, t.TempDir(), b, hung)
	for n := range 1000 {
		p.Span(numbered(n))
		time.Sleep(200 * time.Microsecond)
	}
	eventually(t, "delivered", func() bool { return len(hung.got()) == 1000 })
	if err := stop(t, p, time.Second); err != nil {
		t.Error(err)
	}
	if s := balanced(t, p); !slices.Equal(hung.got(), sequence(0, 1000)) || len(s.Lost) > 0 {
		t.Errorf("arrived %v, %+v", hung.got(), s)
	}
}

// What cannot be delivered before the end goes to the spool, also the batch on its way.
func TestShutdownGoesToSpool(t *testing.T) {
	dir := t.TempDir()
	hang := func(ctx context.Context, _ []sdktrace.ReadOnlySpan) error { <-ctx.Done(); return ctx.Err() }
	p := pipelineTo(t, dir, quick(), &faulty{export: hang})
	for n := range 5000 {
		p.Span(numbered(n))
	}
	began := time.Now()
	if err := stop(t, p, 200*time.Millisecond); err != nil || time.Since(began) > 3*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	if s := balanced(t, p); s.Spooled != 5000 {
		t.Errorf("%+v", s)
	}
	up := &faulty{}
	p = pipelineTo(t, dir, quick(), up)
	if err := stop(t, p, 5*time.Second); err != nil || !slices.Equal(up.got(), sequence(0, 5000)) {
		t.Errorf("%d arrived, %v", len(up.got()), err)
	}
}

// A spool that is full loses the oldest, and exactly as many as are counted.
func TestSpoolFullIsCountedExactly(t *testing.T) {
	var up bool
	var mu sync.Mutex
	receiver := &faulty{export: func(context.Context, []sdktrace.ReadOnlySpan) error {
		mu.Lock()
		defer mu.Unlock()
		if !up {
			return away{}
		}
		return nil
	}}
	p := pipelineTo(t, t.TempDir(), quick(), receiver)
	const offered = 25_000
	for n := range offered {
		for p.Stats()[0].Queued > 4000 {
			time.Sleep(time.Millisecond)
		}
		p.Span(numbered(n))
	}
	mu.Lock()
	up = true
	mu.Unlock()
	eventually(t, "empty", func() bool { s := p.Stats()[0]; return s.Queued+s.Spooled == 0 })
	if err := stop(t, p, time.Second); err != nil {
		t.Error(err)
	}
	s := balanced(t, p)
	got := receiver.got()
	lost := int(s.Lost[SpoolFull])
	if lost == 0 || len(got) != offered-lost || len(s.Lost) != 1 || !slices.Equal(slices.Sorted(slices.Values(got)), slices.Compact(slices.Sorted(slices.Values(got)))) {
		t.Errorf("%d arrived of %d, %+v", len(got), offered, s)
	}
	if !slices.Equal(got[len(got)-1000:], sequence(offered-1000, offered)) {
		t.Error("the newest are missing")
	}
}

// A record that is whole and holds no spans is a loss, not the end.
func TestSpoolOfNonsense(t *testing.T) {
	dir := t.TempDir()
	disk, err := spool.Open(filepath.Join(dir, "0"), spool.MinBytes)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := disk.Append([]byte("these are no spans"), 5); err != nil {
			t.Fatal(err)
		}
	}
	if err := disk.Close(); err != nil {
		t.Fatal(err)
	}
	up := &faulty{}
	p := pipelineTo(t, dir, quick(), up)
	feed(p, 1, 10)
	if err := stop(t, p, time.Second); err != nil {
		t.Error(err)
	}
	if s := balanced(t, p); s.Lost[SpoolCorrupt] != 15 || s.Exported != 10 || len(up.got()) != 10 {
		t.Errorf("%+v", s)
	}
}

// A disk that takes nothing costs the spans of the outage and no more.
func TestDiskThatTakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	var calls atomic.Int64
	receiver := &faulty{export: func(context.Context, []sdktrace.ReadOnlySpan) error {
		if calls.Add(1) == 1 {
			return away{}
		}
		return nil
	}}
	p := pipelineTo(t, dir, quick(), receiver)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	feed(p, 1, 10)
	eventually(t, "lost", func() bool { return p.Stats()[0].Lost[SpoolFailed] == 10 })
	feed(p, 1, 20)
	if err := stop(t, p, time.Second); err != nil {
		t.Error(err)
	}
	if s := balanced(t, p); s.Exported != 20 || len(s.Lost) != 1 {
		t.Errorf("%+v", s)
	}
}

func TestSpoolOfAnother(t *testing.T) {
	dir := t.TempDir()
	environment(t)
	config := Default()
	config.Spool.Dir = dir
	first := start(t, config, Settings{})
	if p, err := New(t.Context(), config, Settings{}); err == nil || !strings.Contains(err.Error(), "another agent uses it") {
		t.Errorf("%v, %v", p, err)
	}
	if err := stop(t, first, time.Second); err != nil {
		t.Fatal(err)
	}
	second := start(t, config, Settings{})
	if err := stop(t, second, time.Second); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	config.Spool.Dir = filepath.Join(dir, "file")
	if p, err := New(t.Context(), config, Settings{}); err == nil {
		t.Errorf("%v", p)
	}
}

// An exporter whose receiver hangs costs the other nothing.
func TestHangingExporterHoldsUpNobody(t *testing.T) {
	measure := func(others ...sdktrace.SpanExporter) (median, most time.Duration) {
		b := quick()
		b.queueSpans = 500
		good := &faulty{}
		p := pipelineTo(t, "", b, append([]sdktrace.SpanExporter{good}, others...)...)
		for n := range 1000 {
			stub := tracetest.SpanStub{EndTime: time.Now(), SpanContext: trace.NewSpanContext(trace.SpanContextConfig{
				TraceID: sampletrace.TraceID(n), SpanID: sampletrace.SpanID(1)})}
			p.Span(stub.Snapshot())
			time.Sleep(500 * time.Microsecond)
		}
		if err := stop(t, p, 200*time.Millisecond); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if got := good.got(); !slices.Equal(got, sequence(0, 1000)) {
			t.Errorf("%d arrived", len(got))
		}
		slices.Sort(good.delays)
		return good.delays[len(good.delays)/2], good.delays[len(good.delays)-1]
	}
	median, most := measure()
	hang := func(ctx context.Context, _ []sdktrace.ReadOnlySpan) error { <-ctx.Done(); return away{} }
	beside, mostBeside := measure(&faulty{export: hang})
	t.Logf("delay alone: median %v, at most %v; beside one that hangs: %v, %v", median, most, beside, mostBeside)
	// The one that hangs does so until the end, seconds later. The longest delay depends on what else the machine does.
	if beside > 2*median+20*time.Millisecond || mostBeside > most+time.Second {
		t.Error("the other was held up")
	}
}

// The queue is bounded by bytes, too.
func TestQueueOfBytes(t *testing.T) {
	b := quick()
	b.queueBytes, b.delay = 1<<20, time.Hour
	release := make(chan struct{})
	receiver := &faulty{export: func(context.Context, []sdktrace.ReadOnlySpan) error { <-release; return nil }}
	p := pipelineTo(t, "", b, receiver)
	long := tracetest.SpanStub{Name: strings.Repeat("x", 100_000)}.Snapshot()
	for range 20 {
		p.Span(long)
	}
	if s := balanced(t, p); s.Lost[QueueFull] != 10 || s.Queued != 10 {
		t.Errorf("%+v", s)
	}
	close(release)
	if err := stop(t, p, time.Second); err != nil {
		t.Error(err)
	}
	if s := balanced(t, p); s.Exported+s.Lost[QueueFull] != 20 || s.Exported == 0 {
		t.Errorf("%+v", s)
	}
}

func TestBatchingFromEnvironment(t *testing.T) {
	f := func(name, value, message string) {
		t.Helper()
		environment(t, name, value)
		p, err := New(t.Context(), Config{Exporters: []string{None}}, Settings{})
		if err == nil {
			err = p.Shutdown(t.Context())
		}
		if got := fmt.Sprint(err); !strings.Contains(got, message) {
			t.Errorf("%s=%s: %s", name, value, got)
		}
	}
	f("OTEL_BSP_SCHEDULE_DELAY", "5s", `reading OTEL_BSP_SCHEDULE_DELAY: "5s" is not a number`)
	f("OTEL_BSP_MAX_QUEUE_SIZE", "-1", "is not a number from 0 on")
	f("OTEL_BSP_EXPORT_TIMEOUT", "0", "<nil>")
	environment(t, "OTEL_BSP_MAX_QUEUE_SIZE", "7", "OTEL_BSP_SCHEDULE_DELAY", "3")
	if b, err := defaultBatching().fromEnvironment(); err != nil || b.batchSpans != 7 || b.queueSpans != 7 || b.delay != 3*time.Millisecond {
		t.Errorf("%+v, %v", b, err)
	}
}

func BenchmarkPut(b *testing.B) {
	q := newQueue(8192, 1<<30, 2048)
	span := numbered(1)
	var batch []sdktrace.ReadOnlySpan
	b.ReportAllocs()
	for i := range b.N {
		if q.put(span) != taken {
			b.Fatal("full")
		}
		if i%2048 == 2047 {
			var size int
			batch, size = q.take(batch[:0], 1<<30)
			q.arrived(len(batch), size)
		}
	}
}

// An outage in short: a thousand spans a second, over OTLP, the collector away for a while and the agent's last stage
// restarted meanwhile. Every span arrives once.
func TestOutage(t *testing.T) {
	overBoth(t, func(t *testing.T, protocol string) {
		address := freeAddress(t)
		environment(t, "OTEL_EXPORTER_OTLP_PROTOCOL", protocol, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address)
		config := Default()
		config.Spool.Dir = t.TempDir()
		collectors := []*fakecollector.Collector{{}, {}}
		p, n := start(t, config, Settings{batching: quick()}), 0
		send := func(d time.Duration) {
			for began := time.Now(); time.Since(began) < d; time.Sleep(time.Millisecond) {
				p.Span(numbered(n))
				n++
			}
		}
		t.Run("before", func(t *testing.T) { // the collector ends with it
			serve(t, protocol, collectors[0], address)
			send(500 * time.Millisecond)
			eventually(t, "all have arrived", func() bool { return p.Stats()[0].Queued == 0 }) // none is repeated for want of an answer
		})
		send(500 * time.Millisecond)
		if err := stop(t, p, time.Second); err != nil {
			t.Error(err)
		}
		if s := balanced(t, p); s.Spooled == 0 || len(s.Lost) > 0 {
			t.Errorf("in the middle: %+v", s)
		}
		p = start(t, config, Settings{batching: quick()})
		send(500 * time.Millisecond)
		serve(t, protocol, collectors[1], address)
		send(500 * time.Millisecond)
		eventually(t, "the spool is empty", func() bool { return p.Stats()[0].Spooled == 0 })
		if err := stop(t, p, 5*time.Second); err != nil {
			t.Error(err)
		}
		if s := balanced(t, p); s.Spooled+s.Queued != 0 || len(s.Lost) > 0 || s.Found == 0 {
			t.Errorf("at the end: %+v", s)
		}
		got := append(arrived(collectors[0]), arrived(collectors[1])...)
		if !slices.Equal(got, sequence(0, n)) {
			slices.Sort(got)
			t.Errorf("%d arrived of %d, %d of them different", len(got), n, len(slices.Compact(got)))
		}
	})
}

// BenchmarkSpool is a span's way to disk and back.
func BenchmarkSpool(b *testing.B) {
	disk, err := spool.Open(b.TempDir(), 1<<30)
	if err != nil {
		b.Fatal(err)
	}
	var batch []sdktrace.ReadOnlySpan
	for n := range 500 {
		batch = append(batch, numbered(n))
	}
	var memory []byte
	b.ReportAllocs()
	for b.Loop() {
		memory = otlpwire.Append(memory[:0], batch)
		if err := disk.Append(memory, len(batch)); err != nil {
			b.Fatal(err)
		}
		stored, ok := disk.Next()
		if !ok {
			b.Fatal("nothing there")
		}
		if read, err := otlpwire.Read(stored.Data); err != nil || len(read) != len(batch) {
			b.Fatal(err)
		}
		if err := disk.Done(stored); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/span")
}
