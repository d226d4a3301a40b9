// Package prometheus shows metrics of the OpenTelemetry SDK to Prometheus, named by the specification "Prometheus and
// OpenMetrics Compatibility". Explicit histograms become classic ones and exponential histograms native ones, which
// Prometheus gets only over its Protobuf format. Labels name the service; what resources tell beyond that is left out, and
// histograms that then have the same labels are added up.
package prometheus

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	prom "github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// Collector is an unchecked collector: what it shows begins while the agent runs.
type Collector struct {
	collect func(now time.Time) []*metricdata.ResourceMetrics
}

// New makes the collector of metrics that collect gives.
func New(collect func(now time.Time) []*metricdata.ResourceMetrics) *Collector {
	return &Collector{collect: collect}
}

var _ prom.Collector = (*Collector)(nil)

// Describe sends nothing.
func (*Collector) Describe(chan<- *prom.Desc) {}

// Collect sends every series once.
func (c *Collector) Collect(out chan<- prom.Metric) {
	page := page{at: map[string]*line{}}
	for _, of := range c.collect(time.Now()) {
		service := serviceLabels(of.Resource)
		for _, scope := range of.ScopeMetrics {
			for _, m := range scope.Metrics {
				labels := service
				if strings.HasPrefix(m.Name, "traces_service_graph_") { // of two services, which its labels name
					labels = nil
				}
				page.add(m, labels)
			}
		}
	}
	for _, l := range page.lines {
		metric, err := l.metric()
		if err != nil {
			metric = prom.NewInvalidMetric(prom.NewDesc(l.name, l.help, nil, nil), err)
		}
		out <- metric
	}
}

// serviceLabels are the labels that tell services apart.
func serviceLabels(of *resource.Resource) []attribute.KeyValue {
	var labels []attribute.KeyValue
	for _, key := range []attribute.Key{semconv.ServiceNameKey, semconv.ServiceNamespaceKey, semconv.ServiceInstanceIDKey} {
		if v, ok := of.Set().Value(key); ok {
			labels = append(labels, attribute.KeyValue{Key: key, Value: v})
		}
	}
	return labels
}

// page is what is shown, in order, with the place of each series.
type page struct {
	lines []*line
	at    map[string]*line
}

// A line is one series.
type line struct {
	name, help string
	labels     []string
	values     []string
	began      time.Time
	exemplars  []prom.Exemplar

	counter   bool
	value     float64 // of a counter; the sum of a histogram
	count     uint64
	bounds    []float64
	buckets   []uint64 // by bound, not added up
	native    bool
	scale     int32
	positive  map[int32]uint64
	zeroCount uint64
}

func (p *page) add(m metricdata.Metrics, service []attribute.KeyValue) {
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		for i := range data.DataPoints {
			d := &data.DataPoints[i]
			l := p.line(m, service, d.Attributes, d.StartTime)
			l.counter = true
			l.value += float64(d.Value)
		}
	case metricdata.Histogram[float64]:
		for i := range data.DataPoints {
			d := &data.DataPoints[i]
			l := p.line(m, service, d.Attributes, d.StartTime)
			l.value, l.count, l.bounds = l.value+d.Sum, l.count+d.Count, d.Bounds
			if l.buckets == nil {
				l.buckets = make([]uint64, len(d.BucketCounts))
			}
			for n, count := range d.BucketCounts {
				l.buckets[n] += count
			}
			l.exemplify(d.Exemplars)
		}
	case metricdata.ExponentialHistogram[float64]:
		for i := range data.DataPoints {
			d := &data.DataPoints[i]
			l := p.line(m, service, d.Attributes, d.StartTime)
			l.value, l.count, l.zeroCount = l.value+d.Sum, l.count+d.Count, l.zeroCount+d.ZeroCount
			l.merge(d)
			l.exemplify(d.Exemplars)
		}
	}
}

// line finds the series with these labels, or begins it.
func (p *page) line(m metricdata.Metrics, service []attribute.KeyValue, own attribute.Set, began time.Time) *line {
	labels := append(slices.Clone(service), own.ToSlice()...)
	l := &line{name: name(m), help: m.Description, began: began}
	for i := range labels {
		labels[i].Key = attribute.Key(underscored(string(labels[i].Key)))
	}
	slices.SortFunc(labels, func(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
	key := l.name
	for _, label := range labels {
		text := strings.ToValidUTF8(label.Value.String(), "\uFFFD")
		l.labels, l.values = append(l.labels, string(label.Key)), append(l.values, text)
		key += "\x00" + string(label.Key) + "\x00" + text
	}
	if known, ok := p.at[key]; ok {
		if began.Before(known.began) {
			known.began = began
		}
		return known
	}
	p.at[key], p.lines = l, append(p.lines, l)
	return l
}

// maxSchema is the finest that Prometheus knows.
const maxSchema = 8

// merge adds an exponential histogram's buckets, at the coarser of both scales.
func (l *line) merge(d *metricdata.ExponentialHistogramDataPoint[float64]) {
	scale := min(d.Scale, maxSchema)
	if l.native {
		scale = min(scale, l.scale)
		coarser := map[int32]uint64{}
		for i, count := range l.positive {
			coarser[i>>(l.scale-scale)] += count
		}
		l.positive = coarser
	} else {
		l.native, l.positive = true, map[int32]uint64{}
	}
	l.scale = scale
	for n, count := range d.PositiveBucket.Counts {
		if count > 0 {
			l.positive[(d.PositiveBucket.Offset+int32(n))>>(d.Scale-scale)] += count
		}
	}
}

func (l *line) exemplify(all []metricdata.Exemplar[float64]) {
	for _, x := range all {
		l.exemplars = append(l.exemplars, prom.Exemplar{Value: x.Value, Timestamp: x.Time, Labels: prom.Labels{
			"trace_id": hex.EncodeToString(x.TraceID), "span_id": hex.EncodeToString(x.SpanID),
		}})
	}
}

func (l *line) metric() (prom.Metric, error) {
	desc := prom.NewDesc(l.name, l.help, l.labels, nil)
	var metric prom.Metric
	var err error
	switch {
	case l.counter:
		metric, err = prom.NewConstMetricWithCreatedTimestamp(desc, prom.CounterValue, l.value, l.began, l.values...)
	case l.native:
		// Prometheus' bucket i ends where OpenTelemetry's bucket i begins.
		positive := map[int]int64{}
		for i, count := range l.positive {
			positive[int(i)+1] = int64(count)
		}
		metric, err = prom.NewConstNativeHistogram(desc, l.count, l.value, positive, nil, l.zeroCount, l.scale, 0, l.began, l.values...)
	default:
		buckets, sum := map[float64]uint64{}, uint64(0)
		for i, bound := range l.bounds {
			sum += l.buckets[i]
			buckets[bound] = sum
		}
		metric, err = prom.NewConstHistogramWithCreatedTimestamp(desc, l.count, l.value, buckets, l.began, l.values...)
	}
	if err != nil || len(l.exemplars) == 0 {
		return metric, err
	}
	return prom.NewMetricWithExemplars(metric, l.exemplars...)
}

// name is a metric's name with its unit.
func name(m metricdata.Metrics) string {
	n := underscored(m.Name)
	if m.Unit == "s" && !strings.HasSuffix(n, "_seconds") {
		n += "_seconds"
	}
	return n
}

// underscored writes a name with what Prometheus allows in one.
func underscored(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, s)
}
