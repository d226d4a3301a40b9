package metrics

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/correlate/flow"
)

func service(name string) *resource.Resource {
	return resource.NewSchemaless(semconv.ServiceName(name))
}

// ends is a span's context, and that of its parent if that is not 0.
func ends(traceID, span, parent byte, sampled bool) (own, above trace.SpanContext) {
	c := trace.SpanContextConfig{TraceID: trace.TraceID{traceID}, SpanID: trace.SpanID{span}}
	c.TraceFlags = c.TraceFlags.WithSampled(sampled)
	own = trace.NewSpanContext(c)
	if parent != 0 {
		c.SpanID = trace.SpanID{parent}
		above = trace.NewSpanContext(c)
	}
	return own, above
}

func request(kind trace.SpanKind, route string, status int, took time.Duration) *flow.Exchange {
	x := &flow.Exchange{Kind: kind, Start: 5e9, End: 5e9 + uint64(took), Attributes: []attribute.KeyValue{
		semconv.HTTPRequestMethodKey.String("GET"), semconv.URLPath("/secret/path"), semconv.URLScheme("http"),
		semconv.ServerAddress("shop.example"), semconv.ServerPort(80), semconv.HTTPResponseStatusCode(status),
		semconv.NetworkProtocolVersion("1.1"), semconv.ClientAddress("10.0.0.9"),
	}}
	if route != "" {
		x.Attributes = append(x.Attributes, semconv.HTTPRoute(route))
	}
	if status >= 500 {
		x.Status = codes.Error
		x.Attributes = append(x.Attributes, semconv.ErrorTypeKey.String(fmt.Sprint(status)))
	}
	return x
}

// shown are the series of a metric with their counts: "service: a=b c=d" -> n.
func shown(r *Recorder, name string) map[string]uint64 {
	all := map[string]uint64{}
	for _, of := range r.Collect(time.Unix(100, 0)) {
		owner, _ := of.Resource.Set().Value(semconv.ServiceNameKey)
		for _, m := range of.ScopeMetrics[0].Metrics {
			if m.Name != name {
				continue
			}
			switch data := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, d := range data.DataPoints {
					all[owner.AsString()+": "+d.Attributes.Encoded(attribute.DefaultEncoder())] += d.Count
				}
			case metricdata.Sum[int64]:
				for _, d := range data.DataPoints {
					all[owner.AsString()+": "+d.Attributes.Encoded(attribute.DefaultEncoder())] += uint64(d.Value)
				}
			}
		}
	}
	return all
}

func same(t *testing.T, got, want map[string]uint64) {
	t.Helper()
	for key, n := range want {
		if got[key] != n {
			t.Errorf("%d of %q, want %d", got[key], key, n)
		}
	}
	for key, n := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("%d of %q, which is too much", n, key)
		}
	}
}

func TestRequestsInTheWordsOfTheConventions(t *testing.T) {
	r := New(Config{})
	shop, till := service("shop"), service("till")
	for i := range 10 {
		own, _ := ends(1, byte(i+1), 0, false)
		r.Record(&Measured{Exchange: request(trace.SpanKindServer, "/a/{id}", 200+300*(i%2), time.Millisecond), Resource: shop, Service: "shop", Span: own})
		r.Record(&Measured{Exchange: request(trace.SpanKindClient, "", 200, time.Millisecond), Resource: till, Service: "till", Span: own})
	}
	x := &flow.Exchange{Kind: trace.SpanKindClient, Attributes: []attribute.KeyValue{
		semconv.DBSystemNamePostgreSQL, semconv.DBOperationName("SELECT"), semconv.DBCollectionName("books"),
	}}
	r.Record(&Measured{Exchange: x, Resource: till, Service: "till"})
	call := &flow.Exchange{Kind: trace.SpanKindServer, Attributes: []attribute.KeyValue{
		semconv.RPCSystemNameGRPC, semconv.RPCMethod("a.B/C"), semconv.RPCResponseStatusCodeKey.String("OK"),
	}}
	r.Record(&Measured{Exchange: call, Resource: shop, Service: "shop"})
	r.Record(&Measured{Exchange: &flow.Exchange{Kind: trace.SpanKindServer}, Resource: shop, Service: "shop"}) // of no instrument
	same(t, shown(r, "http.server.request.duration"), map[string]uint64{
		"shop: http.request.method=GET,http.response.status_code=200,http.route=/a/{id},network.protocol.version=1.1,url.scheme=http":                5,
		"shop: error.type=500,http.request.method=GET,http.response.status_code=500,http.route=/a/{id},network.protocol.version=1.1,url.scheme=http": 5,
	})
	same(t, shown(r, "http.client.request.duration"), map[string]uint64{
		"till: http.request.method=GET,http.response.status_code=200,network.protocol.version=1.1,server.address=shop.example,server.port=80,url.scheme=http": 10,
	})
	same(t, shown(r, "db.client.operation.duration"), map[string]uint64{
		"till: db.collection.name=books,db.operation.name=SELECT,db.system.name=postgresql": 1,
	})
	same(t, shown(r, "rpc.server.call.duration"), map[string]uint64{
		"shop: rpc.method=a.B/C,rpc.response.status_code=OK,rpc.system.name=grpc": 1,
	})
}

