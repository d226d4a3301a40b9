// Package metrics measures exchanges before sampling leaves any of them out: histograms of their durations in the words of
// OpenTelemetry's semantic conventions, and a graph of who calls whom. It aggregates itself and hands over what the SDK's
// exporters take: one meter provider a traced service would cost far more than its spans.
package metrics

import (
	"math"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/internal/telemetry"
)

const (
	// DefaultSeries is how many series an instrument has at most, the one for what has no room among them.
	DefaultSeries = 2000
	// idle is after what time a series gives way, when its instrument has no more room.
	idle = time.Hour
	// maxResources bounds the services; what is measured of those beyond is the agent's own.
	maxResources = 1024
)

// Config says what is measured and how. The zero value has explicit buckets and no exemplars.
type Config struct {
	// Series bounds each instrument, over all services; 0: DefaultSeries.
	Series int
	// Exponential buckets instead of explicit ones.
	Exponential bool
	// Exemplars are spans that are exported, beside what was measured of them.
	Exemplars bool
	// Graph counts who calls whom.
	Graph bool
	// Redact gives attributes as they may leave the host; nil: as they are. It is asked once a series.
	Redact func([]attribute.KeyValue) []attribute.KeyValue
	// Agent is the resource of the graph and of overflow, which are of no one service.
	Agent *resource.Resource
	// Scope is whose measurements these are.
	Scope instrumentation.Scope
}

// A Measured is a finished exchange with what correlate knows of it.
type Measured struct {
	Exchange *flow.Exchange
	Resource *resource.Resource // made by Resource; the same pointer for each of a process's exchanges
	Service  string
	// Span is sampled if it is exported, and Parent is valid if there is one.
	Span, Parent trace.SpanContext
	End          time.Time
}

// A Recorder aggregates. It is used by any number of goroutines.
type Recorder struct {
	Config

	mu          sync.Mutex
	instruments []instrument
	tables      []table // by instrument
	graph       graph
	agent       *described
	resources   map[attribute.Distinct]*described
	processes   map[*resource.Resource]*described
	numbered    uint64
	key         []byte // for building one
}

// described is a resource that metrics are of.
type described struct {
	number   uint64
	resource *resource.Resource
}

// New makes a recorder.
func New(c Config) *Recorder {
	if c.Series <= 1 {
		c.Series = DefaultSeries
	}
	if c.Agent == nil {
		c.Agent = resource.Empty()
	}
	if c.Redact == nil {
		c.Redact = func(all []attribute.KeyValue) []attribute.KeyValue { return all }
	}
	r := &Recorder{
		Config: c, instruments: instruments(), agent: &described{resource: c.Agent},
		resources: map[attribute.Distinct]*described{}, processes: map[*resource.Resource]*described{},
	}
	for i := range r.instruments {
		r.tables = append(r.tables, newTable(c.Series, r.bounds(r.instruments[i].bounds)))
	}
	r.graph = newGraph(c.Series, r.bounds(edgeBounds), r.peer)
	return r
}

func (r *Recorder) bounds(explicit []float64) []float64 {
	if r.Exponential {
		return nil
	}
	return explicit
}

// Record measures one exchange.
func (r *Recorder) Record(m *Measured) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seconds := float64(m.Exchange.End-m.Exchange.Start) / float64(time.Second)
	if i := r.fitting(m.Exchange); i >= 0 {
		s := r.series(i, m)
		bucket := s.durations.record(seconds)
		if r.Exemplars && m.Span.IsSampled() {
			s.exemplars.offer(bucket, len(s.durations.explicit.counts), exemplar{
				value: seconds, at: m.End, traceID: m.Span.TraceID(), spanID: m.Span.SpanID(),
			})
		}
	}
	if r.Graph {
		r.graph.record(m, seconds)
	}
}

// fitting is the instrument that measures an exchange, or -1.
func (r *Recorder) fitting(x *flow.Exchange) int {
	for i := range r.instruments {
		if r.instruments[i].kind == x.Kind && find(x.Attributes, r.instruments[i].marker) != nil {
			return i
		}
	}
	return -1
}

func find(all []attribute.KeyValue, key attribute.Key) *attribute.Value {
	for i := range all {
		if all[i].Key == key {
			return &all[i].Value
		}
	}
	return nil
}

// series finds the exchange's series of an instrument. It allocates nothing for one that is known.
func (r *Recorder) series(i int, m *Measured) *series {
	of := r.describe(m.Resource)
	keys := r.instruments[i].keys
	key := appendNumber(r.key[:0], of.number)
	for n := range keys {
		if v := find(m.Exchange.Attributes, keys[n]); v != nil {
			key = appendKey(append(key, byte(n)), *v)
		}
	}
	r.key = key
	return r.tables[i].of(key, m.End, func() (*described, attribute.Set) {
		attributes := make([]attribute.KeyValue, 0, len(keys))
		for _, k := range keys {
			if v := find(m.Exchange.Attributes, k); v != nil {
				attributes = append(attributes, attribute.KeyValue{Key: k, Value: *v})
			}
		}
		return of, attribute.NewSet(r.Redact(attributes)...)
	})
}

