package jaeger

import (
	"context"
	"fmt"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/agent"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/internal/packet"
	"github.com/throughline/throughline/export/internal/parts"
)

// bodies are the requests of a batch: a Batch of Thrift's binary protocol for each resource.
func bodies(spans []sdktrace.ReadOnlySpan) ([]parts.Part, error) {
	var all []parts.Part
	for _, group := range parts.ByResource(spans) {
		batch := &jaeger.Batch{Process: process(group.Resource)}
		for _, s := range group.Spans {
			batch.Spans = append(batch.Spans, translate(s))
		}
		buffer := thrift.NewTMemoryBuffer()
		if err := batch.Write(context.Background(), thrift.NewTBinaryProtocolConf(buffer, nil)); err != nil {
			return nil, fmt.Errorf("encoding %d spans: %w", len(group.Spans), err)
		}
		all = append(all, parts.Part{Bytes: buffer.Bytes(), Spans: group.Spans})
	}
	return all, nil
}

// listBytes is what a list's length may take beyond one byte: it is a number of variable length.
const listBytes = 4

// packets are the calls of emitBatch of a batch in Thrift's compact protocol, each of a resource's spans and no larger
// than a packet, and how many spans are too large for any.
func packets(spans []sdktrace.ReadOnlySpan) (all []parts.Part, tooLarge int, err error) {
	for _, group := range parts.ByResource(spans) {
		own := process(group.Resource)
		empty, err := emit(&jaeger.Batch{Process: own, Spans: []*jaeger.Span{}})
		if err != nil {
			return nil, 0, err
		}
		room := packet.MaxBytes - len(empty) - listBytes
		var batch []*jaeger.Span
		var taken []sdktrace.ReadOnlySpan
		used := 0
		flush := func() error {
			if len(batch) == 0 {
				return nil
			}
			b, err := emit(&jaeger.Batch{Process: own, Spans: batch})
			all = append(all, parts.Part{Bytes: b, Spans: taken})
			batch, taken, used = nil, nil, 0
			return err
		}
		for _, s := range group.Spans {
			span := translate(s)
			size, err := compactBytes(span)
			if err != nil {
				return nil, 0, err
			}
			if size > room {
				tooLarge++
				continue
			}
			if used+size > room {
				if err := flush(); err != nil {
					return nil, 0, err
				}
			}
			batch, taken, used = append(batch, span), append(taken, s), used+size
		}
		if err := flush(); err != nil {
			return nil, 0, err
		}
	}
	return all, tooLarge, nil
}

// emit is the message of a call to an agent.
func emit(batch *jaeger.Batch) ([]byte, error) {
	buffer := thrift.NewTMemoryBuffer()
	protocol := thrift.NewTCompactProtocolConf(buffer, nil)
	client := agent.NewAgentClient(thrift.NewTStandardClient(protocol, protocol))
	if err := client.EmitBatch(context.Background(), batch); err != nil {
		return nil, fmt.Errorf("encoding %d spans: %w", len(batch.Spans), err)
	}
	return buffer.Bytes(), nil
}

// compactBytes is how much of a packet a span takes.
func compactBytes(span *jaeger.Span) (int, error) {
	buffer := thrift.NewTMemoryBuffer()
	if err := span.Write(context.Background(), thrift.NewTCompactProtocolConf(buffer, nil)); err != nil {
		return 0, fmt.Errorf("encoding a span: %w", err)
	}
	return buffer.Len(), nil
}
