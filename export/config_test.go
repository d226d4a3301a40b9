package export

import (
	"slices"
	"strings"
	"testing"

	"github.com/throughline/throughline/internal/destination"
)

func TestFromEnvironment(t *testing.T) {
	f := func(value string, want ...string) {
		t.Helper()
		environment(t, "OTEL_TRACES_EXPORTER", value)
		config, err := FromEnvironment(nil)
		if err != nil || !slices.Equal(config.Exporters, want) {
			t.Errorf("%q: %v, %v", value, config.Exporters, err)
		}
	}
	f("", "otlp")
	f(" ", "otlp")
	f("otlp", "otlp")
	f("none", "none")
	f("console, otlp,,console", "console", "otlp")
}

// TestFile: the file chooses unless OTEL_TRACES_EXPORTER does, and variables are put over its settings.
func TestFile(t *testing.T) {
	file := map[string]destination.Settings{"zipkin": {Endpoint: "http://z", User: "u"}, "otlp": {}}
	environment(t, "THROUGHLINE_EXPORTERS_ZIPKIN_ENDPOINT", "http://other")
	config, err := FromEnvironment(file)
	if err != nil || !slices.Equal(config.Exporters, []string{"otlp", "zipkin"}) {
		t.Fatalf("%v, %v", config.Exporters, err)
	}
	if s := config.Destinations["zipkin"]; s.Endpoint != "http://other" || s.User != "u" {
		t.Errorf("zipkin is at %+v", s)
	}
	environment(t, "OTEL_TRACES_EXPORTER", "zipkin,console")
	config, err = FromEnvironment(file)
	if err != nil || !slices.Equal(config.Exporters, []string{"zipkin", "console"}) {
		t.Errorf("%v, %v", config.Exporters, err)
	}
	for want, file := range map[string]map[string]destination.Settings{
		`unknown exporter "tempo"; known are otlp`:                                                              {"tempo": {}, "otlp": {}},
		`unknown exporter "none"`:                                                                               {"none": {}},
		`reading exporters.xray of the configuration: headers is not a setting of`:                              {"xray": {Headers: map[string]string{"A": "b"}}},
		`reading exporters.console of the configuration: path is not a setting of this exporter; it knows none`: {"console": {Path: "x"}},
	} {
		if _, err := FromEnvironment(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q in it", file, err, want)
		}
	}
}

func TestBadConfigs(t *testing.T) {
	f := func(value, want string) {
		t.Helper()
		environment(t, "OTEL_TRACES_EXPORTER", value)
		_, err := FromEnvironment(nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error is %v, want %q in it", value, err, want)
		}
	}
	f("tempo", `reading OTEL_TRACES_EXPORTER: choosing exporters: unknown exporter "tempo"; known are otlp, zipkin, jaeger, xray, datadog, otlpjsonfile, chrome, waterfall, spans, json, console, none`)
	f("none,otlp", `"none" cannot stand beside another name`)
	f(",", "none is named")
	for _, config := range []Config{{}, {Exporters: []string{"otlp", "otlp"}}, {Exporters: []string{"otlp"}, Count: -1}} {
		if err := config.Validate(); err == nil {
			t.Errorf("%+v is valid", config)
		}
	}
}

func TestNewNamesTheExporter(t *testing.T) {
	environment(t, "OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
	p, err := New(t.Context(), Config{Exporters: []string{"console", "otlp"}}, Settings{})
	if err == nil {
		t.Fatal("no error", p)
	}
	if message := err.Error(); !strings.HasPrefix(message, "opening exporter otlp: reading OTEL_EXPORTER_OTLP_ENDPOINT: ") ||
		strings.Contains(message, "\n") {
		t.Errorf("error is %q", message)
	}
}

func TestNoneExportsNothing(t *testing.T) {
	p := start(t, Config{Exporters: []string{None}}, Settings{})
	feed(p, 1, 1)
	if len(p.Stats()) > 0 || p.Shutdown(t.Context()) != nil {
		t.Error("something is exported")
	}
}
