package export

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"

	"github.com/throughline/throughline/export/internal/fakecollector"
	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// environment clears the OpenTelemetry variables and sets those given, name after value.
func environment(t testing.TB, variables ...string) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, value) // so that it is put back
			os.Unsetenv(name)
		}
	}
	for i := 0; i < len(variables); i += 2 {
		t.Setenv(variables[i], variables[i+1])
	}
}

func start(t testing.TB, config Config, settings Settings) *Pipeline {
	t.Helper()
	p, err := New(t.Context(), config, settings)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func stop(t testing.TB, p *Pipeline, patience time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.Shutdown(ctx)
}

// balanced checks that every span has one fate, and returns the figures of the only exporter.
func balanced(t testing.TB, p *Pipeline) Stats {
	t.Helper()
	s := p.Stats()[0]
	sum := s.Exported + s.Skipped + s.Queued + s.Spooled
	for _, n := range s.Lost {
		sum += n
	}
	if sum != s.Offered+s.Found {
		t.Errorf("fates of %d spans for %d offered and %d found: %+v", sum, s.Offered, s.Found, s)
	}
	return s
}

func feed(p *Pipeline, callers, each int) {
	spans := sampletrace.Snapshots(sampletrace.Checkout())
	var done sync.WaitGroup
	for range callers {
		done.Go(func() {
			for i := range each {
				p.Span(spans[i%len(spans)])
			}
		})
	}
	done.Wait()
}

func TestOTLPDeliversEverything(t *testing.T) {
	c := &fakecollector.Collector{}
	server := fakecollector.HTTP(t, c, "")
	server.Start()
	environment(t, "OTEL_EXPORTER_OTLP_ENDPOINT", server.URL, "OTEL_BSP_MAX_QUEUE_SIZE", "5000")
	p := start(t, Default(), Settings{})
	feed(p, 4, 1000)
	if err := stop(t, p, 5*time.Second); err != nil {
		t.Error(err)
	}
	if s := balanced(t, p); s.Exported != 4000 || len(c.Spans()) != 4000 || len(s.Lost) > 0 {
		t.Errorf("%d arrived: %+v", len(c.Spans()), s)
	}
	p.Span(sampletrace.Checkout()[0].Snapshot())
	if s := balanced(t, p); s.Lost[Shutdown] != 1 {
		t.Errorf("a span after the end: %+v", s)
	}
}

func TestFullQueueIsCountedExactly(t *testing.T) {
	c := &fakecollector.Collector{}
	release := make(chan struct{})
	c.Next(fakecollector.Answer{Wait: release})
	var log logBuffer
	environment(t, "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_BSP_MAX_QUEUE_SIZE", "100", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10",
		"OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+fakecollector.GRPC(t, c, "", nil))
	p := start(t, Default(), Settings{Log: log.logger()})
	feed(p, 4, 250)
	if s := balanced(t, p); s.Queued != 100 || s.Lost[QueueFull] != 900 {
		t.Errorf("while it is slow: %+v", s)
	}
	close(release)
	if err := stop(t, p, 5*time.Second); err != nil {
		t.Error(err)
	}
	if s := balanced(t, p); s.Exported != 100 || len(c.Spans()) != 100 {
		t.Errorf("%d arrived: %+v", len(c.Spans()), s)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines were logged, want 1:\n%s", n, log.String())
	}
}

func TestCollectorDown(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			environment(t, "OTEL_EXPORTER_OTLP_PROTOCOL", protocol, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address,
				"OTEL_BSP_EXPORT_TIMEOUT", "200", "OTEL_BSP_SCHEDULE_DELAY", "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")
			var log logBuffer
			p := start(t, Default(), Settings{Log: log.logger()})
			feed(p, 1, 100)
			time.Sleep(300 * time.Millisecond)
			begin := time.Now()
			err := stop(t, p, 300*time.Millisecond)
			if took := time.Since(begin); took > time.Second {
				t.Errorf("shutting down took %s", took)
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error is %v", err)
			}
			s := balanced(t, p)
			if s.Exported+s.Queued != 0 || s.Lost["export_unavailable"] == 0 || s.Lost[Shutdown] == 0 {
				t.Errorf("figures are %+v", s)
			}
			if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "not delivered before the end") {
				t.Errorf("%d lines were logged, want 2:\n%s", n, log.String())
			}
		})
	}
}

func TestFailureAndRecoveryAreLoggedOnce(t *testing.T) {
	c := &fakecollector.Collector{}
	c.Next(fakecollector.Answer{Code: codes.Unauthenticated}, fakecollector.Answer{Code: codes.Unauthenticated},
		fakecollector.Answer{Rejected: 3})
	environment(t, "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+fakecollector.GRPC(t, c, "", nil),
		"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")
	var log logBuffer
	p := start(t, Default(), Settings{Log: log.logger()})
	feed(p, 1, 50)
	if err := stop(t, p, 5*time.Second); err != nil {
		t.Error(err)
	}
	if s := balanced(t, p); s.Exported != 27 || s.Lost["export_refused"] != 20 || s.Lost["export_rejected"] != 3 {
		t.Errorf("figures are %+v", s)
	}
	if got := log.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "lost=23") {
		t.Errorf("logged\n%s", got)
	}
}

