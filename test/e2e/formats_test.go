package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/contrib/propagators/aws/xray"
	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/contrib/propagators/jaeger"
	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/internal/propagation"
	"github.com/throughline/throughline/internal/propagation/samples"
)

// A receiver is what traced programs call. It keeps the header of each request.
type receiver struct {
	*httptest.Server

	mu   sync.Mutex
	seen map[string][]http.Header // by path
}

func (r *rig) newReceiver() *receiver {
	v := &receiver{seen: map[string][]http.Header{}}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		v.mu.Lock()
		v.seen[q.URL.Path] = append(v.seen[q.URL.Path], q.Header)
		v.mu.Unlock()
		fmt.Fprintln(w, "received")
	}))
	r.Cleanup(v.Close)
	return v
}

// one is the header of the only request for a path.
func (v *receiver) one(r *rig, path string) http.Header {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.seen[path]) != 1 {
		r.Errorf("%s was asked for %d times", path, len(v.seen[path]))
		return http.Header{}
	}
	return v.seen[path][0]
}

// judges read the headers that arrive: OpenTelemetry's own readers.
var judges = map[propagation.Format]otel.TextMapPropagator{
	propagation.TraceContext: otel.TraceContext{},
	propagation.B3:           b3.New(),
	propagation.B3Multi:      b3.New(b3.WithInjectEncoding(b3.B3MultipleHeader)),
	propagation.Jaeger:       jaeger.Jaeger{},
	propagation.XRay:         xray.Propagator{},
	propagation.Datadog:      datadogJudge{},
}

// datadogJudge reads Datadog's headers by their documentation, with the standard library.
type datadogJudge struct{ otel.TextMapPropagator }

func (datadogJudge) Extract(ctx context.Context, c otel.TextMapCarrier) context.Context {
	low, err := strconv.ParseUint(c.Get("x-datadog-trace-id"), 10, 64)
	if err != nil {
		return ctx
	}
	parent, err := strconv.ParseUint(c.Get("x-datadog-parent-id"), 10, 64)
	if err != nil {
		return ctx
	}
	high := strings.Repeat("0", 16)
	for tag := range strings.SplitSeq(c.Get("x-datadog-tags"), ",") {
		if v, ok := strings.CutPrefix(tag, "_dd.p.tid="); ok {
			high = v
		}
	}
	id, err := trace.TraceIDFromHex(fmt.Sprintf("%s%016x", high, low))
	if err != nil {
		return ctx
	}
	span, err := trace.SpanIDFromHex(fmt.Sprintf("%016x", parent))
	if err != nil {
		return ctx
	}
	config := trace.SpanContextConfig{TraceID: id, SpanID: span}
	if p, err := strconv.Atoi(c.Get("x-datadog-sampling-priority")); err == nil && p > 0 {
		config.TraceFlags = trace.FlagsSampled
	}
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(config))
}

// traceFormats starts the agent on a service.
func (r *rig) traceFormats(s *service, formats propagation.Formats) *agent {
	r.Helper()
	value := strings.ReplaceAll(formats.String(), " ", "")
	if len(formats) == 0 {
		value = propagation.None
	}
	// What a header asks not to be sampled is shown too.
	env := []string{propagation.Variable + "=" + value, "THROUGHLINE_SAMPLING_KEEP_SLOWER_THAN=1ns"}
	a := r.startAgentIn(env, "trace", "-o", "json", "--pid", strconv.Itoa(s.proc.pid()))
	a.awaitAttached()
	return a
}

