package gather

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/goleak"

	"github.com/throughline/throughline/export/internal/sampletrace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// printer records what is handed on and when.
type printer struct {
	mu     sync.Mutex
	begin  time.Time
	groups [][]sdktrace.ReadOnlySpan
	at     []time.Duration
	block  chan struct{}
	closed bool
}

func newPrinter() *printer { return &printer{begin: time.Now()} }

func (p *printer) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if p.block != nil {
		select {
		case <-p.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups = append(p.groups, spans)
	p.at = append(p.at, time.Since(p.begin))
	return nil
}

func (p *printer) Shutdown(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return nil
}

// sizes are the numbers of spans in the groups so far.
func (p *printer) sizes() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var sizes []int
	for _, group := range p.groups {
		sizes = append(sizes, len(group))
	}
	return sizes
}

func (p *printer) want(t *testing.T, sizes ...int) {
	t.Helper()
	got := p.sizes()
	if len(got) != len(sizes) {
		t.Fatalf("groups have %v spans, want %v", got, sizes)
	}
	for i := range got {
		if got[i] != sizes[i] {
			t.Fatalf("groups have %v spans, want %v", got, sizes)
		}
	}
}

func span(trace, id, parent int) sdktrace.ReadOnlySpan {
	return sampletrace.Span{Trace: trace, ID: id, Parent: parent, Service: "s", Method: "GET"}.Snapshot()
}

// bubble runs a test on synthetic time.
func bubble(t *testing.T, config Config, test func(*testing.T, *Gatherer, *printer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPrinter()
		g := New(config, p)
		test(t, g, p)
		if err := g.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if !p.closed {
			t.Error("the exporter was not shut down")
		}
	})
}

func TestTraceWithRootWaitsForQuiet(t *testing.T) {
	bubble(t, Default(), func(t *testing.T, g *Gatherer, p *printer) {
		g.OnEnd(span(1, 2, 1))
		time.Sleep(200 * time.Millisecond)
		g.OnEnd(span(1, 1, 0))
		time.Sleep(200 * time.Millisecond)
		g.OnEnd(span(1, 3, 1)) // a service that reports later than the root's
		time.Sleep(290 * time.Millisecond)
		p.want(t)
		time.Sleep(40 * time.Millisecond)
		p.want(t, 3)
	})
}

func TestTraceWithoutRootIsPrintedInTime(t *testing.T) {
	bubble(t, Default(), func(t *testing.T, g *Gatherer, p *printer) {
		g.OnEnd(span(1, 2, 1))
		time.Sleep(900 * time.Millisecond)
		p.want(t)
		time.Sleep(600 * time.Millisecond)
		p.want(t, 1)
		if p.at[0] > 1500*time.Millisecond {
			t.Errorf("printed after %s", p.at[0])
		}
	})
}

func TestLateSpansAreAGroupOfTheirOwn(t *testing.T) {
	bubble(t, Default(), func(t *testing.T, g *Gatherer, p *printer) {
		g.OnEnd(span(1, 1, 0))
		time.Sleep(time.Second)
		g.OnEnd(span(1, 2, 1))
		g.OnEnd(span(1, 3, 1))
		time.Sleep(400 * time.Millisecond)
		p.want(t, 1, 2)
		if stats := g.Stats(); stats != (Stats{Groups: 2, Late: 1}) {
			t.Errorf("stats are %+v", stats)
		}
	})
}

func TestIdleGathererWakes(t *testing.T) {
	bubble(t, Default(), func(t *testing.T, g *Gatherer, p *printer) {
		for i := range 3 {
			time.Sleep(time.Hour)
			g.OnEnd(span(i, 1, 0))
			time.Sleep(time.Second)
		}
		p.want(t, 1, 1, 1)
	})
}

func TestBounds(t *testing.T) {
	config := Default()
	config.Traces, config.Spans, config.SpansPerTrace = 2, 6, 4
	bubble(t, config, func(t *testing.T, g *Gatherer, p *printer) {
		for i := range 4 {
			g.OnEnd(span(1, i+2, 1)) // a trace that is full
		}
		synctest.Wait()
		p.want(t, 4)
		g.OnEnd(span(2, 2, 1))
		g.OnEnd(span(3, 2, 1))
		g.OnEnd(span(4, 2, 1)) // too many traces: the oldest goes
		synctest.Wait()
		p.want(t, 4, 1)
		if id := p.groups[1][0].SpanContext().TraceID(); id != sampletrace.TraceID(2) {
			t.Errorf("trace %s went first", id)
		}
		for i := range 3 {
			g.OnEnd(span(3, i+3, 1))
		}
		synctest.Wait()
		p.want(t, 4, 1, 4)
		if early := g.Stats().Early; early != 3 {
			t.Errorf("%d groups were early, want 3", early)
		}
	})
}

func TestShutdownFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrinter()
		g := New(Default(), p)
		g.OnEnd(span(1, 2, 1))
		g.OnEnd(span(2, 1, 0))
		if err := g.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.want(t, 1, 1)
		g.OnEnd(span(3, 1, 0)) // too late, and harmless
		if err := g.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestShutdownGivesUpOnASlowExporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrinter()
		p.block = make(chan struct{})
		g := New(Default(), p)
		g.OnEnd(span(1, 1, 0))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.Shutdown(ctx); err == nil {
			t.Error("no error")
		}
		if took := time.Since(p.begin); took != time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestConcurrentSpans(t *testing.T) {
	p := newPrinter()
	g := New(Default(), p)
	var callers sync.WaitGroup
	for c := range 4 {
		callers.Go(func() {
			for i := range 500 {
				g.OnEnd(span(i%50, c*1000+i+1, 0))
			}
		})
	}
	callers.Wait()
	if err := g.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range p.sizes() {
		total += n
	}
	if total != 2000 {
		t.Errorf("%d spans came out of 2000", total)
	}
}

func TestValidate(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	for _, bad := range []Config{{}, {Quiet: 2, Patience: 1, Traces: 1, Spans: 1, SpansPerTrace: 1},
		{Traces: 1, Spans: 1, SpansPerTrace: 2}} {
		if bad.Validate() == nil {
			t.Errorf("%+v is valid", bad)
		}
	}
}
