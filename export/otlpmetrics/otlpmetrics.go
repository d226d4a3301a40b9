// Package otlpmetrics sends metrics to an OpenTelemetry collector now and then, with the SDK's exporters over gRPC or HTTP.
//
// Everything about the way there is set by the OTEL_EXPORTER_OTLP_METRICS_* and OTEL_EXPORTER_OTLP_* variables, which the SDK reads.
package otlpmetrics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/throughline/throughline/internal/telemetry"
)

// Config says what is sent, and when.
type Config struct {
	// Collect gives all metrics, cumulative ones, a resource at a time.
	Collect func(now time.Time) []*metricdata.ResourceMetrics
	// Interval is the time from one export to the next; Timeout bounds each.
	Interval, Timeout time.Duration
	Log               *slog.Logger
}

// Exporter sends until it is shut down.
type Exporter struct {
	Config
	to     metric.Exporter
	stop   chan struct{}
	ended  chan struct{}
	silent bool // the last export failed, which was said

	sent, failed atomic.Uint64 // exports of one resource
}

// New makes the exporter that the environment describes, and starts it. It does not wait for the collector, which may be down.
func New(ctx context.Context, c Config, getenv func(string) string) (*Exporter, error) {
	to, err := client(ctx, getenv)
	if err != nil {
		return nil, err
	}
	e := &Exporter{Config: c, to: to, stop: make(chan struct{}), ended: make(chan struct{})}
	go e.run()
	return e, nil
}

func client(ctx context.Context, getenv func(string) string) (metric.Exporter, error) {
	protocol := cmp.Or(strings.TrimSpace(getenv("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL")),
		strings.TrimSpace(getenv("OTEL_EXPORTER_OTLP_PROTOCOL")), "http/protobuf")
	var to metric.Exporter
	var err error
	switch protocol {
	case "grpc":
		to, err = otlpmetricgrpc.New(ctx)
	case "http/protobuf":
		to, err = otlpmetrichttp.New(ctx)
	default:
		return nil, fmt.Errorf("sending metrics by %q: only grpc and http/protobuf can be used; set OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", protocol)
	}
	if err != nil {
		return nil, fmt.Errorf("setting up OTLP for metrics over %s: %w", protocol, err)
	}
	return to, nil
}

func (e *Exporter) run() {
	defer close(e.ended)
	ticker := time.NewTicker(e.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-e.stop:
			return
		case <-ticker.C:
			ctx, cancel := context.WithTimeout(context.Background(), e.Timeout)
			go func() { // shutting down does not wait for a collector that hangs
				select {
				case <-e.stop:
					cancel()
				case <-ctx.Done():
				}
			}()
			e.export(ctx)
			cancel()
		}
	}
}

// export sends everything once. Metrics are cumulative: what a collector misses is in the next export.
func (e *Exporter) export(ctx context.Context) {
	var failure error
	for _, m := range e.Collect(time.Now()) {
		if err := e.to.Export(ctx, m); err != nil {
			if errors.Is(ctx.Err(), context.Canceled) {
				return // by Shutdown, which sends it again
			}
			e.failed.Add(1)
			failure = err
			continue
		}
		e.sent.Add(1)
	}
	if failure != nil && !e.silent {
		e.Log.Warn("sending metrics", "error", failure)
	}
	e.silent = failure != nil
}

// Shutdown sends what was measured last, and closes the connection. It must be called once.
func (e *Exporter) Shutdown(ctx context.Context) error {
	close(e.stop)
	<-e.ended
	e.export(ctx)
	if err := e.to.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("closing the connection for metrics: %w", err)
	}
	return nil
}

// Samples are the figures of this exporter.
func (e *Exporter) Samples() []telemetry.Sample {
	return []telemetry.Sample{
		{Name: "metric_exports", Help: "Exports of a service's metrics that a collector took.", Value: e.sent.Load()},
		{Name: "metric_exports_failed", Help: "Exports of a service's metrics that failed; the next one has all of it.", Value: e.failed.Load()},
	}
}