// Whether a span is exported was decided before: the SDK's processors would drop it.
func TestUnsampledSpans(t *testing.T) {
	span := sampletrace.Span{ID: 1, Method: "GET", Path: "/", Unsampled: true}.Snapshot()
	environment(t, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	p := start(t, Default(), Settings{})
	p.Span(span)
	if err := stop(t, p, time.Second); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutting down while a batch is tried again: %v", err)
	}
	if s := balanced(t, p); len(s.Lost) != 1 { // nobody listens there, and it was tried
		t.Errorf("figures are %+v", s)
	}
	for _, name := range []string{"spans", "json", "waterfall"} {
		var out bytes.Buffer
		p := start(t, Config{Exporters: []string{name}}, Settings{Out: &out})
		p.Span(span)
		if err := stop(t, p, time.Second); err != nil {
			t.Error(err)
		}
		if s := balanced(t, p); s.Exported != 1 || out.Len() == 0 {
			t.Errorf("%s: %+v, printed %q", name, s, out.String())
		}
		if name == "json" && strings.Contains(out.String(), `"flags":257`) {
			t.Errorf("the span is sampled in %s", out.String())
		}
	}
}

func TestCount(t *testing.T) {
	f := func(name string, count int, lines string, n int) {
		t.Helper()
		var out bytes.Buffer
		p := start(t, Config{Exporters: []string{name}, Count: count}, Settings{Out: &out})
		for i := range 5 {
			for _, span := range sampletrace.Checkout() {
				span.Trace = i
				p.Span(span.Snapshot())
			}
		}
		select {
		case <-p.Done():
		case <-time.After(5 * time.Second):
			t.Errorf("%s: not done", name)
		}
		if err := stop(t, p, time.Second); err != nil {
			t.Error(err)
		}
		if got := strings.Count(out.String(), lines); got != n {
			t.Errorf("%s: %q %d times, want %d", name, lines, got, n)
		}
		if s := balanced(t, p); s.Skipped != s.Offered-s.Exported {
			t.Errorf("%s: %+v", name, s)
		}
	}
	f("waterfall", 2, "trace ", 2)
	f("spans", 3, "\n", 3)
	f("json", 3, `"spanId"`, 3)
}

func TestBrokenOutputEnds(t *testing.T) {
	reader, writer := io.Pipe()
	reader.Close()
	p := start(t, Config{Exporters: []string{"console"}}, Settings{Out: writer})
	feed(p, 1, 1)
	select {
	case <-p.Done():
	case <-time.After(5 * time.Second):
		t.Error("not done")
	}
	if err := stop(t, p, time.Second); err != nil {
		t.Error(err)
	}
	if s := balanced(t, p); s.Lost[ExportFailed] != 1 {
		t.Errorf("figures are %+v", s)
	}
}

func TestSeveralExporters(t *testing.T) {
	environment(t, "OTEL_TRACES_EXPORTER", "console, otlp", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	config, err := FromEnvironment(nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	p := start(t, config, Settings{Out: &out})
	feed(p, 1, 10)
	_ = stop(t, p, 100*time.Millisecond)
	if n := strings.Count(out.String(), "\n"); n != 10 {
		t.Errorf("%d lines", n)
	}
	if line := telemetry.New(p.Samples).Line(); line != "throughline: 10 exported by console, 0 exported by otlp; lost: 10 shutdown" {
		t.Errorf("line is %q", line)
	}
}

// logBuffer keeps what is logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func BenchmarkSpan(b *testing.B) {
	c := &fakecollector.Collector{Discard: true}
	environment(b, "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+fakecollector.GRPC(b, c, "", nil),
		"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512") // what is waited for below
	spans := sampletrace.Snapshots(sampletrace.Checkout())
	f := func(name string, config Config, span sdktrace.ReadOnlySpan) {
		b.Run(name, func(b *testing.B) {
			p := start(b, config, Settings{Out: io.Discard})
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				p.Span(span)
				if i%1024 == 1023 { // let the exporter keep up: a dropped span is cheaper
					b.StopTimer()
					for p.lanes[0].intake.held() > 512 {
						time.Sleep(time.Millisecond)
					}
					b.StartTimer()
				}
			}
			b.StopTimer()
			_ = stop(b, p, 5*time.Second)
			b.ReportMetric(float64(balanced(b, p).Exported)/float64(b.N), "exported/span")
		})
	}
	for _, name := range []string{"otlp", "waterfall", "spans", "json"} {
		f(name, Config{Exporters: []string{name}}, spans[0])
	}
}
