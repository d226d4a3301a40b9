package export

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/internal/otelcol"
	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/internal/destination"
)

// deliver sends the shop's trace through a pipeline with one exporter, and demands that it was delivered.
func deliver(t *testing.T, name string, s destination.Settings) {
	t.Helper()
	send(t, name, s, sampletrace.Shop())
}

func send(t *testing.T, name string, s destination.Settings, spans []sdktrace.ReadOnlySpan) {
	t.Helper()
	p := start(t, Config{Exporters: []string{name}, Destinations: map[string]destination.Settings{name: s}},
		Settings{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	for _, span := range spans {
		p.Span(span)
	}
	if err := stop(t, p, 10*time.Second); err != nil {
		t.Error(err)
	}
	if stats := p.Stats()[0]; stats.Exported != uint64(len(spans)) {
		t.Fatalf("%+v", stats)
	}
}

// asSent compares every span that the collector got with what was sent. lossy turns a span into what the format can
// carry of it, as the collector's receiver understands it.
func asSent(t *testing.T, c *otelcol.Collector, lossy func(*otelcol.Span)) {
	t.Helper()
	shop := sampletrace.Shop()
	got := c.Spans(t, len(shop))
	for i, sent := range shop {
		want := otelcol.Of(sent)
		lossy(&want)
		if list, ok := got[i].Attributes["aws.xray.annotations"].([]any); ok { // the receiver's order is that of a map
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		if !reflect.DeepEqual(got[i], want) {
			t.Errorf("span %d:%s", i, differences(reflect.ValueOf(got[i]), reflect.ValueOf(want), ""))
		}
	}
}

// differences lists the fields that differ, and of mappings the keys.
func differences(got, want reflect.Value, path string) string {
	switch {
	case reflect.DeepEqual(got.Interface(), want.Interface()):
		return ""
	case got.Kind() == reflect.Struct:
		var all strings.Builder
		for i := range got.NumField() {
			all.WriteString(differences(got.Field(i), want.Field(i), path+"."+got.Type().Field(i).Name))
		}
		return all.String()
	case got.Kind() == reflect.Map:
		g, w := got.Interface().(map[string]any), want.Interface().(map[string]any)
		var all []string
		for k, v := range g {
			if other, ok := w[k]; !ok || !reflect.DeepEqual(v, other) {
				all = append(all, fmt.Sprintf("\n  %s[%s]: got %#v, want %#v", path, k, v, other))
			}
		}
		for k, v := range w {
			if _, ok := g[k]; !ok {
				all = append(all, fmt.Sprintf("\n  %s[%s]: missing, want %#v", path, k, v))
			}
		}
		slices.Sort(all)
		return strings.Join(all, "")
	}
	return fmt.Sprintf("\n  %s: got %#v, want %#v", path, got, want)
}

// valid is a string as every format writes it that wants UTF-8.
func valid(s string) string { return strings.ToValidUTF8(s, "�") }

// micro is a time of nanoseconds cut to microseconds.
func micro(ns int64) int64 { return ns / 1000 * 1000 }

// asStrings is what a format keeps of attributes whose values it wants as strings: a list becomes JSON.
func asStrings(attributes map[string]any) map[string]any {
	all := map[string]any{}
	for k, v := range attributes {
		switch v := v.(type) {
		case string:
			all[k] = valid(v)
		case []any:
			text, err := json.Marshal(v)
			if err != nil {
				panic(err)
			}
			all[k] = string(text)
		default:
			all[k] = fmt.Sprint(v)
		}
	}
	return all
}

// oddArrive sends spans that are odd, and demands that each arrives as a span.
func oddArrive(t *testing.T, c *otelcol.Collector, name string, s destination.Settings) {
	t.Helper()
	odd := sampletrace.OddSpans()
	send(t, name, s, odd)
	c.Spans(t, len(odd))
}
