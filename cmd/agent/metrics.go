package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	prom "github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/throughline/throughline/correlate/metrics"
	"github.com/throughline/throughline/export/otlpmetrics"
	"github.com/throughline/throughline/export/prometheus"
	"github.com/throughline/throughline/export/redact"
	"github.com/throughline/throughline/internal/config"
	"github.com/throughline/throughline/internal/telemetry"
	"github.com/throughline/throughline/probes/process"
)

// measuring is what measures exchanges, and how that leaves the host. The zero value measures nothing.
type measuring struct {
	config.MetricsExport
	recorder *metrics.Recorder
	otlp     *otlpmetrics.Exporter
}

// newMeasuring puts OTEL_METRICS_EXPORTER and the agent's own settings together.
func newMeasuring(c config.Metrics, getenv func(string) string) (*measuring, error) {
	chosen, err := config.MetricsFromEnvironment(getenv)
	if err == nil && c.MaxSeries < 2 {
		err = fmt.Errorf("metrics cannot have %d series at most: one is for what has no room, so 2 are the least", c.MaxSeries)
	}
	if err != nil {
		return nil, usageError{err}
	}
	return &measuring{MetricsExport: chosen}, nil
}

// begin makes the recorder, if anything is measured, and starts sending.
func (m *measuring) begin(ctx context.Context, c config.Metrics, of process.ResourceOptions, r *redact.Redactor, a *agent) error {
	if !m.Any() {
		return nil
	}
	m.recorder = metrics.New(metrics.Config{
		Series: c.MaxSeries, Exponential: m.Exponential, Exemplars: m.Exemplars, Graph: c.ServiceGraph,
		Redact: r.Attributes, Agent: ownResource(of), Scope: instrumentation.Scope{Name: "throughline", Version: of.Version},
	})
	if !m.OTLP {
		return nil
	}
	var err error
	m.otlp, err = otlpmetrics.New(ctx, otlpmetrics.Config{
		Collect: m.recorder.Collect, Interval: m.Interval, Timeout: m.Timeout, Log: a.log,
	}, os.Getenv)
	if err != nil {
		return usageError{err} // of a setting: a Collector that is down is none
	}
	return nil
}

// serve begins to serve /metrics, if anybody asked for that.
func (m *measuring) serve(address string, a *agent) (*telemetry.Server, error) {
	var shown []prom.Collector
	if m.Prometheus {
		address = cmp.Or(address, m.Address)
		shown = append(shown, prometheus.New(m.recorder.Collect))
	}
	if address == "" {
		return nil, nil
	}
	return telemetry.Serve(address, a.figures, a.log, shown...)
}

// samples are the figures of sending.
func (m *measuring) samples() []telemetry.Sample {
	if m.otlp == nil {
		return nil
	}
	return m.otlp.Samples()
}

// shutdown sends what was measured last.
func (m *measuring) shutdown(ctx context.Context) error {
	if m.otlp == nil {
		return nil
	}
	return m.otlp.Shutdown(ctx)
}

// ownResource is the agent's own: what is of no one service is measured under it.
func ownResource(o process.ResourceOptions) *resource.Resource {
	all := []attribute.KeyValue{semconv.ServiceName("throughline"), semconv.ServiceVersion(o.Version), semconv.OSTypeLinux}
	for _, a := range []attribute.KeyValue{semconv.HostName(o.Host.Name), semconv.HostID(o.Host.ID), semconv.HostArchKey.String(o.Host.Arch)} {
		if a.Value.AsString() != "" {
			all = append(all, a)
		}
	}
	return resource.NewWithAttributes(semconv.SchemaURL, all...)
}
