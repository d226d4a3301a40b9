package datadog

import (
	"testing"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/internal/sampletrace"
)

// FuzzEncode: whatever a span holds, it is one map of MessagePack with texts that are UTF-8 and times that are no overflow.
func FuzzEncode(f *testing.F) {
	f.Add("web", int64(1), 2.5)
	f.Add("", int64(-1), 0.0)
	f.Add(sampletrace.Odd, int64(-1), -1e300)
	f.Fuzz(func(t *testing.T, text string, number int64, float float64) {
		b := encode([][]sdktrace.ReadOnlySpan{{sampletrace.Fuzzed(text, number, float)}})
		read, rest, err := msgp.ReadIntfBytes(b)
		if err != nil || len(rest) > 0 {
			t.Fatalf("%d bytes left, %v", len(rest), err)
		}
		span := read.([]any)[0].([]any)[0].(map[string]any)
		if start, took := span["start"].(int64), span["duration"].(int64); len(span) != fields || start < 0 || took < 0 || start+took < 0 {
			t.Errorf("%v", span)
		}
		for key, value := range span["meta"].(map[string]any) {
			if !utf8.ValidString(key) || !utf8.ValidString(value.(string)) {
				t.Errorf("%q is %q", key, value)
			}
		}
	})
}
