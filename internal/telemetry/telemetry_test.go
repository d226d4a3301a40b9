package telemetry

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sample(samples ...Sample) Source { return func() []Sample { return samples } }

func TestLine(t *testing.T) {
	f := func(want string, sources ...Source) {
		t.Helper()
		if got := New(sources...).Line(); got != want {
			t.Errorf("line is %q, want %q", got, want)
		}
	}
	events := sample(Sample{Name: "events", Noun: "events", Value: 12345}, Lost("ring_full", 0))
	spans := sample(Sample{Name: "spans", Noun: "spans", Value: 5000}, Sample{Name: "connections", Kind: Level, Value: 7})
	f("throughline: lost: none")
	f("throughline: 12,345 events, 5,000 spans; lost: none", events, spans)
	f("throughline: 12,345 events; lost: 1,012 ring_full, 3 queue_full",
		events, sample(Lost("ring_full", 1000), Lost("queue_full", 3)), sample(Lost("ring_full", 12)))
	f("throughline: 1 event, 1 exported; lost: none",
		sample(Sample{Name: "events", Noun: "events", Value: 1}, Sample{Name: "exported_spans", Noun: "exported", Value: 1}))
	f("throughline: 3 events; lost: none", sample(
		Sample{Name: "events", Noun: "events", Value: 1, Labels: []Label{{"kind", "send"}}},
		Sample{Name: "events", Noun: "events", Value: 2, Labels: []Label{{"kind", "recv"}}}))
}

func TestGrouped(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567",
		1<<64 - 1: "18,446,744,073,709,551,615"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestServe(t *testing.T) {
	value := uint64(1)
	set := New(func() []Sample {
		return []Sample{
			{Name: "events", Help: "Events from the kernel.", Value: value},
			{Name: "exported_spans", Help: "Spans delivered.", Value: 2, Labels: []Label{{"exporter", "otlp"}}},
			{Name: "exported_spans", Help: "Spans delivered.", Value: 3, Labels: []Label{{"exporter", "json"}}},
			{Name: "connections", Help: "Open connections.", Kind: Level, Value: 4},
			Lost("ring_full", 5), Lost("queue_full", 0), Lost("ring_full", 1),
		}
	})
	server, err := Serve("127.0.0.1:0", set, quiet())
	if err != nil {
		t.Fatal(err)
	}
	value = 10
	body := get(t, "http://"+server.Addr()+"/metrics")
	for _, want := range []string{
		"# HELP throughline_events_total Events from the kernel.\n# TYPE throughline_events_total counter\nthroughline_events_total 10\n",
		`throughline_exported_spans_total{exporter="json"} 3`,
		`throughline_exported_spans_total{exporter="otlp"} 2`,
		"# TYPE throughline_connections gauge\nthroughline_connections 4\n",
		`throughline_lost_total{reason="ring_full"} 6`,
		`throughline_lost_total{reason="queue_full"} 0`,
		"process_resident_memory_bytes ", "go_goroutines ",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if conn, err := net.Dial("tcp", server.Addr()); err == nil {
		conn.Close()
		t.Error("still listening")
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", response.Status, body)
	}
	return string(body)
}

func TestShutdownCutsOffSlowClients(t *testing.T) {
	server, err := Serve("127.0.0.1:0", New(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /metrics HTTP/1.1\r\n"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if err := server.Shutdown(ctx); err == nil {
		t.Error("a request under way was not cut off")
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("took %s", took)
	}
}

func TestBadAddress(t *testing.T) {
	for _, address := range []string{"nonsense", "127.0.0.1:99999", "256.0.0.1:1", ":-1"} {
		server, err := Serve(address, New(), quiet())
		if err == nil {
			server.Shutdown(t.Context())
			t.Errorf("%q: no error", address)
			continue
		}
		if message := err.Error(); !strings.Contains(message, address) || strings.Contains(message, "\n") {
			t.Errorf("%q: error is %q", address, message)
		}
	}
}
