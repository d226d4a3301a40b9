package export

import (
	"context"
	"io"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/chrome"
	"github.com/throughline/throughline/export/datadog"
	"github.com/throughline/throughline/export/gather"
	"github.com/throughline/throughline/export/jaeger"
	"github.com/throughline/throughline/export/otlp"
	"github.com/throughline/throughline/export/otlpjsonfile"
	"github.com/throughline/throughline/export/spool"
	"github.com/throughline/throughline/export/waterfall"
	"github.com/throughline/throughline/export/xray"
	"github.com/throughline/throughline/export/zipkin"
	"github.com/throughline/throughline/internal/destination"
)

// kind is one way to export spans.
type kind struct {
	name string
	// open makes the exporter; it says in one sentence what is wrong with the settings it reads.
	open func(context.Context, output, destination.Settings) (sdktrace.SpanExporter, error)
	// keys are the settings that it knows.
	keys []string
	// queue makes what stands between the callers and the exporter.
	queue func(batching, *counted, *spool.Spool) intake
	// local kinds write to the output and so take Config.Count; the others send to the network.
	local bool
	// traces is true when Config.Count means traces, false when it means spans.
	traces bool
}

// kinds is every exporter there is. To add one, write its package and its line here.
var kinds = []kind{
	{name: "otlp", open: openOTLP, keys: otlp.Keys(), queue: batched},
	{name: "zipkin", open: openZipkin, keys: zipkin.Keys(), queue: batched},
	{name: "jaeger", open: openJaeger, keys: jaeger.Keys(), queue: batched},
	{name: "xray", open: openXRay, keys: xray.Keys(), queue: batched},
	{name: "datadog", open: openDatadog, keys: datadog.Keys(), queue: batched},
	{name: "otlpjsonfile", open: openOTLPJSONFile, keys: otlpjsonfile.Keys(), queue: batched},
	{name: "chrome", open: openChrome, keys: chrome.Keys(), queue: gathered, local: true, traces: true},
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

// batched is for the network: batches as the OTEL_BSP_* variables say, sent again when that makes sense, over a spool if
// there is one.
func batched(b batching, c *counted, s *spool.Spool) intake { return newDelivery(b, c, s) }

// prompt is for a person who waits.
func prompt(b batching, c *counted, _ *spool.Spool) intake { return newDelivery(b.promptly(), c, nil) }

// gathered puts the spans of each trace together.
func gathered(_ batching, c *counted, _ *spool.Spool) intake {
	return newGathering(gather.Default(), c)
}
