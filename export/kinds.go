package export

import (
	"context"
	"io"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/gather"
	"github.com/throughline/throughline/export/otlp"
	"github.com/throughline/throughline/export/otlpjson"
	"github.com/throughline/throughline/export/spans"
	"github.com/throughline/throughline/export/spool"
	"github.com/throughline/throughline/export/waterfall"
)

// kind is one way to export spans.
type kind struct {
	name string
	// open makes the exporter; it says in one sentence what is wrong with the settings it reads.
	open func(context.Context, output) (sdktrace.SpanExporter, error)
	// queue makes what stands between the callers and the exporter.
	queue func(batching, *counted, *spool.Spool) intake
	// local kinds write to the output and so take Config.Count; the others send to the network.
	local bool
	// traces is true when Config.Count means traces, false when it means spans.
	traces bool
}

// kinds is every exporter there is. To add one, write its package and its line here.
var kinds = []kind{
	{name: "otlp", open: openOTLP, queue: batched},
	{name: "waterfall", open: openWaterfall, queue: gathered, local: true, traces: true},
	{name: "spans", open: openSpans, queue: prompt, local: true},
	{name: "json", open: openJSON, queue: prompt, local: true},
	{name: "console", open: openSpans, queue: prompt, local: true},
}

// output is what the exporters for people and files write to.
type output struct {
	w      io.Writer
	screen waterfall.Config
}

// Names are the exporters' names, None last.
func Names() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return append(names, None)
}

func find(name string) (kind, bool) {
	for _, k := range kinds {
		if k.name == name {
			return k, true
		}
	}
	return kind{}, false
}

func openOTLP(ctx context.Context, _ output) (sdktrace.SpanExporter, error) {
	exporter, err := otlp.New(ctx)
	if err != nil {
		return nil, err
	}
	return exporter, nil
}

func openWaterfall(_ context.Context, out output) (sdktrace.SpanExporter, error) {
	return waterfall.New(out.w, out.screen), nil
}

func openSpans(_ context.Context, out output) (sdktrace.SpanExporter, error) {
	return spans.New(out.w), nil
}

func openJSON(_ context.Context, out output) (sdktrace.SpanExporter, error) {
	return otlpjson.New(out.w), nil
}

// batched is for the network: batches as the OTEL_BSP_* variables say, sent again when that makes sense, over a spool if
// there is one.
func batched(b batching, c *counted, s *spool.Spool) intake { return newDelivery(b, c, s) }

// prompt is for a person who waits.
func prompt(b batching, c *counted, _ *spool.Spool) intake { return newDelivery(b.promptly(), c, nil) }

// gathered puts the spans of each trace together.
func gathered(_ batching, c *counted, _ *spool.Spool) intake {
	return newGathering(gather.Default(), c)
}