// ask sends a sample; the service calls the receiver under the path that marks it.
func (r *rig) ask(c *http.Client, url string, s samples.Sample) {
	r.Helper()
	q, err := http.NewRequestWithContext(r.Context(), http.MethodGet, url, nil)
	if err != nil {
		r.Fatal(err)
	}
	for _, h := range s.Headers {
		q.Header.Add(h.Name, strings.Trim(h.Value, " \t"))
	}
	response, err := c.Do(q)
	if err != nil {
		r.Fatalf("%s: %v", s.Name, err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		r.Fatalf("%s: status %d, %v", s.Name, response.StatusCode, err)
	}
}

// checkFormats asks a service for each sample and compares what was exported, and what
// arrived at the receiver, with what the sample says.
func checkFormats(r *rig, p program, c *http.Client, scheme string, formats propagation.Formats, all []samples.Sample) {
	r.Helper()
	v := r.newReceiver()
	s := p.start(r, v.Listener.Addr().String())
	a := r.traceFormats(s, formats)
	for i, one := range all {
		r.ask(c, fmt.Sprintf("%s://%s%s/%d", scheme, s.address, p.traits.call, i), one)
	}
	a.await(2*len(all), func(span) bool { return true })
	spans := a.stop()
	for i, one := range all {
		path := fmt.Sprintf("/%d", i)
		served := filter(spans, ofPath(server, p.traits.call+path))
		sent := filter(spans, ofPath(client, path))
		if len(served) != 1 || len(sent) != 1 {
			r.Errorf("%s: served %s\nsent %s", one.Name, list(served), list(sent))
			continue
		}
		checkServed(r, one, served[0])
		if sent[0].Trace != served[0].Trace || sent[0].Parent != served[0].ID {
			r.Errorf("%s: %s is not the child of %s", one.Name, sent[0], served[0])
		}
		checkArrived(r, formats, one, sent[0], v.one(r, path))
	}
}

// checkServed: the SERVER span is the sample's child, or has a trace of its own.
func checkServed(r *rig, s samples.Sample, got span) {
	r.Helper()
	switch {
	case s.Format == "" && (got.Parent != "" || got.Trace == samples.Trace):
		r.Errorf("%s: there is no valid context, and yet %s", s.Name, got)
	case s.Format != "" && (got.Trace != s.Trace || got.Parent != s.Span):
		r.Errorf("%s: want a child of %s-%s, got %s", s.Name, s.Trace, s.Span, got)
	}
	if id := got.Attributes["jaeger-debug-id"]; id != s.DebugID {
		r.Errorf("%s: jaeger-debug-id is %q, want %q", s.Name, id, s.DebugID)
	}
}

// checkArrived: each format's own reader finds the CLIENT span in what arrived.
func checkArrived(r *rig, formats propagation.Formats, s samples.Sample, sent span, header http.Header) {
	r.Helper()
	sampled := !s.Unsampled && s.Decision != propagation.Drop
	for _, f := range formats {
		if judges[f] == nil {
			continue
		}
		got := trace.SpanContextFromContext(judges[f].Extract(context.Background(), otel.HeaderCarrier(header)))
		if got.TraceID().String() != sent.Trace || got.SpanID().String() != sent.ID || got.IsSampled() != sampled {
			r.Errorf("%s: %s says %s-%s sampled %t, the span is %s: %v", s.Name, f, got.TraceID(), got.SpanID(), got.IsSampled(), sent, header)
		}
	}
	for _, f := range propagation.All().Fields() {
		if values := header.Values(f.Name()); len(values) > 1 {
			r.Errorf("%s: %s arrived %d times: %q", s.Name, f.Name(), len(values), values)
		}
	}
	if got := header.Get("tracestate"); got != s.Tracestate {
		r.Errorf("%s: tracestate %q arrived, want %q", s.Name, got, s.Tracestate)
	}
	if got := header.Get("baggage"); got != s.Baggage {
		r.Errorf("%s: baggage %q arrived, want %q", s.Name, got, s.Baggage)
	}
	for _, f := range propagation.All() {
		for _, field := range f.Fields() {
			if !formats.Has(f) && !formats.Has(propagation.B3) && !formats.Has(propagation.B3Multi) && header.Get(field.Name()) != "" {
				r.Errorf("%s: %s arrived, which was not chosen: %q", s.Name, field.Name(), header.Get(field.Name()))
			}
		}
	}
}

// byFormats groups the samples by how they are read.
func byFormats() map[string][]samples.Sample {
	groups := map[string][]samples.Sample{}
	for _, s := range samples.All() {
		groups[s.Read().String()] = append(groups[s.Read().String()], s)
	}
	return groups
}

// TestFormats: every format is read and written as its samples say, malformed input and
// the order of several included.
func TestFormats(t *testing.T) {
	for name, group := range byFormats() {
		t.Run(name, func(t *testing.T) {
			checkFormats(newRig(t), pythonThreads, http.DefaultClient, "http", group[0].Read(), group)
		})
	}
}

// singles are the samples that are read by one format, whatever others there are.
func singles() []samples.Sample {
	var all []samples.Sample
	for _, s := range samples.All() {
		if len(s.Read()) == 1 && !strings.Contains(s.Name, "not chosen") {
			all = append(all, s)
		}
	}
	return all
}

// TestFormatsOfGo: the same where a library's probes read the header, and for all formats
// at once.
func TestFormatsOfGo(t *testing.T) {
	secure := goNet
	secure.start = func(r *rig, downstream string) *service {
		return r.goService(builtService(r), downstream, "", "-tls")
	}
	for _, c := range []struct {
		name    string
		program program
		scheme  string
		http2   bool
	}{
		{"HTTP/1", goNet, "http", false},
		{"HTTP/1 over TLS", secure, "https", false},
		{"HTTP/2", secure, "https", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			transport := &http.Transport{ForceAttemptHTTP2: c.http2, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			defer transport.CloseIdleConnections()
			checkFormats(newRig(t), c.program, &http.Client{Transport: transport}, c.scheme, propagation.All(), singles())
		})
	}
}

// TestFormatsOfTheProgram: a request with a context of the program's own, in any chosen
// format and be it malformed, goes out as it is.
func TestFormatsOfTheProgram(t *testing.T) {
	r := newRig(t)
	v := r.newReceiver()
	s := pythonThreads.start(r, v.Listener.Addr().String()) // /sdk sends a traceparent
	a := r.traceFormats(s, propagation.Formats{propagation.B3, propagation.TraceContext})
	const n = 5
	for i := range n {
		r.ask(http.DefaultClient, fmt.Sprintf("http://%s/sdk/%d", s.address, i), samples.Sample{Name: "own"})
	}
	a.await(2*n, func(span) bool { return true })
	spans := a.stop()
	for i := range n {
		path := fmt.Sprintf("/%d", i)
		header := v.one(r, path)
		sent := filter(spans, ofPath(client, path))
		if len(sent) != 1 || sent[0].Trace != samples.Trace || sent[0].ID != samples.Span {
			t.Errorf("the span is not the one on the wire:%s", list(sent))
		}
		if header.Get("b3") != "" || header.Get("traceparent") != "00-"+samples.Trace+"-"+samples.Span+"-01" {
			t.Errorf("arrived: %v", header)
		}
	}
}

// TestFormatsUsage: a name that is none is said before anything is traced.
func TestFormatsUsage(t *testing.T) {
	r := newRig(t)
	a := r.startAgentIn([]string{propagation.Variable + "=b3,ottrace"}, "trace", "--pid", strconv.Itoa(os.Getpid()))
	<-a.proc.exited
	if code := a.proc.cmd.ProcessState.ExitCode(); code != 2 || !strings.Contains(a.said(), "OTEL_PROPAGATORS") || !strings.Contains(a.said(), "ottrace") {
		t.Errorf("status %d: %s", code, a.said())
	}
}
