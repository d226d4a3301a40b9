package config

import (
	"strings"
	"testing"
	"time"
)

func TestMetricsFromEnvironment(t *testing.T) {
	standard := MetricsExport{Address: "localhost:9464", Interval: time.Minute, Timeout: 30 * time.Second, Exemplars: true}
	for _, c := range []struct {
		env  map[string]string
		want func(*MetricsExport)
		err  string
	}{
		{},
		{env: map[string]string{"OTEL_METRICS_EXPORTER": "none"}},
		{env: map[string]string{"OTEL_METRICS_EXPORTER": "otlp, prometheus"}, want: func(m *MetricsExport) { m.OTLP, m.Prometheus = true, true }},
		{env: map[string]string{
			"OTEL_METRICS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "500", "OTEL_METRIC_EXPORT_TIMEOUT": "250",
			"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "BASE2_EXPONENTIAL_BUCKET_HISTOGRAM", "OTEL_METRICS_EXEMPLAR_FILTER": "always_off",
		}, want: func(m *MetricsExport) {
			m.OTLP, m.Interval, m.Timeout, m.Exponential, m.Exemplars = true, 500*time.Millisecond, 250*time.Millisecond, true, false
		}},
		{env: map[string]string{"OTEL_EXPORTER_PROMETHEUS_HOST": "::1", "OTEL_EXPORTER_PROMETHEUS_PORT": "99"}, want: func(m *MetricsExport) { m.Address = "[::1]:99" }},
		{env: map[string]string{"OTEL_METRICS_EXPORTER": "console"}, err: `OTEL_METRICS_EXPORTER="console" cannot be used`},
		{env: map[string]string{"OTEL_METRIC_EXPORT_INTERVAL": "1m"}, err: "OTEL_METRIC_EXPORT_INTERVAL"},
		{env: map[string]string{"OTEL_METRIC_EXPORT_INTERVAL": "0"}, err: "OTEL_METRIC_EXPORT_INTERVAL"},
		{env: map[string]string{"OTEL_METRIC_EXPORT_TIMEOUT": "-1"}, err: "OTEL_METRIC_EXPORT_TIMEOUT"},
		{env: map[string]string{"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "some"}, err: "use explicit_bucket_histogram or"},
		{env: map[string]string{"OTEL_METRICS_EXEMPLAR_FILTER": "always_on"}, err: "OTEL_METRICS_EXEMPLAR_FILTER"},
		{env: map[string]string{"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}, err: "use cumulative"},
	} {
		got, err := MetricsFromEnvironment(func(name string) string { return c.env[name] })
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v: error %v, want one of %q", c.env, err, c.err)
			}
			continue
		}
		want := standard
		if c.want != nil {
			c.want(&want)
		}
		if err != nil || got != want {
			t.Errorf("%v: %+v, %v; want %+v", c.env, got, err, want)
		}
	}
}
