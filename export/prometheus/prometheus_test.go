package prometheus

import (
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	prom "github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/throughline/throughline/internal/telemetry"
)

var began = time.Unix(1700000000, 0)

func of(host string, metrics ...metricdata.Metrics) *metricdata.ResourceMetrics {
	return &metricdata.ResourceMetrics{
		Resource:     resource.NewSchemaless(semconv.ServiceName("shop"), semconv.HostName(host)),
		ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: metrics}},
	}
}

func explicit(count uint64, exemplars ...metricdata.Exemplar[float64]) metricdata.Metrics {
	return metricdata.Metrics{Name: "http.server.request.duration", Unit: "s", Description: "How long.", Data: metricdata.Histogram[float64]{
		DataPoints: []metricdata.HistogramDataPoint[float64]{{
			Attributes: attribute.NewSet(attribute.String("http.route", "/a\n\"b\""), attribute.Int("http.response.status_code", 200)),
			StartTime:  began, Count: 3 * count, Sum: 1.5, Bounds: []float64{0.1, 1}, BucketCounts: []uint64{count, count, count}, Exemplars: exemplars,
		}},
	}}
}

func TestPage(t *testing.T) {
	data := []*metricdata.ResourceMetrics{
		of("a", explicit(1, metricdata.Exemplar[float64]{Value: 0.5, Time: began, TraceID: []byte{0xab, 1}, SpanID: []byte{0xcd, 2}})),
		of("b", explicit(10)), // the same service elsewhere: one series
		of("", metricdata.Metrics{Name: "traces_service_graph_request_total", Data: metricdata.Sum[int64]{
			DataPoints: []metricdata.DataPoint[int64]{{Attributes: attribute.NewSet(attribute.String("client", "a"), attribute.String("server", "b")), StartTime: began, Value: 7}},
		}}),
	}
	server, err := telemetry.Serve("127.0.0.1:0", telemetry.New(), slog.New(slog.DiscardHandler),
		New(func(time.Time) []*metricdata.ResourceMetrics { return data }))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown(t.Context())
	for accept, wants := range map[string][]string{
		"text/plain": {
			"# TYPE http_server_request_duration_seconds histogram\n",
			`http_server_request_duration_seconds_bucket{http_response_status_code="200",http_route="/a\n\"b\"",service_name="shop",le="0.1"} 11` + "\n",
			`http_server_request_duration_seconds_bucket{http_response_status_code="200",http_route="/a\n\"b\"",service_name="shop",le="1"} 22` + "\n",
			`http_server_request_duration_seconds_bucket{http_response_status_code="200",http_route="/a\n\"b\"",service_name="shop",le="+Inf"} 33` + "\n",
			`http_server_request_duration_seconds_sum{http_response_status_code="200",http_route="/a\n\"b\"",service_name="shop"} 3` + "\n",
			`http_server_request_duration_seconds_count{http_response_status_code="200",http_route="/a\n\"b\"",service_name="shop"} 33` + "\n",
			`traces_service_graph_request_total{client="a",server="b"} 7` + "\n",
		},
		"application/openmetrics-text;version=1.0.0": {
			`le="1.0"} 22 # {`, `trace_id="ab01"`, `span_id="cd02"`, `} 0.5 1.7e+09` + "\n", "traces_service_graph_request_total{",
		},
	} {
		q, err := http.NewRequest(http.MethodGet, "http://"+server.Addr()+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Accept", accept)
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(q)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		for _, want := range wants {
			if !strings.Contains(string(body), want) {
				t.Errorf("%s: no %q in\n%s", accept, want, body)
			}
		}
	}
}

// TestNative: what is in the buckets of exponential histograms of different scales is in Prometheus' buckets with bounds
// that hold it.
func TestNative(t *testing.T) {
	point := func(scale, offset int32, counts ...uint64) metricdata.Metrics {
		total := uint64(2)
		for _, n := range counts {
			total += n
		}
		return metricdata.Metrics{Name: "d", Unit: "s", Data: metricdata.ExponentialHistogram[float64]{
			DataPoints: []metricdata.ExponentialHistogramDataPoint[float64]{{
				StartTime: began, Count: total, Sum: 1, Scale: scale, ZeroCount: 2,
				PositiveBucket: metricdata.ExponentialBucket{Offset: offset, Counts: counts},
			}},
		}}
	}
	for _, c := range []struct {
		name   string
		data   []*metricdata.ResourceMetrics
		schema int32
		want   map[float64]uint64 // by upper bound
		zero   uint64
	}{
		{"as it is", []*metricdata.ResourceMetrics{of("a", point(0, -1, 3, 0, 4))}, 0, map[float64]uint64{1: 3, 4: 4}, 2},
		{"too fine", []*metricdata.ResourceMetrics{of("a", point(10, -4, 1, 1, 1, 1, 5))}, 8, map[float64]uint64{1: 4, math.Exp2(1. / 256): 5}, 2},
		{"two scales", []*metricdata.ResourceMetrics{of("a", point(1, -2, 1, 2, 4)), of("b", point(0, 0, 10))}, 0, map[float64]uint64{1: 3, 2: 14}, 4},
		{"two scales, the coarse first", []*metricdata.ResourceMetrics{of("b", point(0, 0, 10)), of("a", point(1, -2, 1, 2, 4))}, 0, map[float64]uint64{1: 3, 2: 14}, 4},
	} {
		out := make(chan prom.Metric, 10)
		New(func(time.Time) []*metricdata.ResourceMetrics { return c.data }).Collect(out)
		if len(out) != 1 {
			t.Fatalf("%s: %d series", c.name, len(out))
		}
		var got dto.Metric
		if err := (<-out).Write(&got); err != nil {
			t.Fatal(err)
		}
		h := got.GetHistogram()
		if h.GetSchema() != c.schema || h.GetZeroCount() != c.zero {
			t.Errorf("%s: schema %d with %d zeros", c.name, h.GetSchema(), h.GetZeroCount())
		}
		i, n, count := int32(0), 0, int64(0)
		found := map[float64]uint64{}
		for _, span := range h.GetPositiveSpan() {
			i += span.GetOffset()
			for range span.GetLength() {
				count += h.GetPositiveDelta()[n]
				if count > 0 {
					found[math.Exp2(float64(i)*math.Exp2(-float64(h.GetSchema())))] = uint64(count)
				}
				i, n = i+1, n+1
			}
		}
		for bound, want := range c.want {
			if found[bound] != want {
				t.Errorf("%s: %v, want %v", c.name, found, c.want)
			}
		}
	}
}