func TestOverflowIsOneSeries(t *testing.T) {
	r := New(Config{Series: 10, Graph: true, Agent: service("throughline")})
	shop := service("shop")
	for i := range 100 {
		own, above := ends(1, 1, 0, false)
		x := request(trace.SpanKindServer, fmt.Sprintf("/%d", i), 200, time.Millisecond)
		r.Record(&Measured{Exchange: x, Resource: shop, Service: fmt.Sprintf("shop%d", i), Span: own, Parent: above, End: time.Unix(99, 0)})
		r.Record(&Measured{Exchange: x, Resource: shop, Service: fmt.Sprintf("shop%d", i), Span: own, Parent: above, End: time.Unix(99, 0)})
	}
	for _, name := range []string{"http.server.request.duration", "traces_service_graph_request_total"} {
		got, total := shown(r, name), uint64(0)
		for _, n := range got {
			total += n
		}
		if len(got) != 10 || total != 200 || got["throughline: otel.metric.overflow=true"] != 182 {
			t.Errorf("%s: %d series with %d measurements: %v", name, len(got), total, got)
		}
	}
	// What is not used for long gives way.
	for range 2 {
		r.Collect(time.Unix(99, 0).Add(2 * idle))
	}
	r.Record(&Measured{Exchange: request(trace.SpanKindServer, "/new", 200, 0), Resource: shop, Service: "shop", End: time.Unix(99, 0).Add(2 * idle)})
	found := false
	for key := range shown(r, "http.server.request.duration") {
		found = found || strings.Contains(key, "/new")
	}
	if !found {
		t.Error("a new series found no room beside those that nobody uses")
	}
}

func TestRedactedSeriesAreOne(t *testing.T) {
	asked := 0
	r := New(Config{Graph: true, Agent: service("throughline"), Redact: func(all []attribute.KeyValue) []attribute.KeyValue {
		asked++
		clean := append([]attribute.KeyValue(nil), all...)
		for i := range clean {
			if strings.Contains(clean[i].Value.String(), "jane") {
				clean[i].Value = attribute.StringValue("REDACTED")
			}
		}
		return clean
	}})
	shop := service("shop")
	for i := range 20 {
		own, _ := ends(byte(i+1), 1, 0, false)
		x := request(trace.SpanKindClient, "", 200, time.Millisecond)
		x.Attributes[3] = semconv.ServerAddress(fmt.Sprintf("jane%d@example.com", i%4))
		r.Record(&Measured{Exchange: x, Resource: shop, Service: "shop", Span: own})
	}
	r.Close()
	if asked != 8 {
		t.Errorf("redaction was asked %d times for 4 series and 4 edges", asked)
	}
	same(t, shown(r, "http.client.request.duration"), map[string]uint64{
		"shop: http.request.method=GET,http.response.status_code=200,network.protocol.version=1.1,server.address=REDACTED,server.port=80,url.scheme=http": 20,
	})
	same(t, shown(r, "traces_service_graph_request_total"), map[string]uint64{
		"throughline: client=shop,connection_type=virtual_node,server=REDACTED:80": 20,
	})
}

func TestExemplarsAreOfSampledSpans(t *testing.T) {
	for _, exponential := range []bool{false, true} {
		r := New(Config{Exemplars: true, Exponential: exponential})
		shop := service("shop")
		for i := range 40 {
			own, _ := ends(byte(i+1), byte(i+1), 0, i%2 == 0)
			r.Record(&Measured{Exchange: request(trace.SpanKindServer, "", 200, time.Duration(i)*time.Millisecond), Resource: shop, Span: own, End: time.Unix(int64(i), 0)})
		}
		var all []metricdata.Exemplar[float64]
		switch data := r.Collect(time.Now())[0].ScopeMetrics[0].Metrics[0].Data.(type) {
		case metricdata.Histogram[float64]:
			all = data.DataPoints[0].Exemplars
			if len(all) != 4 { // up to 5, 10, 25 and 50 ms
				t.Errorf("%d exemplars in 4 buckets", len(all))
			}
		case metricdata.ExponentialHistogram[float64]:
			all = data.DataPoints[0].Exemplars
			if len(all) != spread {
				t.Errorf("%d exemplars, want %d", len(all), spread)
			}
		}
		for _, x := range all {
			if i := int(x.TraceID[0]) - 1; i%2 != 0 || x.SpanID[0] != x.TraceID[0] || x.Value != float64(i)/1000 || x.Time.Unix() != int64(i) {
				t.Errorf("%+v is not what was measured of a sampled span", x)
			}
		}
	}
}

