package metrics

import (
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Who is on the other end of a call that nobody here made, or took. A root's client is called what Tempo calls it.
const (
	nobody  = "user"
	unknown = "unknown"
)

// The kinds of a connection, as Tempo's service graphs and the Collector's servicegraph connector name them.
const (
	traced   = ""
	virtual  = "virtual_node"
	database = "database"
)

// edgeBounds are the connector's, in seconds.
var edgeBounds = []float64{0.002, 0.004, 0.006, 0.008, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1.4, 2, 5, 10, 15}

// An edge is one service calling another.
type edge struct {
	series           // of the two ends and the kind of the connection
	total, errors    int64
	served, answered histogram // as the server and as the client measured
}

// count adds one call. The server's name has a port if it is an address.
func (g *graph) count(client, server string, to int, kind string, served, made *half) {
	at := time.Time{}
	for _, h := range []*half{served, made} {
		if h != nil && h.at.After(at) {
			at = h.at
		}
	}
	e := g.edge(client, server, to, kind, at)
	e.used = at
	e.total++
	if served != nil && served.failed || made != nil && made.failed {
		e.errors++
	}
	if served != nil {
		e.served.record(served.seconds)
	}
	if made != nil {
		e.answered.record(made.seconds)
	}
}

func (g *graph) edge(client, server string, to int, kind string, at time.Time) *edge {
	key := appendKey(g.key[:0], attribute.StringValue(client))
	key = appendKey(key, attribute.StringValue(server))
	g.key = append(appendNumber(key, uint64(to)), kind...)
	if e, ok := g.edges[string(g.key)]; ok {
		return e
	}
	if len(g.edges) >= g.most-1 {
		g.folded++
		if g.overflow == nil {
			g.overflow = g.newEdge(at, overflowKey.Bool(true))
		}
		return g.overflow
	}
	name := server
	switch {
	case kind == traced || server == "" || client == nobody || client == unknown:
	default:
		name = g.peer(server)
	}
	if name == "" {
		name = unknown
	}
	if to != 0 {
		name += ":" + strconv.Itoa(to)
	}
	e := g.newEdge(at, attribute.String("client", client), attribute.String("server", name), attribute.String("connection_type", kind))
	for _, other := range g.edges { // what redaction made the same is one
		if other.attributes.Equals(&e.attributes) {
			e = other
			break
		}
	}
	g.edges[string(g.key)] = e
	return e
}

func (g *graph) newEdge(at time.Time, attributes ...attribute.KeyValue) *edge {
	return &edge{
		series: series{attributes: attribute.NewSet(attributes...), began: at, used: at},
		served: newHistogram(g.bounds), answered: newHistogram(g.bounds),
	}
}

func (g *graph) forget(since time.Time) {
	if len(g.edges) < g.most-1 {
		return
	}
	for key, e := range g.edges {
		if e.used.Before(since) {
			delete(g.edges, key)
		}
	}
}

// metrics are named as Tempo and the servicegraph connector name them.
func (g *graph) metrics(now time.Time) []metricdata.Metrics {
	var all []*series
	edges := map[*series]*edge{}
	add := func(e *edge) {
		if edges[&e.series] == nil {
			edges[&e.series], all = e, append(all, &e.series)
		}
	}
	for _, e := range g.edges {
		add(e)
	}
	if g.overflow != nil {
		add(g.overflow)
	}
	if len(all) == 0 {
		return nil
	}
	sum := func(of func(*edge) int64) metricdata.Sum[int64] {
		s := metricdata.Sum[int64]{Temporality: metricdata.CumulativeTemporality, IsMonotonic: true}
		for _, one := range all {
			s.DataPoints = append(s.DataPoints, metricdata.DataPoint[int64]{
				Attributes: one.attributes, StartTime: one.began, Time: now, Value: of(edges[one]),
			})
		}
		return s
	}
	metrics := []metricdata.Metrics{
		{Name: "traces_service_graph_request_total", Description: "Requests between two nodes.",
			Data: sum(func(e *edge) int64 { return e.total })},
		{Name: "traces_service_graph_request_failed_total", Description: "Requests between two nodes that ended in an error.",
			Data: sum(func(e *edge) int64 { return e.errors })},
	}
	for _, h := range []struct {
		name, description string
		of                func(*edge) *histogram
	}{
		{"traces_service_graph_request_server_seconds", "Duration of requests between two nodes as the server measured it.",
			func(e *edge) *histogram { return &e.served }},
		{"traces_service_graph_request_client_seconds", "Duration of requests between two nodes as the client measured it.",
			func(e *edge) *histogram { return &e.answered }},
	} {
		if data := points(all, now, func(s *series) (*histogram, *exemplars) { return h.of(edges[s]), &s.exemplars }); data != nil {
			metrics = append(metrics, metricdata.Metrics{Name: h.name, Description: h.description, Unit: "s", Data: data})
		}
	}
	return metrics
}
