package export

import (
	"context"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/chrome"
	"github.com/throughline/throughline/export/datadog"
	"github.com/throughline/throughline/export/jaeger"
	"github.com/throughline/throughline/export/otlp"
	"github.com/throughline/throughline/export/otlpjson"
	"github.com/throughline/throughline/export/otlpjsonfile"
	"github.com/throughline/throughline/export/spans"
	"github.com/throughline/throughline/export/waterfall"
	"github.com/throughline/throughline/export/xray"
	"github.com/throughline/throughline/export/zipkin"
	"github.com/throughline/throughline/internal/destination"
)

// open makes the exporter, once its settings are such that it knows.
func open(ctx context.Context, chosen kind, out output, s destination.Settings) (sdktrace.SpanExporter, error) {
	if err := s.Check(chosen.keys); err != nil {
		return nil, err
	}
	return chosen.open(ctx, out, s)
}

func openOTLP(ctx context.Context, _ output, s destination.Settings) (sdktrace.SpanExporter, error) {
	return opened(otlp.New(ctx, s))
}

func openZipkin(_ context.Context, _ output, s destination.Settings) (sdktrace.SpanExporter, error) {
	return opened(zipkin.New(s))
}

func openJaeger(_ context.Context, _ output, s destination.Settings) (sdktrace.SpanExporter, error) {
	return opened(jaeger.New(s))
}

func openDatadog(_ context.Context, _ output, s destination.Settings) (sdktrace.SpanExporter, error) {
	return opened(datadog.New(s))
}

func openXRay(_ context.Context, _ output, s destination.Settings) (sdktrace.SpanExporter, error) {
	return opened(xray.New(s))
}

func openOTLPJSONFile(_ context.Context, _ output, s destination.Settings) (sdktrace.SpanExporter, error) {
	return opened(otlpjsonfile.New(s, otlpjson.New))
}

func openChrome(_ context.Context, out output, s destination.Settings) (sdktrace.SpanExporter, error) {
	return opened(chrome.New(out.w, s))
}

func openWaterfall(_ context.Context, out output, _ destination.Settings) (sdktrace.SpanExporter, error) {
	return waterfall.New(out.w, out.screen), nil
}

func openSpans(_ context.Context, out output, _ destination.Settings) (sdktrace.SpanExporter, error) {
	return spans.New(out.w), nil
}

func openJSON(_ context.Context, out output, _ destination.Settings) (sdktrace.SpanExporter, error) {
	return otlpjson.New(out.w), nil
}

// opened keeps a nil pointer from becoming an exporter that is not nil.
func opened[E sdktrace.SpanExporter](exporter E, err error) (sdktrace.SpanExporter, error) {
	if err != nil {
		return nil, err
	}
	return exporter, nil
}
