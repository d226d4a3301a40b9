// Command sdkservice is a program that carries OpenTelemetry's SDK, and has each
// library with instrumentation and without. It serves until SIGTERM.
//
//	-http ADDRESS   a server with otelhttp: /PATH/ID does what handlers says
//	-plain ADDRESS  one without: /leaf/ID answers
//	-grpc ADDRESS   gRPC's health service with otelgrpc
//	-spans FILE     where the SDK's spans go, a line each
//	-sampler NAME   always, never, mute: always, but nothing is exported, or none: no
//	                provider of spans is set up
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	web := flag.String("http", "", "")
	plain := flag.String("plain", "", "")
	rpc := flag.String("grpc", "", "")
	spans := flag.String("spans", "", "")
	sampler := flag.String("sampler", "always", "")
	flag.Parse()
	file, err := os.Create(*spans)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := provide(*sampler, file); err != nil {
		return err
	}
	calls, err := newCalls("http://"+*plain, *rpc)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *rpc)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.StatsHandler(otelgrpc.NewServerHandler()))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	failed := make(chan error, 3)
	go func() { failed <- server.Serve(l) }()
	go func() { failed <- http.ListenAndServe(*plain, leaf{}) }()
	go func() { failed <- http.ListenAndServe(*web, calls.handler()) }()
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	select {
	case err := <-failed:
		return err
	case <-end:
		return nil
	}
}

// provide sets the SDK up, each span being written as it ends.
func provide(sampler string, file *os.File) error {
	otel.SetTextMapPropagator(propagation.TraceContext{})
	sampled := func(s trace.Sampler) trace.TracerProviderOption { return trace.WithSampler(trace.ParentBased(s)) }
	exported := trace.WithSyncer(lines{file})
	switch sampler {
	case "always":
		otel.SetTracerProvider(trace.NewTracerProvider(exported, sampled(trace.AlwaysSample())))
	case "never":
		otel.SetTracerProvider(trace.NewTracerProvider(exported, sampled(trace.NeverSample())))
	case "mute":
		otel.SetTracerProvider(trace.NewTracerProvider(sampled(trace.AlwaysSample())))
	case "none":
	default:
		return fmt.Errorf("there is no sampler %q", sampler)
	}
	return nil
}

// lines writes a span as its trace, its id, its parent, its kind, and the path that was asked for.
type lines struct{ file *os.File }

func (l lines) ExportSpans(_ context.Context, spans []trace.ReadOnlySpan) error {
	for _, s := range spans {
		path := "-"
		for _, a := range s.Attributes() {
			if a.Key == askedKey {
				path = a.Value.AsString()
			}
		}
		_, err := fmt.Fprintln(l.file, s.SpanContext().TraceID(), s.SpanContext().SpanID(), s.Parent().SpanID(), int(s.SpanKind()), path)
		if err != nil {
			return err
		}
	}
	return nil
}

func (lines) Shutdown(context.Context) error { return nil }

// askedKey has the path that was asked for, which each version of otelhttp calls
// otherwise, or not at all.
const askedKey = "asked"

// leaf answers without any instrumentation.
type leaf struct{}

func (leaf) ServeHTTP(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "ok") }

// handler serves each call at its path, with otelhttp around it.
func (c *calls) handler() http.Handler {
	mux := http.NewServeMux()
	for path, call := range c.byPath() {
		mux.HandleFunc("/"+path+"/", func(w http.ResponseWriter, r *http.Request) {
			oteltrace.SpanFromContext(r.Context()).SetAttributes(attribute.String(askedKey, r.URL.Path))
			if err := call(r); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	return otelhttp.NewHandler(mux, "web")
}
