package export

import (
	"context"
	"io"
	"os"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/chrome"
	"github.com/throughline/throughline/export/datadog"
	"github.com/throughline/throughline/export/gather"
	"github.com/throughline/throughline/export/jaeger"
	"github.com/throughline/throughline/export/otlp"
	"github.com/throughline/throughline/export/otlpjsonfile"
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
	queue func(sdktrace.SpanExporter) queue
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

// promptDelay is how long a span waits for others before it is printed.
const promptDelay = 100 * time.Millisecond

// promptSpans is how many spans wait for a slow reader of the output.
const promptSpans = 16384

// An agent has the spans of many programs to send. What the specification sets
// for one (2048 and 512) loses spans at the rates of a busy proxy.
const (
	batchQueue = 8192
	batchSpans = 2048
)

// batched is the SDK's batch processor as the OTEL_BSP_* variables set it.
func batched(exporter sdktrace.SpanExporter) queue {
	var limit int
	processor := sdktrace.NewBatchSpanProcessor(exporter, func(o *sdktrace.BatchSpanProcessorOptions) {
		if os.Getenv("OTEL_BSP_MAX_QUEUE_SIZE") == "" {
			o.MaxQueueSize = batchQueue
		}
		if os.Getenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE") == "" {
			o.MaxExportBatchSize = batchSpans
		}
		o.MaxQueueSize = max(o.MaxQueueSize, 1)
		o.MaxExportBatchSize = min(max(o.MaxExportBatchSize, 1), o.MaxQueueSize)
		limit = o.MaxQueueSize
	})
	return queue{SpanProcessor: processor, limit: limit, sampledOnly: true}
}

// prompt is the SDK's batch processor with the patience of a person.
func prompt(exporter sdktrace.SpanExporter) queue {
	return queue{limit: promptSpans, sampledOnly: true, SpanProcessor: sdktrace.NewBatchSpanProcessor(exporter,
		sdktrace.WithBatchTimeout(promptDelay),
		sdktrace.WithExportTimeout(0),
		sdktrace.WithMaxQueueSize(promptSpans),
		sdktrace.WithMaxExportBatchSize(512))}
}

// gathered puts the spans of each trace together.
func gathered(exporter sdktrace.SpanExporter) queue {
	config := gather.Default()
	gatherer := gather.New(config, exporter)
	return queue{
		SpanProcessor: gatherer,
		limit:         2 * config.Spans,
		early:         func() uint64 { return gatherer.Stats().Early },
	}
}
