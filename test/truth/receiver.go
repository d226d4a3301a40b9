package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/throughline/throughline/test/truth/judge"
)

// A receiver takes OTLP over HTTP and keeps what the judge looks at.
type receiver struct {
	listener net.Listener
	server   *http.Server

	mu    sync.Mutex
	spans []judge.Span
	last  time.Time // when something came
	err   error
}

// openReceiver starts one. close must be called.
func openReceiver() (*receiver, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for spans: %w", err)
	}
	mux := http.NewServeMux()
	r := &receiver{listener: l, server: &http.Server{Handler: mux}, last: time.Now()}
	mux.HandleFunc("POST /v1/traces", r.take)
	go func() { _ = r.server.Serve(l) }() // ends with close
	return r, nil
}

func (r *receiver) address() string { return r.listener.Addr().String() }
func (r *receiver) close()          { r.server.Close() }

func (r *receiver) take(out http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	var message collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &message)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.err = fmt.Errorf("receiving spans: %w", err)
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	r.last = time.Now()
	for _, resource := range message.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				if err := r.keep(s); err != nil {
					r.err = err
				}
			}
		}
	}
	out.Header().Set("Content-Type", "application/x-protobuf")
}

// keep keeps a span, but for those of the driver's own questions.
func (r *receiver) keep(s *trace.Span) error {
	get := func(key string) string { return attribute(s.Attributes, key) }
	if strings.HasPrefix(get("url.path"), "/-/") {
		return nil
	}
	if len(s.TraceId) != 16 || len(s.SpanId) != 8 || len(s.ParentSpanId) != 0 && len(s.ParentSpanId) != 8 {
		return fmt.Errorf("receiving span %s: its ids are %x %x %x", s.Name, s.TraceId, s.SpanId, s.ParentSpanId)
	}
	x := judge.Span{Context: judge.Context{Trace: [16]byte(s.TraceId), Span: [8]byte(s.SpanId)}}
	if len(s.ParentSpanId) > 0 {
		x.Parent = [8]byte(s.ParentSpanId)
	}
	x.Side = judge.Client
	if s.Kind == trace.Span_SPAN_KIND_SERVER {
		x.Side = judge.Server
	}
	var ok bool
	if x.ID, ok = judge.Identify(get); !ok {
		x.ID = s.Name + " " + get("url.path") // nobody asked for it, and the judge says so
	}
	r.spans = append(r.spans, x)
	return nil
}

func attribute(all []*common.KeyValue, key string) string {
	for _, a := range all {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

// quietTime is how long nothing must have come until nothing more is expected:
// the agent exports at least every half second.
const quietTime = 2 * time.Second

// await returns when n spans have come, or no more do.
func (r *receiver) await(ctx context.Context, n int) {
	r.mu.Lock()
	r.last = time.Now()
	r.mu.Unlock()
	for ctx.Err() == nil {
		r.mu.Lock()
		over := len(r.spans) >= n || time.Since(r.last) > quietTime
		r.mu.Unlock()
		if over {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// all returns what has come.
func (r *receiver) all() ([]judge.Span, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.spans, r.err
}
