package otlpmetrics

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// receiver takes OTLP over HTTP, after so many refusals.
type receiver struct {
	*httptest.Server
	refuse atomic.Int64
	got    chan int64 // the value of each export
	hold   chan struct{}
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{got: make(chan int64, 100), hold: make(chan struct{})}
	close(r.hold)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return
		}
		select {
		case <-r.hold:
		case <-q.Context().Done():
			return
		}
		var request collectorpb.ExportMetricsServiceRequest
		if err := proto.Unmarshal(body, &request); err != nil || q.URL.Path != "/v1/metrics" {
			t.Errorf("%s: %v", q.URL.Path, err)
		}
		if r.refuse.Add(-1) >= 0 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, of := range request.GetResourceMetrics() {
			for _, m := range of.GetScopeMetrics()[0].GetMetrics() {
				r.got <- m.GetSum().GetDataPoints()[0].GetAsInt()
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// counting is a metric that rises each time that it is collected.
func counting() func(time.Time) []*metricdata.ResourceMetrics {
	var n atomic.Int64
	return func(now time.Time) []*metricdata.ResourceMetrics {
		return []*metricdata.ResourceMetrics{{
			Resource: resource.NewSchemaless(attribute.String("service.name", "shop")),
			ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{{Name: "n", Data: metricdata.Sum[int64]{
				Temporality: metricdata.CumulativeTemporality, IsMonotonic: true,
				DataPoints: []metricdata.DataPoint[int64]{{Time: now, Value: n.Add(1)}},
			}}}}},
		}}
	}
}

func start(t *testing.T, r *receiver, interval time.Duration, log io.Writer) *Exporter {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	e, err := New(t.Context(), Config{Collect: counting(), Interval: interval, Timeout: 5 * time.Second, Log: slog.New(slog.NewTextHandler(log, nil))},
		func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestExports(t *testing.T) {
	r := newReceiver(t)
	r.refuse.Store(2)
	var log bytes.Buffer
	e := start(t, r, 20*time.Millisecond, &log)
	for want := int64(3); want <= 5; want++ { // the first two are lost, and what they told is in the third
		if got := <-r.got; got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "sending metrics"); n != 1 {
		t.Errorf("an outage is said %d times: %s", n, log.String())
	}
	if e.failed.Load() != 2 || e.sent.Load() < 3 { // what shutting down interrupts is not counted
		t.Errorf("%d failed, %d sent", e.failed.Load(), e.sent.Load())
	}
}

func TestShutdownSendsTheLast(t *testing.T) {
	r := newReceiver(t)
	e := start(t, r, time.Hour, io.Discard)
	if err := e.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if len(r.got) != 1 {
		t.Errorf("%d exports", len(r.got))
	}
}

func TestShutdownIsBounded(t *testing.T) {
	r := newReceiver(t)
	r.hold = make(chan struct{})
	defer close(r.hold)
	e := start(t, r, time.Millisecond, io.Discard)
	time.Sleep(50 * time.Millisecond) // an export hangs
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := e.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestProtocol(t *testing.T) {
	for protocol, want := range map[string]bool{"grpc": true, "http/protobuf": true, "": true, "http/json": false, "smoke": false} {
		to, err := client(t.Context(), func(name string) string {
			return map[string]string{"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": protocol}[name]
		})
		if (err == nil) != want {
			t.Errorf("%q: %v", protocol, err)
		}
		if err == nil {
			to.Shutdown(t.Context())
		} else if !strings.Contains(err.Error(), protocol) {
			t.Errorf("%q: %v does not name it", protocol, err)
		}
	}
}
