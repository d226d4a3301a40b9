// Package config is the agent's own settings, gathered from the command line,
// THROUGHLINE_* variables and a YAML file, in this order of precedence. Of what the
// OpenTelemetry specification has variables for, only exporters are here too.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/throughline/throughline/internal/destination"
)

// Config is every setting. The YAML keys, in upper case behind THROUGHLINE_,
// are the variables.
type Config struct {
	// PIDs, Exes, Ports and Containers choose the targets: a process that fits
	// any of them is one.
	PIDs       []int    `yaml:"pids"`
	Exes       []string `yaml:"exes"`
	Ports      []int    `yaml:"ports"`
	Containers []string `yaml:"containers"`

	// Propagation is how the target that receives a request learns who sent it.
	Propagation Propagation `yaml:"propagation"`
	// InjectBlocking adds headers on blocking sockets too, at the price of an EAGAIN
	// where a blocked receive is woken by something other than data.
	InjectBlocking bool `yaml:"inject_blocking"`
	// Flavour forces one way to hook the socket source.
	Flavour string `yaml:"flavour"`
	// RingBytes is the size of the ring between kernel and agent.
	RingBytes uint32 `yaml:"ring_bytes"`
	// CaptureBytes is how much of each turn on a connection is copied, 512 to 4096.
	CaptureBytes uint32 `yaml:"capture_bytes"`
	// MetricsAddr is where /metrics is served; "" is nowhere.
	MetricsAddr string `yaml:"metrics_addr"`
	// Metrics is what is measured, if OTEL_METRICS_EXPORTER says that anything is.
	Metrics Metrics `yaml:"metrics"`
	// LogLevel is debug, info, warn or error.
	LogLevel string `yaml:"log_level"`
	// Sampling is what stands beside OTEL_TRACES_SAMPLER.
	Sampling Sampling `yaml:"sampling"`
	// Spool is where spans wait on disk for a receiver that is away.
	Spool Spool `yaml:"spool"`
	// Redaction is what is taken out of spans.
	Redaction Redaction `yaml:"redaction"`
	// Routes is whose routes are inferred from paths.
	Routes Routes `yaml:"routes"`
	// RoutesFile keeps what was learned of paths; "": nothing is kept.
	RoutesFile string `yaml:"routes_file"`
	// Exporters are the destinations of spans by the exporter's name. Which names there are, which keys each knows, and
	// their variables, which have the name in them, is for the exporters to say.
	Exporters map[string]destination.Settings `yaml:"exporters"`
}

// Spool is the queue on disk.
type Spool struct {
	// Dir is the directory; "" is none.
	Dir string `yaml:"dir"`
	// MaxBytes is how much each exporter may keep there.
	MaxBytes int64 `yaml:"max_bytes"`
}

// Sampling says what is kept though it is not sampled, and how much is sampled at most.
type Sampling struct {
	// KeepErrors exports every span that ends in an error.
	KeepErrors bool `yaml:"keep_errors"`
	// KeepSlowerThan exports every span that takes longer; 0 is none.
	KeepSlowerThan time.Duration `yaml:"keep_slower_than"`
	// MaxPerSecond is how many traces each service may begin in a second; 0 is any number.
	MaxPerSecond float64 `yaml:"max_per_second"`
}

// Default is what holds when nothing is said.
func Default() Config {
	return Config{Propagation: Propagation{Mode: PropagationAuto}, InjectBlocking: true, Flavour: "auto", RingBytes: 8 << 20, CaptureBytes: 4096, LogLevel: "info",
		Spool:     Spool{MaxBytes: 1 << 30},
		Redaction: Redaction{Enabled: true}, Routes: RoutesInfer,
		Metrics: Metrics{MaxSeries: 2000, ServiceGraph: true}}
}

// Load puts file ("" for none) and environment over the default.
func Load(file string, getenv func(string) string) (Config, error) {
	c := Default()
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return c, fmt.Errorf("reading the configuration: %w", err)
		}
		if err := c.yaml(text); err != nil {
			return c, fmt.Errorf("reading the configuration %s: %w", file, err)
		}
	}
	return c, c.environment(getenv)
}

