package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/export"
)

// maxBatch is how many spans a batch has at most.
const maxBatch = 2048

// state is what a sender says of itself, a line of JSON a second, and once more when it ends.
type state struct {
	Offered, Exported, Queued, Spooled, SpooledBytes, Found uint64
	Lost                                                    map[string]uint64
	RSS                                                     uint64 // bytes
}

// send offers spans at a steady rate until it is told to end.
func send(first, rate int, dir string, bytes int64) error {
	config := export.Default()
	config.Spool = export.Spool{Dir: dir, MaxBytes: bytes}
	p, err := export.New(context.Background(), config, export.Settings{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	tell := func() error {
		s := p.Stats()[0]
		return json.NewEncoder(os.Stdout).Encode(state{Offered: s.Offered, Exported: s.Exported, Queued: s.Queued, Spooled: s.Spooled,
			SpooledBytes: s.SpooledBytes, Found: s.Found, Lost: s.Lost, RSS: resident()})
	}
	of := resource.NewSchemaless(attribute.String("service.name", "outage"))
	began, told := time.Now(), time.Now()
	const step = 10 * time.Millisecond
	ticker := time.NewTicker(step)
	defer ticker.Stop()
	for n := 0; ctx.Err() == nil; {
		<-ticker.C
		for due := int(time.Since(began).Seconds() * float64(rate)); n < due; n++ {
			p.Span(span(first+n, of))
		}
		if time.Since(told) >= time.Second {
			told = told.Add(time.Second)
			if err := tell(); err != nil {
				return err
			}
		}
	}
	end, cancel := context.WithTimeout(context.Background(), 4*time.Second) // as the agent has
	defer cancel()
	err = p.Shutdown(end)
	if told := tell(); told != nil {
		return told
	}
	return err
}

// span is the n-th, as a served request looks.
func span(n int, of *resource.Resource) sdktrace.ReadOnlySpan {
	id := trace.TraceID{1}
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	now := time.Now()
	return tracetest.SpanStub{
		Name: "GET /items/{id}", SpanKind: trace.SpanKindServer, StartTime: now.Add(-time.Millisecond), EndTime: now, Resource: of,
		SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: trace.SpanID{2, byte(n)}, TraceFlags: trace.FlagsSampled}),
		Attributes: []attribute.KeyValue{
			attribute.String("http.request.method", "GET"), attribute.String("url.path", "/items/"+strconv.Itoa(n)),
			attribute.String("url.scheme", "http"), attribute.String("server.address", "shop.example"), attribute.Int("server.port", 8080),
			attribute.String("http.route", "/items/{id}"), attribute.Int("http.response.status_code", 200),
			attribute.String("network.protocol.version", "1.1"), attribute.String("client.address", "10.0.0.2"),
		},
		InstrumentationScope: instrumentation.Scope{Name: "throughline"},
	}.Snapshot()
}

// resident is this process's memory, in bytes; 0 if the kernel does not tell.
func resident() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var pages uint64
	if fields := strings.Fields(string(text)); len(fields) > 1 {
		_, _ = fmt.Sscan(fields[1], &pages)
	}
	return pages * uint64(os.Getpagesize())
}
