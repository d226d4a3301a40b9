package chrome

import (
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/internal/sampletrace"
)

// FuzzDraw: whatever spans hold, they are elements of the format.
func FuzzDraw(f *testing.F) {
	f.Add("web", int64(1), 2.5)
	f.Add("", int64(-1), 0.0)
	f.Add(sampletrace.Odd, int64(-1), -1e300)
	f.Fuzz(func(t *testing.T, text string, number int64, float float64) {
		draw(t, []sdktrace.ReadOnlySpan{sampletrace.Fuzzed(text, number, float)})
	})
}
