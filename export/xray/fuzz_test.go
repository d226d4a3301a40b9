package xray

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/internal/destination"
)

// FuzzDocument: whatever a span holds, it is a document of X-Ray's form and size, or none.
func FuzzDocument(f *testing.F) {
	f.Add("web", int64(1), 2.5)
	f.Add("", int64(-1), 0.0)
	f.Add(sampletrace.Odd, int64(-1), -1e300)
	e, err := New(destination.Settings{})
	if err != nil {
		f.Fatal(err)
	}
	allowed := regexp.MustCompile(`^[\pL\p{Nd} _.:/%&#=+\\\-@]{1,200}$`)
	f.Fuzz(func(t *testing.T, text string, number int64, float float64) {
		b, ok := e.document(sampletrace.Fuzzed(text, number, float))
		if !ok {
			if len(text) < 5000 {
				t.Errorf("no document for %d bytes", len(text))
			}
			return
		}
		var read struct {
			Name  string
			Start float64 `json:"start_time"`
			End   float64 `json:"end_time"`
		}
		if err := json.Unmarshal(b, &read); err != nil || len(b) > maxDocument || !allowed.MatchString(read.Name) || read.Start < 0 || read.End < read.Start {
			t.Errorf("%v: %s", err, b)
		}
	})
}
