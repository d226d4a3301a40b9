package correlate

import (
	"reflect"
	"testing"

	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/internal/telemetry"
)

// TestFlowSamples: each figure of the assembler is shown, and each name once.
func TestFlowSamples(t *testing.T) {
	hidden := map[string]bool{ // of use in tests alone
		"Events": true, "Finished": true, "LedgerReads": true,
	}
	var stats flow.Stats
	value, n := reflect.ValueOf(&stats).Elem(), uint64(0)
	want := map[uint64]string{}
	set := func(f reflect.Value, name string) {
		n++
		if f.CanInt() {
			f.SetInt(int64(n))
		} else {
			f.SetUint(n)
		}
		if !hidden[name] {
			want[n] = name
		}
	}
	for i := range value.NumField() {
		if f := value.Field(i); f.Kind() == reflect.Array {
			for j := range f.Len() {
				set(f.Index(j), flow.Drop(j).String())
			}
		} else {
			set(f, value.Type().Field(i).Name)
		}
	}
	type name struct {
		kind telemetry.Kind
		name string
	}
	seen := map[name]bool{}
	for _, s := range flowSamples(&stats) {
		if k := (name{s.Kind, s.Name}); seen[k] {
			t.Errorf("two figures are called %s", s.Name)
		} else {
			seen[k] = true
		}
		delete(want, s.Value)
	}
	for _, name := range want {
		t.Errorf("%s is not shown", name)
	}
}
