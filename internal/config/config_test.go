package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/throughline/throughline/internal/destination"
)

func TestLoad(t *testing.T) {
	all := "pids: [1, 2]\nexes: ['/usr/bin/*']\nports: [80]\ncontainers: [abc]\npropagation: off\ninject_blocking: false\n" +
		"flavour: kprobe\nring_bytes: 4096\ncapture_bytes: 1024\nmetrics_addr: ':9090'\nlog_level: debug\n" +
		"sampling: {keep_errors: true, keep_slower_than: 500ms, max_per_second: 0.5}\n" +
		"redaction:\n  enabled: false\n  headers: [x-request-id]\n  salt: pepper\n  rules: [{attribute: 'url.*', pattern: 'a+', replace: b}, {attribute: x, hash: true}]\n" +
		"routes: off\nroutes_file: /var/lib/routes\n" +
		"metrics: {max_series: 50, service_graph: off}\n" +
		"spool: {dir: /var/lib/throughline, max_bytes: 5000000}\n"
	b := "b"
	whole := Config{PIDs: []int{1, 2}, Exes: []string{"/usr/bin/*"}, Ports: []int{80}, Containers: []string{"abc"},
		Propagation: Propagation{Mode: PropagationOff}, Flavour: "kprobe", RingBytes: 4096, CaptureBytes: 1024, MetricsAddr: ":9090", LogLevel: "debug",
		Sampling: Sampling{KeepErrors: true, KeepSlowerThan: 500 * time.Millisecond, MaxPerSecond: 0.5},
		Redaction: Redaction{Headers: []string{"x-request-id"}, Salt: "pepper",
			Rules: []RedactionRule{{Attribute: "url.*", Pattern: "a+", Replace: &b}, {Attribute: "x", Hash: true}}},
		Routes: RoutesOff, RoutesFile: "/var/lib/routes", Metrics: Metrics{MaxSeries: 50},
		Spool: Spool{Dir: "/var/lib/throughline", MaxBytes: 5000000}}
	for _, c := range []struct {
		name, file string
		env        map[string]string
		want       func(*Config)
		err        string
	}{
		{name: "nothing said"},
		{name: "empty page", file: "# nothing\n"},
		{name: "every key", file: all, want: func(c *Config) { *c = whole }},
		{name: "environment over file", file: "ports: [80]\npropagation: headers\n",
			env:  map[string]string{"THROUGHLINE_PORTS": "8080, 9090", "THROUGHLINE_PROPAGATION": "joins"},
			want: func(c *Config) { c.Ports = []int{8080, 9090}; c.Propagation.Mode = PropagationJoins }},
		{name: "environment over a mapping", file: "sampling:\n  keep_errors: true\n  max_per_second: 5\n",
			env: map[string]string{"THROUGHLINE_SAMPLING_KEEP_SLOWER_THAN": "2s", "THROUGHLINE_SAMPLING_MAX_PER_SECOND": "7.5"},
			want: func(c *Config) {
				c.Sampling = Sampling{KeepErrors: true, KeepSlowerThan: 2 * time.Second, MaxPerSecond: 7.5}
			}},
		{name: "unknown key of a mapping", file: "sampling: {keep_all: true}\n", err: "keep_all is not a setting of sampling"},
		{name: "exporters", file: "exporters: {otlp: , zipkin: {endpoint: 'http://z', headers: {A: b}, timeout: 3s, tls: {ca: f}, compression: gzip}}\n",
			want: func(c *Config) {
				c.Exporters = map[string]destination.Settings{"otlp": {}, "zipkin": {Endpoint: "http://z", Headers: map[string]string{"A": "b"},
					Timeout: 3 * time.Second, TLS: destination.TLS{CA: "f"}, Compression: "gzip"}}
			}},
		{name: "unknown key of an exporter", file: "exporters: {zipkin: {url: x}}\n", err: "url is not a setting of any exporter"},
		{name: "unknown key of tls", file: "exporters: {zipkin: {tls: {file: x}}}\n", err: "file is not a setting of tls"},
		{name: "spool in the environment", env: map[string]string{"THROUGHLINE_SPOOL_DIR": "/spool", "THROUGHLINE_SPOOL_MAX_BYTES": "2000000"},
			want: func(c *Config) { c.Spool = Spool{Dir: "/spool", MaxBytes: 2000000} }},
		{name: "unknown key of the spool", file: "spool: {size: 5}\n", err: "size is not a setting of spool"},
		{name: "unknown key of redaction", file: "redaction: {header: [a]}\n", err: "header is not a setting of redaction"},
		{name: "unknown key of a rule", file: "redaction: {rules: [{attributes: a}]}\n", err: "attributes is not a setting of a rule of redaction"},
		{name: "environment over redaction", file: "redaction: {enabled: true, salt: a}\nroutes: all\n",
			env:  map[string]string{"THROUGHLINE_REDACTION_ENABLED": "off", "THROUGHLINE_REDACTION_HEADERS": "a, b", "THROUGHLINE_ROUTES": "off"},
			want: func(c *Config) { c.Redaction = Redaction{Salt: "a", Headers: []string{"a", "b"}}; c.Routes = RoutesOff }},
		{name: "environment over metrics", file: "metrics: {max_series: 50}\n",
			env:  map[string]string{"THROUGHLINE_METRICS_MAX_SERIES": "60", "THROUGHLINE_METRICS_SERVICE_GRAPH": "off"},
			want: func(c *Config) { c.Metrics = Metrics{MaxSeries: 60} }},
		{name: "unknown key of metrics", file: "metrics: {series: 1}\n", err: "series is not a setting of metrics"},
		{name: "no such routes", file: "routes: some\n", err: `routes cannot be "some"`},
		{name: "no such routes in the environment", env: map[string]string{"THROUGHLINE_ROUTES": "some"}, err: `THROUGHLINE_ROUTES="some"`},
		{name: "bad switch of redaction", env: map[string]string{"THROUGHLINE_REDACTION_ENABLED": "some"}, err: "THROUGHLINE_REDACTION_ENABLED"},
		{name: "bad time", env: map[string]string{"THROUGHLINE_SAMPLING_KEEP_SLOWER_THAN": "500"}, err: "THROUGHLINE_SAMPLING_KEEP_SLOWER_THAN"},
		{name: "unknown key", file: "port: [80]\n", err: "port is not a setting"},
		{name: "not YAML", file: "a: b: c", err: "reading the configuration"},
		{name: "wrong type", file: "ports: eighty\n", err: "cannot unmarshal"},
		{name: "bad number", env: map[string]string{"THROUGHLINE_PIDS": "1,x"}, err: `THROUGHLINE_PIDS="1,x" cannot be used`},
		{name: "bad switch", env: map[string]string{"THROUGHLINE_INJECT_BLOCKING": "perhaps"}, err: "THROUGHLINE_INJECT_BLOCKING"},
		{name: "propagation as a mapping", file: "propagation: {mode: joins}\n", want: func(c *Config) { c.Propagation.Mode = PropagationJoins }},
		{name: "TCP option", file: "propagation: {tcp: on}\n", want: func(c *Config) { c.Propagation.TCP = true }},
		{name: "TCP option and a mode", file: "propagation: {mode: joins, tcp: true}\n", want: func(c *Config) {
			c.Propagation = Propagation{Mode: PropagationJoins, TCP: true}
		}},
		{name: "TCP option in the environment", file: "propagation: {tcp: on}\n", env: map[string]string{"THROUGHLINE_PROPAGATION_TCP": "off"}},
		{name: "no such TCP option", file: "propagation: {tcp: some}\n", err: `propagation.tcp: "some" is neither on nor off`},
		{name: "no such TCP option in the environment", env: map[string]string{"THROUGHLINE_PROPAGATION_TCP": "some"},
			err: `THROUGHLINE_PROPAGATION_TCP="some"`},
		{name: "no such propagation", file: "propagation: some\n", err: `no propagation is called "some"`},
		{name: "no such propagation in a mapping", file: "propagation: {mode: [auto]}\n", err: "propagation is a name"},
		{name: "unknown key of propagation", file: "propagation: {modus: auto}\n", err: "propagation.modus is not a setting"},
		{name: "no such propagation in the environment", env: map[string]string{"THROUGHLINE_PROPAGATION": "no"}, err: `THROUGHLINE_PROPAGATION="no"`},
		{name: "too large", env: map[string]string{"THROUGHLINE_RING_BYTES": "99999999999"}, err: "THROUGHLINE_RING_BYTES"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := ""
			if c.file != "" {
				file = filepath.Join(t.TempDir(), "throughline.yaml")
				if err := os.WriteFile(file, []byte(c.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want := Default()
			if c.want != nil {
				c.want(&want)
			}
			got, err := Load(file, func(key string) string { return c.env[key] })
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %q in it", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "absent.yaml"), os.Getenv); err == nil {
		t.Error("a file that is not there is no error")
	}
}

// TestEveryKeyHasAVariable: each YAML key can be given as THROUGHLINE_<KEY>, but for lists of mappings.
func TestEveryKeyHasAVariable(t *testing.T) {
	for _, key := range keys(reflect.TypeFor[Config](), "THROUGHLINE_") {
		var asked []string
		var c Config
		if err := c.environment(func(k string) string { asked = append(asked, k); return "" }); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(" "+strings.Join(asked, " ")+" ", " "+key+" ") {
			t.Errorf("%s is never looked at", key)
		}
	}
}

// keys are the variables of a mapping's keys and of those of the mappings in it.
func keys(mapping reflect.Type, prefix string) (all []string) {
	for i := range mapping.NumField() {
		field := mapping.Field(i)
		key := prefix + strings.ToUpper(field.Tag.Get("yaml"))
		if field.Tag.Get("yaml") == "mode" { // which the mapping's own name stands for
			key = strings.TrimSuffix(prefix, "_")
		}
		if field.Type.Kind() == reflect.Map { // whose keys are names: destination.Override reads those variables
			continue
		}
		if field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct {
			continue
		}
		if field.Type.Kind() == reflect.Struct {
			all = append(all, keys(field.Type, key+"_")...)
			continue
		}
		all = append(all, key)
	}
	return all
}