func (c *Config) yaml(text []byte) error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	err := d.Decode(c)
	var wrong *yaml.TypeError
	switch {
	case errors.Is(err, io.EOF): // an empty page says nothing
		return nil
	case errors.As(err, &wrong): // a line for each
		text := strings.Join(wrong.Errors, "; ")
		return errors.New(strings.NewReplacer("field ", "", "not found in type config.Config", "is not a setting",
			"not found in type config.Metrics", "is not a setting of metrics",
			"not found in type config.Sampling", "is not a setting of sampling",
			"not found in type destination.Settings", "is not a setting of any exporter",
			"not found in type destination.TLS", "is not a setting of tls",
			"not found in type config.Spool", "is not a setting of spool",
			"not found in type config.RedactionRule", "is not a setting of a rule of redaction",
			"not found in type config.Redaction", "is not a setting of redaction").Replace(text))
	}
	return err
}

// environment applies THROUGHLINE_<KEY>; lists have commas between elements.
func (c *Config) environment(getenv func(string) string) error {
	for _, s := range []struct {
		key string
		set func(string) error
	}{
		{"PIDS", func(v string) error { return list(&c.PIDs, v, strconv.Atoi) }},
		{"EXES", func(v string) error { return list(&c.Exes, v, text) }},
		{"PORTS", func(v string) error { return list(&c.Ports, v, strconv.Atoi) }},
		{"CONTAINERS", func(v string) error { return list(&c.Containers, v, text) }},
		{"PROPAGATION", func(v string) error { return c.Propagation.Mode.UnmarshalText([]byte(v)) }},
		{"PROPAGATION_TCP", func(v string) (err error) { c.Propagation.TCP, err = ParseSwitch(v); return err }},
		{"INJECT_BLOCKING", func(v string) (err error) { c.InjectBlocking, err = strconv.ParseBool(v); return err }},
		{"FLAVOUR", func(v string) error { c.Flavour = v; return nil }},
		{"RING_BYTES", func(v string) error { return number(&c.RingBytes, v) }},
		{"CAPTURE_BYTES", func(v string) error { return number(&c.CaptureBytes, v) }},
		{"METRICS_ADDR", func(v string) error { c.MetricsAddr = v; return nil }},
		{"METRICS_MAX_SERIES", func(v string) (err error) { c.Metrics.MaxSeries, err = strconv.Atoi(v); return err }},
		{"METRICS_SERVICE_GRAPH", func(v string) (err error) { c.Metrics.ServiceGraph, err = ParseSwitch(v); return err }},
		{"SAMPLING_KEEP_ERRORS", func(v string) (err error) { c.Sampling.KeepErrors, err = strconv.ParseBool(v); return err }},
		{"SAMPLING_KEEP_SLOWER_THAN", func(v string) (err error) { c.Sampling.KeepSlowerThan, err = time.ParseDuration(v); return err }},
		{"SAMPLING_MAX_PER_SECOND", func(v string) (err error) { c.Sampling.MaxPerSecond, err = strconv.ParseFloat(v, 64); return err }},
		{"SPOOL_DIR", func(v string) error { c.Spool.Dir = v; return nil }},
		{"SPOOL_MAX_BYTES", func(v string) (err error) { c.Spool.MaxBytes, err = strconv.ParseInt(v, 10, 64); return err }},
		{"REDACTION_ENABLED", func(v string) (err error) { c.Redaction.Enabled, err = ParseSwitch(v); return err }},
		{"REDACTION_HEADERS", func(v string) error { return list(&c.Redaction.Headers, v, text) }},
		{"REDACTION_SALT", func(v string) error { c.Redaction.Salt = v; return nil }},
		{"ROUTES", func(v string) error { return c.Routes.UnmarshalText([]byte(v)) }},
		{"ROUTES_FILE", func(v string) error { c.RoutesFile = v; return nil }},
		{"LOG_LEVEL", func(v string) error { c.LogLevel = v; return nil }},
	} {
		name := "THROUGHLINE_" + s.key
		if v := getenv(name); v != "" {
			if err := s.set(v); err != nil {
				return fmt.Errorf("%s=%q cannot be used: %w", name, v, err)
			}
		}
	}
	return nil
}

func list[T any](to *[]T, value string, parse func(string) (T, error)) error {
	var parsed []T
	for part := range strings.SplitSeq(value, ",") {
		v, err := parse(strings.TrimSpace(part))
		if err != nil {
			return err
		}
		parsed = append(parsed, v)
	}
	*to = parsed
	return nil
}

func text(s string) (string, error) { return s, nil }

func number(to *uint32, value string) error {
	n, err := strconv.ParseUint(value, 10, 32)
	*to = uint32(n)
	return err
}