// Resource is what the metrics of a process are of: the resource of its spans without what tells one process of a service
// from another, so that a service that forks workers, or is started anew, goes on counting. instance is the
// service.instance.id that the process has of the agent; one that somebody gave it stays.
func Resource(of *resource.Resource, instance string) *resource.Resource {
	var kept []attribute.KeyValue
	for _, a := range of.Attributes() {
		switch {
		case strings.HasPrefix(string(a.Key), "process.") && !strings.HasPrefix(string(a.Key), "process.runtime."):
		case a.Key == semconv.ServiceInstanceIDKey && a.Value.AsString() == instance:
		default:
			kept = append(kept, a)
		}
	}
	return resource.NewWithAttributes(of.SchemaURL(), kept...)
}

// describe finds what is known of a resource.
func (r *Recorder) describe(of *resource.Resource) *described {
	if d, ok := r.processes[of]; ok {
		return d
	}
	d, ok := r.resources[of.Equivalent()]
	if !ok {
		if len(r.resources) >= maxResources {
			return r.agent
		}
		r.numbered++
		d = &described{number: r.numbered, resource: of}
		r.resources[of.Equivalent()] = d
	}
	if len(r.processes) >= maxResources {
		clear(r.processes)
	}
	r.processes[of] = d
	return d
}

// peer names the other end of a call as it may leave the host.
func (r *Recorder) peer(address string) string {
	for _, a := range r.Redact([]attribute.KeyValue{semconv.ServerAddress(address)}) {
		return a.Value.AsString()
	}
	return ""
}

// Tick counts calls whose other end did not show up; now is CLOCK_MONOTONIC nanoseconds.
func (r *Recorder) Tick(now uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.graph.expire(now)
}

// Close counts all calls whose other end did not show up yet.
func (r *Recorder) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.graph.expire(math.MaxUint64)
}

// Collect gives everything that was measured since the beginning, a resource at a time.
func (r *Recorder) Collect(now time.Time) []*metricdata.ResourceMetrics {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*metricdata.ResourceMetrics
	at := map[*described]*metricdata.ResourceMetrics{}
	add := func(of *described, m metricdata.Metrics) {
		into, ok := at[of]
		if !ok {
			into = &metricdata.ResourceMetrics{Resource: of.resource, ScopeMetrics: []metricdata.ScopeMetrics{{Scope: r.Scope}}}
			at[of], all = into, append(all, into)
		}
		into.ScopeMetrics[0].Metrics = append(into.ScopeMetrics[0].Metrics, m)
	}
	for i := range r.tables {
		r.tables[i].forget(now.Add(-idle))
		of := map[*described][]*series{}
		var order []*described
		r.tables[i].each(func(s *series) {
			owner := s.resource
			if owner == nil {
				owner = r.agent
			}
			if of[owner] == nil {
				order = append(order, owner)
			}
			of[owner] = append(of[owner], s)
		})
		for _, owner := range order {
			if data := points(of[owner], now, func(s *series) (*histogram, *exemplars) { return &s.durations, &s.exemplars }); data != nil {
				add(owner, metricdata.Metrics{
					Name: r.instruments[i].name, Description: r.instruments[i].description, Unit: "s", Data: data,
				})
			}
		}
	}
	r.graph.forget(now.Add(-idle))
	for _, m := range r.graph.metrics(now) {
		add(r.agent, m)
	}
	r.prune()
	return all
}

// prune forgets the resources that have no series, when there are many.
func (r *Recorder) prune() {
	if len(r.resources) < maxResources/2 {
		return
	}
	used := map[*described]bool{}
	for i := range r.tables {
		r.tables[i].each(func(s *series) { used[s.resource] = true })
	}
	for key, d := range r.resources {
		if !used[d] {
			delete(r.resources, key)
		}
	}
	clear(r.processes)
}

// Samples are the figures of this stage.
func (r *Recorder) Samples() []telemetry.Sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	series, folded := len(r.graph.edges), r.graph.folded
	for i := range r.tables {
		series += len(r.tables[i].series)
		folded += r.tables[i].folded
	}
	return []telemetry.Sample{
		{Name: "metric_series", Kind: telemetry.Level, Help: "Series of the metrics that exchanges make.", Value: uint64(series)},
		{Name: "metric_overflows", Help: "Measurements counted in the series for what has no room.", Value: folded},
		{Name: "graph_waiting", Kind: telemetry.Level, Help: "Calls whose other end is waited for.", Value: uint64(r.graph.waiting)},
		{Name: "graph_hurried", Help: "Calls counted with one end, since too many were waited for.", Value: r.graph.hurried},
	}
}

// failed tells whether an exchange ended in an error.
func failed(x *flow.Exchange) bool { return x.Status == codes.Error }
