package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A histogram is one series as a receiver sees it.
type histogram struct {
	labels map[string]string
	count  int
	upper  []float64 // of the buckets, in seconds; the last is infinite
	counts []int
	traces []string // of exemplars
}

// above is how many took longer than a bound of the histogram.
func (h histogram) above(bound float64) (n int) {
	for i, count := range h.counts {
		if i > 0 && h.upper[i-1] >= bound {
			n += count
		}
	}
	return n
}

// measurements are the series of each metric, named as Prometheus names them.
type measurements map[string][]histogram

// sum adds up the series of a metric that have these labels; "" is a label that is not there, "*" one that is.
func (m measurements) sum(name string, labels map[string]string) (n int) {
	for _, h := range m[name] {
		fits := true
		for k, want := range labels {
			got, there := h.labels[k]
			fits = fits && (got == want || want == "*" && there)
		}
		if fits {
			n += h.count
		}
	}
	return n
}

// scraped reads a page in Prometheus' text format: counters and histograms.
func scraped(t *testing.T, page string) measurements {
	t.Helper()
	line := regexp.MustCompile(`^(\w+)\{(.*)\} ([0-9.e+-]+)$`)
	label := regexp.MustCompile(`(\w+)="([^"]*)",?`)
	m := measurements{}
	for text := range strings.Lines(page) {
		found := line.FindStringSubmatch(strings.TrimSpace(text))
		if found == nil || !regexp.MustCompile(`^(http|db|rpc|traces)_`).MatchString(found[1]) {
			continue
		}
		value, err := strconv.ParseFloat(found[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		labels, upper := map[string]string{}, ""
		for _, l := range label.FindAllStringSubmatch(found[2], -1) {
			if l[1] == "le" {
				upper = l[2]
				continue
			}
			labels[l[1]] = l[2]
		}
		name, part := found[1], "count"
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if base, ok := strings.CutSuffix(name, suffix); ok {
				name, part = base, suffix[1:]
			}
		}
		if part == "sum" {
			continue
		}
		i := slices.IndexFunc(m[name], func(h histogram) bool { return fmt.Sprint(h.labels) == fmt.Sprint(labels) })
		if i < 0 {
			i = len(m[name])
			m[name] = append(m[name], histogram{labels: labels})
		}
		h := &m[name][i]
		if part == "count" {
			h.count = int(value)
			continue
		}
		bound, err := strconv.ParseFloat(upper, 64)
		if err != nil {
			t.Fatal(err)
		}
		before := 0
		for _, n := range h.counts {
			before += n
		}
		h.upper, h.counts = append(h.upper, bound), append(h.counts, int(value)-before)
	}
	return m
}

// number64 is a number of OTLP's JSON, where 64 bits are text.
type number64 int64

func (n *number64) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	*n = number64(v)
	return err
}

type otlpAttributes []struct {
	Key   string
	Value map[string]any
}

func (a otlpAttributes) labels(to map[string]string) {
	for _, one := range a {
		for _, v := range one.Value {
			to[strings.ReplaceAll(one.Key, ".", "_")] = fmt.Sprint(v)
		}
	}
}

type otlpPoint struct {
	Attributes     otlpAttributes
	AsInt          number64
	Count          number64
	BucketCounts   []number64
	ExplicitBounds []float64
	Scale          int
	ZeroCount      number64
	Positive       struct {
		Offset       int
		BucketCounts []number64
	}
	Exemplars []struct{ TraceID string }
}

// histogram reads a point of any of the three kinds.
func (p *otlpPoint) histogram() histogram {
	h := histogram{count: int(p.Count) + int(p.AsInt)}
	for _, x := range p.Exemplars {
		h.traces = append(h.traces, x.TraceID)
	}
	for i, n := range p.BucketCounts {
		bound := math.Inf(1)
		if i < len(p.ExplicitBounds) {
			bound = p.ExplicitBounds[i]
		}
		h.upper, h.counts = append(h.upper, bound), append(h.counts, int(n))
	}
	for i, n := range p.Positive.BucketCounts {
		h.upper = append(h.upper, math.Exp2(float64(p.Positive.Offset+i+1)*math.Exp2(-float64(p.Scale))))
		h.counts = append(h.counts, int(n))
	}
	return h
}

