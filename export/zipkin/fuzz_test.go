package zipkin

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/throughline/throughline/export/internal/sampletrace"
)

// FuzzTranslate: whatever a span holds, it is JSON, with times that Zipkin takes and texts that the Collector does not take
// for its own.
func FuzzTranslate(f *testing.F) {
	f.Add("a|b|c", int64(1), 2.5)
	f.Add(sampletrace.Odd, int64(-1), -1e300)
	f.Fuzz(func(t *testing.T, text string, number int64, float float64) {
		s := translate(sampletrace.Fuzzed(text, number, float))
		if _, err := json.Marshal(s); err != nil || s.Timestamp < 0 || s.Duration < 1 {
			t.Errorf("%+v: %v", s, err)
		}
		for _, a := range s.Annotations {
			if a.Timestamp < 1 || strings.Count(a.Value, "|") > 1 {
				t.Errorf("annotation %+v", a)
			}
		}
	})
}
