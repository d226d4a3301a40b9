// Package otelsdk declares the probe of OpenTelemetry's SDK for Go: what it exports
// itself the agent does not report again.
package otelsdk

import (
	"slices"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/runtime/go/library"
)

const (
	module = "go.opentelemetry.io/otel/sdk"
	trace  = module + "/trace."
)

// Library is one hit a span that the SDK records, whatever its kind: runtimeTrace is
// called through an interface, for each such span once, and has had the same arguments
// since v1.0. The fields are read by the other libraries' programs too (bpf/go_sdk.h).
func Library() library.Library {
	return library.Library{
		Name:   "OpenTelemetry SDK",
		Object: "go_otel_sdk",
		Probes: []library.Probe{
			{Program: "go_sdk_start", Function: trace + "(*recordingSpan).runtimeTrace"},
		},
		Fields: slices.Concat(library.Runtime(), []library.Field{
			field(abi.GoSdkSpanContext, "recordingSpan", "spanContext"),
			field(abi.GoSdkSpanParent, "recordingSpan", "parent"),
			field(abi.GoSdkSpanKind, "recordingSpan", "spanKind"),
			field(abi.GoSdkSpanEnd, "recordingSpan", "endTime"),
			field(abi.GoSdkSpanTracer, "recordingSpan", "tracer"),
			field(abi.GoSdkTracerProvider, "tracer", "provider"),
			field(abi.GoSdkProviderProcessors, "TracerProvider", "spanProcessors"),
		}),
	}
}

func field(number abi.GoField, typ, name string) library.Field {
	return library.Field{Number: number, Module: module, Paths: [][]gobin.Field{{{Type: trace + typ, Name: name}}}}
}
