package telemetry

import (
	"cmp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	namespace = "throughline"
	lostName  = namespace + "_lost_total"
	lostHelp  = "What was lost, by reason; events, spans or bytes as the reason says."
)

// Collector shows a Set to Prometheus. It describes nothing in advance, since the sources may add reasons while the
// agent runs.
type Collector struct{ set *Set }

// NewCollector makes the collector of a set.
func NewCollector(set *Set) *Collector { return &Collector{set: set} }

var _ prometheus.Collector = (*Collector)(nil)

// Describe sends nothing, which makes this an unchecked collector.
func (*Collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends one metric for each sample of a fresh snapshot.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	help := map[string]string{}
	for _, sample := range c.set.Snapshot() {
		name, kind := sample.metric()
		if _, ok := help[name]; !ok {
			help[name] = cmp.Or(sample.Help, "The agent's own figure "+name+".")
		}
		if sample.Kind == Loss {
			help[name] = lostHelp
		}
		names, values := sample.labels()
		metric, err := prometheus.NewConstMetric(
			prometheus.NewDesc(name, help[name], names, nil), kind, float64(sample.Value), values...)
		if err != nil {
			metric = prometheus.NewInvalidMetric(prometheus.NewDesc(name, help[name], nil, nil), err)
		}
		out <- metric
	}
}

// metric is the sample's name and kind in Prometheus' words.
func (s *Sample) metric() (string, prometheus.ValueType) {
	switch s.Kind {
	case Loss:
		return lostName, prometheus.CounterValue
	case Level:
		return namespace + "_" + s.Name, prometheus.GaugeValue
	default:
		return namespace + "_" + s.Name + "_total", prometheus.CounterValue
	}
}

// labels are the sample's labels in the order of their names.
func (s *Sample) labels() (names, values []string) {
	if s.Kind == Loss {
		return []string{"reason"}, []string{s.Name}
	}
	sorted := slices.SortedFunc(slices.Values(s.Labels), func(a, b Label) int { return cmp.Compare(a.Name, b.Name) })
	for _, label := range sorted {
		names = append(names, label.Name)
		values = append(values, label.Value)
	}
	return names, values
}