// measured is what a collector wrote last of each service. Metrics are cumulative.
func (c *collector) measured(t *testing.T) measurements {
	t.Helper()
	text, err := os.ReadFile(c.metrics)
	if err != nil {
		return nil // nothing came yet
	}
	last := map[string]measurements{}
	for line := range strings.Lines(string(text)) {
		var page struct {
			ResourceMetrics []struct {
				Resource     struct{ Attributes otlpAttributes }
				ScopeMetrics []struct {
					Metrics []struct {
						Name                                 string
						Sum, Histogram, ExponentialHistogram struct{ DataPoints []otlpPoint }
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(line), &page); err != nil {
			continue // a line that is being written
		}
		for _, of := range page.ResourceMetrics {
			resource, m := map[string]string{}, measurements{}
			of.Resource.Attributes.labels(resource)
			for _, scope := range of.ScopeMetrics {
				for _, metric := range scope.Metrics {
					name := strings.ReplaceAll(metric.Name, ".", "_")
					if strings.HasPrefix(name, "http_") {
						name += "_seconds"
					}
					for _, p := range slices.Concat(metric.Sum.DataPoints, metric.Histogram.DataPoints, metric.ExponentialHistogram.DataPoints) {
						h := p.histogram()
						h.labels = map[string]string{"service_name": resource["service_name"]}
						p.Attributes.labels(h.labels)
						m[name] = append(m[name], h)
					}
				}
			}
			if resource["service_name"] == "" || resource["process_pid"] != "" {
				t.Fatalf("metrics are of the resource %v", resource)
			}
			last[resource["service_name"]] = m
		}
	}
	all := measurements{}
	for _, m := range last {
		for name, series := range m {
			all[name] = append(all[name], series...)
		}
	}
	return all
}

// TestMetricsOfRequests: what a load generator asked through a proxy, a Go service and a Python service is what the metrics count,
// at any sampling, in both kinds of histograms, on the Prometheus endpoint and in a collector.
func TestMetricsOfRequests(t *testing.T) {
	for _, c := range []struct{ name, ratio, buckets, protocol string }{
		{"all sampled", "1", "explicit_bucket_histogram", "grpc"},
		{"one in a hundred", "0.01", "explicit_bucket_histogram", "http/protobuf"},
		{"one in a hundred, exponential", "0.01", "base2_exponential_bucket_histogram", "grpc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			receiver := r.collector()
			endpoint := receiver.grpc
			if c.protocol != "grpc" {
				endpoint = receiver.http + "/v1/metrics"
			}
			last := pythonThreads.start(r, "")
			middle := goNet.start(r, last.address)
			first := nginx.start(r, middle.address)
			address := fmt.Sprintf("127.0.0.1:%d", r.freePort())
			agent := r.startAgentIn([]string{
				"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=" + c.ratio,
				"OTEL_METRICS_EXPORTER=otlp,prometheus", "THROUGHLINE_METRICS_ADDR=" + address, "OTEL_METRIC_EXPORT_INTERVAL=500",
				"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://" + endpoint, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=" + c.protocol,
				"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=" + c.buckets,
			}, "trace", "-o", "json", "--pid", number(first.pid()), "--pid", number(middle.pid()), "--pid", number(last.pid()))
			agent.awaitAttached()

			const clients, rounds = 4, 60
			page := r.newAsker(address)
			paths := []string{"/kept/ok", "/kept/status/500", "/kept/status/404", "/kept/callnet/ok", "/kept/slow/30", "/ok.txt", "/broken"}
			var askers []*asker
			var wait sync.WaitGroup
			for range clients {
				ask := r.newAsker(first.address)
				askers = append(askers, ask)
				wait.Go(func() {
					for i := range rounds {
						for n, path := range paths {
							var hows []how
							if (i+n)%5 == 0 {
								hows = append(hows, flagged("00"))
							}
							if path == "/kept/slow/30" && i%4 > 0 {
								continue
							}
							if _, err := ask.ask(path, hows...); err != nil {
								t.Errorf("asking for %s: %v", path, err)
							}
						}
					}
				})
			}
			wait.Wait()
			var asked []asked
			for _, ask := range askers {
				asked = append(asked, ask.asked...)
			}
			names := map[string]string{"nginx": "nginx", "go": middle.name, "python": pythonThreads.traits.name} // of the services
			spans := map[string]int{}                                                                            // what was asked of each, by status
			slow, calls := 0, 0
			var took, least []float64
			for _, x := range asked {
				spans[fmt.Sprint("nginx ", x.status)]++
				if strings.HasPrefix(x.path, "/kept/") {
					spans[fmt.Sprint("go ", x.status)]++
				}
				if x.path == "/kept/callnet/ok" {
					calls++
				}
				took, least = append(took, x.took.Seconds()), append(least, 0)
				if x.path == "/kept/slow/30" {
					slow++
					least[len(least)-1] = 0.03
				}
			}
			compare := func(from string, m measurements) {
				t.Helper()
				count := func(want int, metric string, labels map[string]string) {
					t.Helper()
					if got := m.sum(metric, labels); got != want {
						t.Errorf("%s: %s of %v is %d, want %d", from, metric, labels, got, want)
					}
				}
				const served, made = "http_server_request_duration_seconds", "http_client_request_duration_seconds"
				for _, who := range []string{"nginx", "go"} {
					all, errors, failed := 0, 0, 0
					for _, status := range []int{200, 404, 500} {
						n := spans[fmt.Sprint(who, " ", status)]
						all += n
						if status == 500 {
							errors += n
						}
						if status != 200 {
							failed += n
						}
						count(n, served, map[string]string{"service_name": names[who], "http_response_status_code": number(status)})
					}
					count(all, served, map[string]string{"service_name": names[who]})
					count(errors, served, map[string]string{"service_name": names[who], "error_type": "*"})
					if who == "go" { // whom nginx asked
						count(all, made, map[string]string{"service_name": names["nginx"], "server_port": "*"})
						count(failed, made, map[string]string{"service_name": names["nginx"], "error_type": "*"})
						count(all, "traces_service_graph_request_total", map[string]string{"client": names["nginx"], "server": names["go"], "connection_type": ""})
						count(failed, "traces_service_graph_request_failed_total", map[string]string{"client": names["nginx"], "server": names["go"], "connection_type": ""})
					}
				}
				count(calls, served, map[string]string{"service_name": names["python"]})
				count(calls, made, map[string]string{"service_name": names["go"]})
				count(calls, "traces_service_graph_request_total", map[string]string{"client": names["go"], "server": names["python"], "connection_type": ""})
				count(slow, served, map[string]string{"service_name": names["go"], "http_route": "/slow/{ms}"})
				count(0, served, map[string]string{"otel_metric_overflow": "*"})
			}
			within := func(from string, m measurements) {
				t.Helper()
				checked := 0
				var bounds []float64
				for _, h := range m["http_server_request_duration_seconds"] {
					bounds = append(bounds, h.upper...)
				}
				for _, bound := range bounds {
					longer, low, high := 0, 0, 0
					for _, h := range m["http_server_request_duration_seconds"] {
						if h.labels["service_name"] == names["nginx"] {
							longer += h.above(bound)
						}
					}
					for i := range took {
						if took[i] > bound {
							high++
						}
						if least[i] > bound {
							low++
						}
					}
					checked++
					// Exponential series have bounds of their own each: of those, quantiles are compared.
					if c.buckets == "explicit_bucket_histogram" && (longer > high || longer < low) {
						t.Errorf("%s: %d requests took longer than %v s by the metrics, %d by their client, %d slept so long", from, longer, bound, high, low)
					}
				}
				if checked == 0 {
					t.Errorf("%s: no buckets", from)
				}
				for _, p := range []float64{0.5, 0.9, 0.99} {
					low, high := quantile(m["http_server_request_duration_seconds"], names["nginx"], p)
					slices.Sort(took)
					slices.Sort(least)
					i := int(math.Ceil(p*float64(len(took)))) - 1
					t.Logf("%s: p%.0f of nginx is in (%.6f, %.6f] s, by its client %.6f s", from, 100*p, low, high, took[i])
					if low > took[i] || high < least[i] {
						t.Errorf("%s: p%.0f is in (%v, %v] s, its client measured %v s and the service slept %v s", from, 100*p, low, high, took[i], least[i])
					}
				}
			}
			total, passed := len(asked), 0
			for _, x := range asked {
				if strings.HasPrefix(x.path, "/kept/") {
					passed++
				}
			}
			// Services are told of one by one: all there is of the last event has come, or never will.
			came := func(m measurements) bool {
				return m.sum("http_server_request_duration_seconds", map[string]string{"service_name": names["nginx"]}) >= total &&
					m.sum("http_server_request_duration_seconds", map[string]string{"service_name": names["python"]}) >= calls &&
					m.sum("traces_service_graph_request_total", map[string]string{"connection_type": ""}) >= passed+calls
			}
			var m measurements
			poll(5*time.Second, func() bool {
				m = scraped(t, page.get("/metrics").body)
				return came(m)
			})
			compare("Prometheus", m)
			if c.buckets == "explicit_bucket_histogram" { // native histograms have no text
				within("Prometheus", m)
			}
			agent.signal(syscall.SIGTERM)
			if status := agent.wait(6 * time.Second); status != 0 {
				t.Errorf("exit status %d", status)
			}
			poll(5*time.Second, func() bool {
				m = receiver.measured(t)
				return came(m)
			})
			compare("collector", m)
			within("collector", m)

			exported := map[string]bool{}
			for _, s := range agent.spans() {
				exported[s.Trace] = true
			}
			exemplars := 0
			for _, series := range m {
				for _, h := range series {
					for _, trace := range h.traces {
						exemplars++
						if !exported[trace] {
							t.Errorf("an exemplar is of trace %q, of which no span is exported", trace)
						}
					}
				}
			}
			if len(exported) > 0 && exemplars == 0 {
				t.Errorf("no exemplars, and %d traces", len(exported))
			}
			t.Logf("%d requests, %d traces exported, %d exemplars", total, len(exported), exemplars)
			if c.ratio != "1" && len(exported) > total/20 {
				t.Errorf("%d of %d traces are sampled", len(exported), total)
			}
			if !lostNothing.MatchString(agent.said()) {
				t.Errorf("something is lost: %s", agent.lastLine())
			}
		})
	}
}

// TestMetricsOfStatements: statements are measured with the requests that they belong to, and the database is who was called,
// when nothing is sampled and no collector is there.
func TestMetricsOfStatements(t *testing.T) {
	r := newRig(t)
	s := r.service(command{args: []string{r.framework("postgres"), "-listen", "{address}"}}, "")
	port := r.freePort()
	agent := r.startAgentIn([]string{"OTEL_TRACES_SAMPLER=always_off", "OTEL_METRICS_EXPORTER=prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT=" + number(port)},
		"trace", "-o", "json", "--pid", number(s.pid()))
	agent.awaitAttached()
	ask, page := r.newAsker(s.address), r.newAsker(fmt.Sprintf("localhost:%d", port))
	const n = 25
	for range n {
		ask.get("/")
	}
	var m measurements
	poll(5*time.Second, func() bool {
		m = scraped(t, page.get("/metrics").body)
		return m.sum("http_server_request_duration_seconds", nil) >= n
	})
	for name, labels := range map[string]map[string]string{
		"http_server_request_duration_seconds":        {"service_name": s.name, "http_response_status_code": "200"},
		"db_client_operation_duration_seconds":        {"service_name": s.name, "db_system_name": "postgresql", "db_operation_name": "*"},
		"traces_service_graph_request_total":          {"client": s.name, "server": "postgresql", "connection_type": "database"},
		"traces_service_graph_request_client_seconds": {"client": s.name},
	} {
		if got := m.sum(name, labels); got != n {
			t.Errorf("%s of %v is %d, want %d: %v", name, labels, got, n, m[name])
		}
	}
	if spans := agent.stop(); len(spans) > 0 {
		t.Errorf("%d spans, and nothing is sampled", len(spans))
	}
}

// quantile gives the bounds of the bucket that a service's quantile lies in.
func quantile(all []histogram, service string, p float64) (low, high float64) {
	type bucket struct {
		low, high float64
		n         int
	}
	var buckets []bucket
	total := 0
	for _, h := range all {
		if h.labels["service_name"] != service {
			continue
		}
		for i, n := range h.counts {
			b := bucket{high: h.upper[i], n: n}
			if i > 0 {
				b.low = h.upper[i-1]
			} else if len(h.upper) > 1 && h.upper[1] < 2*h.upper[0] { // exponential: the first has a lower bound too
				b.low = h.upper[0] * h.upper[0] / h.upper[1]
			}
			buckets, total = append(buckets, b), total+n
		}
	}
	slices.SortFunc(buckets, func(a, b bucket) int {
		switch {
		case a.high < b.high:
			return -1
		case a.high > b.high:
			return 1
		}
		return 0
	})
	rank := int(math.Ceil(p * float64(total)))
	for _, b := range buckets {
		if rank -= b.n; rank <= 0 {
			return b.low, b.high
		}
	}
	return 0, 0
}
