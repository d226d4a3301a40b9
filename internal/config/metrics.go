package config

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Metrics is what stands beside the specification's variables for metrics.
type Metrics struct {
	// MaxSeries bounds each instrument.
	MaxSeries int `yaml:"max_series"`
	// ServiceGraph counts who calls whom.
	ServiceGraph bool `yaml:"service_graph"`
}

// MetricsExport is what the specification's variables say of metrics.
type MetricsExport struct {
	// OTLP and Prometheus are the ways that they go; none if neither is set.
	OTLP, Prometheus bool
	// Address is where the specification has Prometheus ask.
	Address string
	// Interval is the time from one export to the next, and Timeout how long one may take.
	Interval, Timeout time.Duration
	// Exponential buckets instead of explicit ones.
	Exponential bool
	// Exemplars of spans that are sampled.
	Exemplars bool
}

// Any tells whether anything is to be measured.
func (m MetricsExport) Any() bool { return m.OTLP || m.Prometheus }

// The values of OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION.
const (
	explicitBuckets    = "explicit_bucket_histogram"
	exponentialBuckets = "base2_exponential_bucket_histogram"
)

// MetricsFromEnvironment reads the OTEL_METRIC* variables and their like. Without OTEL_METRICS_EXPORTER nothing is measured.
func MetricsFromEnvironment(getenv func(string) string) (MetricsExport, error) {
	m := MetricsExport{}
	for name := range strings.SplitSeq(getenv("OTEL_METRICS_EXPORTER"), ",") {
		switch strings.TrimSpace(name) {
		case "", "none":
		case "otlp":
			m.OTLP = true
		case "prometheus":
			m.Prometheus = true
		default:
			return m, fmt.Errorf("OTEL_METRICS_EXPORTER=%q cannot be used: use otlp, prometheus or none", getenv("OTEL_METRICS_EXPORTER"))
		}
	}
	choice := func(variable string, values ...string) (string, error) {
		v := cmp.Or(strings.ToLower(strings.TrimSpace(getenv(variable))), values[0])
		if !slices.Contains(values, v) {
			return "", fmt.Errorf("%s=%q cannot be used: use %s", variable, getenv(variable), strings.Join(values, " or "))
		}
		return v, nil
	}
	milliseconds := func(variable string, otherwise time.Duration) (time.Duration, error) {
		text := strings.TrimSpace(getenv(variable))
		if text == "" {
			return otherwise, nil
		}
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n <= 0 {
			return 0, fmt.Errorf("%s=%q cannot be used: it is not a number of milliseconds above 0", variable, text)
		}
		return time.Duration(n) * time.Millisecond, nil
	}
	var err error
	if m.Interval, err = milliseconds("OTEL_METRIC_EXPORT_INTERVAL", time.Minute); err != nil {
		return m, err
	}
	if m.Timeout, err = milliseconds("OTEL_METRIC_EXPORT_TIMEOUT", 30*time.Second); err != nil {
		return m, err
	}
	buckets, err := choice("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", explicitBuckets, exponentialBuckets)
	if err != nil {
		return m, err
	}
	m.Exponential = buckets == exponentialBuckets
	filter, err := choice("OTEL_METRICS_EXEMPLAR_FILTER", "trace_based", "always_off")
	if err != nil {
		return m, err
	}
	m.Exemplars = filter == "trace_based"
	if _, err := choice("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative"); err != nil {
		return m, err
	}
	m.Address = net.JoinHostPort(cmp.Or(getenv("OTEL_EXPORTER_PROMETHEUS_HOST"), "localhost"), cmp.Or(getenv("OTEL_EXPORTER_PROMETHEUS_PORT"), "9464"))
	return m, nil
}
