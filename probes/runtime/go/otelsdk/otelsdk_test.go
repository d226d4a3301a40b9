package otelsdk_test

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// TestTypeHash: the kernel programs recognise the SDK's span by the hash that this
// compiler gives its type (internal/abi.Type.Hash).
func TestTypeHash(t *testing.T) {
	_, span := sdk.NewTracerProvider().Tracer("").Start(t.Context(), "")
	var held any = span
	typ := *(*unsafe.Pointer)(unsafe.Pointer(&held))
	hash := fmt.Sprintf("case %#08x:", *(*uint32)(unsafe.Add(typ, 16)))
	text, err := os.ReadFile("../../../../bpf/go_sdk.h")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), hash) {
		t.Errorf("%v: %q is not in bpf/go_sdk.h", reflect.TypeOf(span), hash)
	}
}

// TestSpanContext: trace.SpanContext is laid out as struct sdk_span_context.
func TestSpanContext(t *testing.T) {
	typ := reflect.TypeFor[trace.SpanContext]()
	for name, want := range map[string]uintptr{"traceID": 0, "spanID": 16, "traceFlags": 24} {
		if f, ok := typ.FieldByName(name); !ok || f.Offset != want {
			t.Errorf("%s is at %d, not %d", name, f.Offset, want)
		}
	}
	if trace.SpanKindServer != 2 || trace.SpanKindClient != 3 {
		t.Error("the numbers of the kinds have changed")
	}
}
