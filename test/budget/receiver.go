package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A receiver takes OTLP over HTTP and counts the spans.
type receiver struct {
	listener net.Listener
	server   *http.Server
	spans    atomic.Int64
}

// openReceiver starts one. close must be called.
func openReceiver() (*receiver, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for spans: %w", err)
	}
	mux := http.NewServeMux()
	r := &receiver{listener: l, server: &http.Server{Handler: mux}}
	mux.HandleFunc("POST /v1/traces", r.take)
	go func() { _ = r.server.Serve(l) }() // ends with close
	return r, nil
}

func (r *receiver) address() string { return r.listener.Addr().String() }
func (r *receiver) close()          { r.server.Close() }

func (r *receiver) take(out http.ResponseWriter, q *http.Request) {
	var message collector.ExportTraceServiceRequest
	body, err := io.ReadAll(q.Body)
	if err == nil {
		err = proto.Unmarshal(body, &message)
	}
	if err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	for _, resource := range message.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			r.spans.Add(int64(len(scope.Spans)))
		}
	}
	out.Header().Set("Content-Type", "application/x-protobuf")
}
