// Package fakecollector is a collector for the exporters' tests: it speaks OTLP over gRPC and HTTP, keeps what it gets,
// and fails as told.
package fakecollector

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip" // so that the server can read compressed requests
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Answer is what the collector does with one request. The zero value accepts it.
type Answer struct {
	// Code and HTTP are the failure over gRPC and HTTP.
	Code codes.Code
	HTTP int
	// Rejected spans are reported as a partial success.
	Rejected int64
	// RetryAfter comes with a failure; 0: none.
	RetryAfter time.Duration
	// Wait delays the answer until the channel is closed or the client gives up.
	Wait <-chan struct{}
}

// Collector keeps what it received.
type Collector struct {
	collectorpb.UnimplementedTraceServiceServer

	// Discard makes it forget the spans at once.
	Discard bool

	mu      sync.Mutex
	answers []Answer
	spans   []*tracepb.Span
	headers map[string]string
	calls   int
}

// Next sets the answers to the next requests; those after them are accepted.
func (c *Collector) Next(answers ...Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers = answers
}

// Spans are the accepted spans.
func (c *Collector) Spans() []*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spans
}

// Calls is how many requests came.
func (c *Collector) Calls() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls
}

// Header is a header of the last request, or the gRPC metadata.
func (c *Collector) Header(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.headers[name]
}

// receive books a request and says how to answer.
func (c *Collector) receive(ctx context.Context, request *collectorpb.ExportTraceServiceRequest, headers map[string]string) Answer {
	c.mu.Lock()
	var answer Answer
	if len(c.answers) > 0 {
		answer, c.answers = c.answers[0], c.answers[1:]
	}
	c.calls++
	c.headers = headers
	if answer.Code == codes.OK && answer.HTTP == 0 && !c.Discard {
		for _, rs := range request.GetResourceSpans() {
			for _, ss := range rs.GetScopeSpans() {
				c.spans = append(c.spans, ss.GetSpans()...)
			}
		}
	}
	c.mu.Unlock()
	if answer.Wait != nil {
		select {
		case <-answer.Wait:
		case <-ctx.Done():
			answer.Code = codes.DeadlineExceeded
		}
	}
	return answer
}

func (a Answer) response() *collectorpb.ExportTraceServiceResponse {
	response := &collectorpb.ExportTraceServiceResponse{}
	if a.Rejected > 0 {
		response.PartialSuccess = &collectorpb.ExportTracePartialSuccess{
			RejectedSpans: a.Rejected, ErrorMessage: "not these (2 spans rejected)"}
	}
	return response
}

// Export is the gRPC service.
func (c *Collector) Export(ctx context.Context, request *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	headers := map[string]string{}
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		for name, values := range md {
			headers[http.CanonicalHeaderKey(name)] = values[0]
		}
	}
	answer := c.receive(ctx, request, headers)
	if answer.Code != codes.OK {
		failure := status.New(answer.Code, "told to fail")
		if answer.RetryAfter > 0 {
			var err error
			if failure, err = failure.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(answer.RetryAfter)}); err != nil {
				return nil, err
			}
		}
		return nil, failure.Err()
	}
	return answer.response(), nil
}

// ServeHTTP is the HTTP endpoint.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/traces" {
		http.NotFound(w, r)
		return
	}
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	data, err := io.ReadAll(body)
	request := &collectorpb.ExportTraceServiceRequest{}
	switch {
	case err != nil:
	case r.Header.Get("Content-Type") == "application/x-protobuf":
		err = proto.Unmarshal(data, request)
	case !json.Valid(data) || !utf8.Valid(data):
		err = errors.New("this is no JSON")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	headers := map[string]string{}
	for name, values := range r.Header {
		headers[name] = values[0]
	}
	answer := c.receive(r.Context(), request, headers)
	if answer.HTTP != 0 {
		if answer.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(answer.RetryAfter/time.Second)))
		}
		http.Error(w, "told to fail", answer.HTTP)
		return
	}
	out, err := proto.Marshal(answer.response())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(out)
}

// GRPC serves c over gRPC until the test ends; address "" is a free port.
func GRPC(t testing.TB, c *Collector, address string, tls *tls.Config) string {
	t.Helper()
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var options []grpc.ServerOption
	if tls != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(tls)))
	}
	server := grpc.NewServer(options...)
	collectorpb.RegisterTraceServiceServer(server, c)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return listener.Addr().String()
}

// HTTP serves c over HTTP until the test ends; address "" is a free port.
func HTTP(t testing.TB, c *Collector, address string) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(c)
	if address != "" {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = server.Listener.Close()
		server.Listener = listener
	}
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server
}