func TestResourceIsTheServices(t *testing.T) {
	of := func(pid int, instance string) *resource.Resource {
		return resource.NewSchemaless(semconv.ServiceName("shop"), semconv.ProcessPID(pid), semconv.ServiceInstanceID(instance), semconv.HostName("h"))
	}
	a, b, c := Resource(of(1, "a"), "a"), Resource(of(2, "b"), "b"), Resource(of(3, "given"), "c")
	if !a.Equal(b) || a.Equal(c) || a.Len() != 2 || c.Len() != 3 {
		t.Errorf("%v, %v, %v", a, b, c)
	}
}

// call records a call's two ends, the server's first or last, behind the ports that each side knows.
type call struct {
	client, server         string
	span, parent           byte // of the CLIENT span; of the SERVER span
	clientPort, serverPort uint16
}

func (c call) record(r *Recorder, traceID byte, serverFirst bool) {
	conn := func(port uint16) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
	}
	made, served := request(trace.SpanKindClient, "", 200, 20*time.Millisecond), request(trace.SpanKindServer, "", 503, 10*time.Millisecond)
	if c.clientPort != 0 {
		made.Conn = &flow.Conn{Local: conn(c.clientPort)}
	}
	if c.serverPort != 0 {
		served.Conn = &flow.Conn{Remote: conn(c.serverPort)}
	}
	do := []func(){
		func() {
			if c.client == "" {
				return
			}
			own, above := ends(traceID, c.span, 99, false)
			r.Record(&Measured{Exchange: made, Resource: service(c.client), Service: c.client, Span: own, Parent: above})
		},
		func() {
			if c.server == "" {
				return
			}
			own, above := ends(traceID, 50+c.span, c.parent, false)
			r.Record(&Measured{Exchange: served, Resource: service(c.server), Service: c.server, Span: own, Parent: above})
		},
	}
	if serverFirst {
		do[0], do[1] = do[1], do[0]
	}
	do[0]()
	do[1]()
}

func TestGraph(t *testing.T) {
	const (
		pair    = "throughline: client=till,connection_type=,server=shop"
		outside = "throughline: client=till,connection_type=virtual_node,server=shop.example:80"
		foreign = "throughline: client=unknown,connection_type=virtual_node,server=shop"
		root    = "throughline: client=user,connection_type=virtual_node,server=shop"
	)
	for _, c := range []struct {
		name           string
		calls          []call
		total, waiting map[string]uint64 // when all is over; before
	}{
		{"by span", []call{{"till", "shop", 1, 1, 0, 0}}, map[string]uint64{pair: 1}, map[string]uint64{pair: 1}},
		{"by span, one port known", []call{{"till", "shop", 1, 1, 7, 0}, {"till", "shop", 2, 2, 0, 8}}, map[string]uint64{pair: 2}, map[string]uint64{pair: 2}},
		{"by port", []call{{"till", "shop", 1, 9, 7, 7}}, map[string]uint64{pair: 1}, map[string]uint64{pair: 1}},
		{"one connection over and over", []call{{"till", "shop", 1, 1, 7, 7}, {"till", "shop", 2, 2, 7, 7}, {"till", "shop", 3, 3, 7, 7}},
			map[string]uint64{pair: 3}, map[string]uint64{pair: 3}},
		{"not traced beyond", []call{{"till", "", 1, 1, 7, 7}}, map[string]uint64{outside: 1}, nil},
		{"caller is not traced", []call{{"", "shop", 1, 1, 7, 7}}, map[string]uint64{foreign: 1}, nil},
		{"root", []call{{"", "shop", 1, 0, 7, 7}}, map[string]uint64{root: 1}, map[string]uint64{root: 1}},
		{"proxy that passes the header on", []call{{"proxy", "shop", 2, 1, 8, 8}, {"till", "proxy", 1, 1, 7, 7}},
			map[string]uint64{
				"throughline: client=proxy,connection_type=,server=shop": 1, "throughline: client=till,connection_type=,server=proxy": 1,
			}, map[string]uint64{
				"throughline: client=proxy,connection_type=,server=shop": 1, "throughline: client=till,connection_type=,server=proxy": 1,
			}},
	} {
		for _, serverFirst := range []bool{true, false} {
			r := New(Config{Graph: true, Agent: service("throughline")})
			for _, one := range c.calls {
				one.record(r, 1, serverFirst)
			}
			r.Tick(6e9)
			same(t, shown(r, "traces_service_graph_request_total"), c.waiting)
			r.Tick(5e9 + 3*patience)
			same(t, shown(r, "traces_service_graph_request_total"), c.total)
			if r.graph.waiting != 0 || len(r.graph.byPort) != 0 || len(r.graph.bySpan) != 0 {
				t.Errorf("%s: something is left: %+v", c.name, r.graph)
			}
			if t.Failed() {
				t.Fatalf("in %q, server first %t", c.name, serverFirst)
			}
		}
	}
}

