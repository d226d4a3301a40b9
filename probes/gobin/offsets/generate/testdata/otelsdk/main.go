// A program that begins a span with the SDK.
package main

import (
	"context"

	"go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	_, span := trace.NewTracerProvider().Tracer("otelsdk").Start(context.Background(), "span")
	span.End()
}