func TestGraphMeasures(t *testing.T) {
	r := New(Config{Graph: true, Agent: service("throughline")})
	for i := range byte(20) {
		call{"till", "shop", i + 1, i + 1, 0, 0}.record(r, 1, i%2 == 0)
	}
	x := &flow.Exchange{Kind: trace.SpanKindClient, Attributes: []attribute.KeyValue{semconv.DBSystemNamePostgreSQL}}
	r.Record(&Measured{Exchange: x, Service: "till", Resource: service("till")})
	same(t, shown(r, "traces_service_graph_request_failed_total"), map[string]uint64{
		"throughline: client=till,connection_type=,server=shop":               20,
		"throughline: client=till,connection_type=database,server=postgresql": 0,
	})
	for _, m := range r.Collect(time.Now()) {
		for _, m := range m.ScopeMetrics[0].Metrics {
			want := map[string]float64{"traces_service_graph_request_server_seconds": 0.01, "traces_service_graph_request_client_seconds": 0.02}[m.Name]
			if want == 0 {
				continue
			}
			for _, d := range m.Data.(metricdata.Histogram[float64]).DataPoints {
				if name, _ := d.Attributes.Value("server"); name.AsString() == "shop" && (d.Count != 20 || d.Sum < 20*want*0.999 || d.Sum > 20*want*1.001) {
					t.Errorf("%s: %d in %v s", m.Name, d.Count, d.Sum)
				}
			}
		}
	}
}

func TestGraphIsBounded(t *testing.T) {
	r := New(Config{Graph: true, Agent: service("throughline")})
	x := request(trace.SpanKindClient, "", 200, 0)
	shop := service("shop")
	for i := range 2 * maxWaiting {
		own := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{byte(i), byte(i >> 8), byte(i >> 16), 1}})
		r.Record(&Measured{Exchange: x, Resource: shop, Service: "shop", Span: own})
	}
	if r.graph.waiting != maxWaiting || len(r.graph.bySpan) != maxWaiting || r.graph.hurried != maxWaiting {
		t.Errorf("%d wait, %d were hurried", r.graph.waiting, r.graph.hurried)
	}
	r.Close()
	same(t, shown(r, "traces_service_graph_request_total"), map[string]uint64{
		"throughline: client=shop,connection_type=virtual_node,server=shop.example:80": 2 * maxWaiting,
	})
}

func BenchmarkRecord(b *testing.B) {
	for _, c := range []struct {
		name string
		Config
	}{
		{"explicit", Config{}}, {"exponential", Config{Exponential: true}}, {"exemplars", Config{Exemplars: true}},
		{"graph", Config{Graph: true, Exemplars: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := New(c.Config)
			shop, till := service("shop"), service("till")
			x, y := request(trace.SpanKindServer, "/a/{id}", 200, 3*time.Millisecond), request(trace.SpanKindClient, "", 200, 3*time.Millisecond)
			own, above := ends(1, 2, 1, true)
			served := &Measured{Exchange: x, Resource: shop, Service: "shop", Span: own, Parent: above, End: time.Unix(1, 0)}
			made := &Measured{Exchange: y, Resource: till, Service: "till", Span: above, End: time.Unix(1, 0)}
			b.ReportAllocs()
			for b.Loop() { // two exchanges
				x.End = x.Start + uint64(1+b.N%1000)*uint64(time.Microsecond)
				r.Record(served)
				r.Record(made)
			}
		})
	}
}

// BenchmarkCollect is how long recording waits for a page of everything, with one instrument full.
func BenchmarkCollect(b *testing.B) {
	r := New(Config{Exemplars: true, Graph: true})
	shop := service("shop")
	for i := range DefaultSeries {
		own, _ := ends(1, 1, 0, true)
		x := request(trace.SpanKindServer, fmt.Sprintf("/%d", i), 200, time.Millisecond)
		r.Record(&Measured{Exchange: x, Resource: shop, Service: "shop", Span: own, End: time.Unix(1, 0)})
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Collect(time.Unix(1, 0))
	}
}
