package chrome

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/throughline/throughline/export/internal/sampletrace"
	"github.com/throughline/throughline/internal/destination"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// written is an element as the format's document describes them.
type written struct {
	Name, Cat, Ph string
	TS, Dur       *json.Number
	PID, TID      *int
	ID, BP, S     string
	CName         string
	Args          map[string]any
}

func (w written) time(t *testing.T) (start, end float64) {
	t.Helper()
	start, err := w.TS.Float64()
	if err != nil {
		t.Fatal(err)
	}
	if w.Dur == nil {
		return start, start
	}
	took, err := w.Dur.Float64()
	if err != nil || took < 0 {
		t.Fatalf("%+v takes %v: %v", w, took, err)
	}
	return start, start + took
}

func export(t *testing.T, e *Exporter, batches ...[]sdktrace.ReadOnlySpan) {
	t.Helper()
	for _, spans := range batches {
		if err := e.ExportSpans(t.Context(), spans); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func draw(t *testing.T, batches ...[]sdktrace.ReadOnlySpan) (text []byte, elements []written) {
	t.Helper()
	var out bytes.Buffer
	e, err := New(&out, destination.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	export(t, e, batches...)
	return out.Bytes(), parse(t, out.Bytes())
}

func parse(t *testing.T, text []byte) (elements []written) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&elements); err != nil {
		t.Fatalf("%v in %.500s", err, text)
	}
	check(t, elements)
	return elements
}

// check holds every element against the format: the fields that its phase must have and may have ("Complete Events",
// "Instant Events", "Metadata Events", "Flow Events"), names for every process and track, slices of a track that do not
// cross, and arrows that begin and end at a slice.
func check(t *testing.T, elements []written) {
	t.Helper()
	processes, tracks := map[int]bool{}, map[[2]int][]written{}
	named := map[[2]int]bool{}
	for _, w := range elements {
		if w.Name == "" || w.PID == nil || w.TID == nil || w.TS == nil {
			t.Errorf("name, pid, tid or ts is missing: %+v", w)
			continue
		}
		row := [2]int{*w.PID, *w.TID}
		switch w.Ph {
		case "M":
			switch w.Name {
			case "process_name":
				processes[*w.PID] = w.Args["name"] != ""
			case "process_labels":
			case "thread_name":
				named[row] = true
			default:
				t.Errorf("unknown metadata %+v", w)
			}
		case "X":
			if w.Dur == nil || w.Cat == "" || w.ID+w.BP+w.S != "" {
				t.Errorf("slice %+v", w)
			}
			tracks[row] = append(tracks[row], w)
		case "i":
			if w.S != "t" || w.Dur != nil || w.ID+w.BP != "" {
				t.Errorf("instant %+v", w)
			}
		case "s", "f":
			if w.ID == "" || w.Cat != "call" || w.Name != "call" || w.Dur != nil || (w.Ph == "f") != (w.BP == "e") {
				t.Errorf("arrow %+v", w)
			}
		default:
			t.Errorf("phase %q", w.Ph)
		}
		if w.Ph != "M" && (!processes[*w.PID] || !named[row]) {
			t.Errorf("process or track has no name yet: %+v", w)
		}
	}
	for row, slices := range tracks {
		nested(t, row, slices)
	}
	for _, w := range elements {
		if w.Ph == "s" || w.Ph == "f" || w.Ph == "i" {
			at, _ := w.time(t)
			if !slices.ContainsFunc(tracks[[2]int{*w.PID, *w.TID}], func(x written) bool {
				start, end := x.time(t)
				return start <= at && at <= end
			}) {
				t.Errorf("no slice is around %+v", w)
			}
		}
	}
}

func nested(t *testing.T, row [2]int, all []written) {
	t.Helper()
	slices.SortStableFunc(all, func(a, b written) int {
		aStart, aEnd := a.time(t)
		bStart, bEnd := b.time(t)
		return cmp.Or(cmp.Compare(aStart, bStart), cmp.Compare(bEnd, aEnd))
	})
	var open []float64
	for _, w := range all {
		start, end := w.time(t)
		for len(open) > 0 && open[len(open)-1] <= start {
			open = open[:len(open)-1]
		}
		if len(open) > 0 && open[len(open)-1] < end {
			t.Errorf("row %v: %s from %v to %v crosses another that ends at %v", row, w.Name, start, end, open[len(open)-1])
		}
		open = append(open, end)
	}
}

// TestShop: each service is a process, each span a slice with its times and ids, and the arrows are those of the trace.
func TestShop(t *testing.T) {
	_, elements := draw(t, sampletrace.Shop())
	names, slices, arrows := map[int]string{}, map[string]written{}, map[string][2]string{}
	for _, w := range elements {
		switch {
		case w.Name == "process_name":
			names[*w.PID] = w.Args["name"].(string)
		case w.Ph == "X":
			slices[w.Args["span_id"].(string)] = w
		case w.Ph == "s" || w.Ph == "f":
			a := arrows[w.ID]
			a[map[string]int{"s": 0, "f": 1}[w.Ph]] = names[*w.PID]
			arrows[w.ID] = a
		}
	}
	if len(names) != 3 || len(slices) != 9 {
		t.Errorf("%d processes, %d slices", len(names), len(slices))
	}
	for i, s := range sampletrace.Shop() {
		w := slices[s.SpanContext().SpanID().String()]
		service, _ := s.Resource().Set().Value("service.name")
		pid, _ := s.Resource().Set().Value("process.pid")
		start, took := s.StartTime().UnixNano(), s.EndTime().Sub(s.StartTime()).Nanoseconds()
		if w.TS.String() != decimal(start) || w.Dur.String() != decimal(took) || names[*w.PID] != service.AsString()+" "+pid.String() ||
			w.Name != strings.ToValidUTF8(s.Name(), "\uFFFD") || w.Cat != s.SpanKind().String() ||
			(w.CName == "terrible") != (s.Status().Code.String() == "Error") {
			t.Errorf("span %d: %+v", i, w)
		}
		for _, a := range s.Attributes() {
			if _, ok := w.Args[string(a.Key)]; !ok {
				t.Errorf("span %d has no %s", i, a.Key)
			}
		}
	}
	want := map[string][2]string{
		key(2): {"orders 5100", "stock 6007"}, key(3): {"orders 5100", ""},
		key(7): {"web 4242", "orders 5100"}, key(6): {"web 4242", "stock 6007"},
	}
	if fmt.Sprint(arrows) != fmt.Sprint(want) {
		t.Errorf("arrows are %v, want %v", arrows, want)
	}
}

func key(n int) string { return sampletrace.TraceID(1).String() + "/" + sampletrace.SpanID(n).String() }

func decimal(ns int64) string {
	text := fmt.Sprintf("%d.%03d", ns/1000, ns%1000)
	return strings.TrimSuffix(text, ".000")
}

// TestCut: a file that ends after any of its lines is one that viewers open, which close the array themselves.
func TestCut(t *testing.T) {
	text, _ := draw(t, sampletrace.Shop(), sampletrace.OddSpans())
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i := 2; i < len(lines)-2; i++ {
		cut := bytes.TrimRight(bytes.Join(lines[:i], nil), ",\n")
		parse(t, append(cut, ']'))
	}
}

func TestNothing(t *testing.T) {
	if text, _ := draw(t); !json.Valid(text) {
		t.Errorf("%q", text)
	}
}

// TestRows: whatever overlaps, slices of a row never cross.
func TestRows(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var batches [][]sdktrace.ReadOnlySpan
	for batch := range 50 {
		var stubs tracetest.SpanStubs
		for i := range 40 {
			stub := tracetest.SpanStubFromReadOnlySpan(sampletrace.Shop()[random.IntN(9)])
			stub.SpanContext = stub.SpanContext.WithSpanID(sampletrace.SpanID(batch*1000 + i + 1))
			stub.Parent = stub.SpanContext.WithSpanID(sampletrace.SpanID(batch*1000 + random.IntN(i+1)))
			stub.StartTime = sampletrace.Begin.Add(time.Duration(batch+random.IntN(100)) * time.Microsecond)
			stub.EndTime = stub.StartTime.Add(time.Duration(random.IntN(50)) * time.Microsecond)
			stub.Events = nil
			stubs = append(stubs, stub)
		}
		batches = append(batches, stubs.Snapshots())
	}
	_, elements := draw(t, batches...)
	rows := map[[2]int]bool{}
	for _, w := range elements {
		rows[[2]int{*w.PID, *w.TID}] = true
	}
	if len(rows) < 3*5 {
		t.Errorf("%d rows for spans that overlap", len(rows))
	}
}

// TestInner: a call that its request surrounds is in the request's row, and two at once are in two rows.
func TestInner(t *testing.T) {
	at := func(n, parent int, kind trace.SpanKind, start, end int) tracetest.SpanStub {
		stub := tracetest.SpanStubFromReadOnlySpan(sampletrace.Shop()[4])
		stub.SpanKind = kind
		stub.SpanContext = stub.SpanContext.WithSpanID(sampletrace.SpanID(n))
		stub.Parent = stub.SpanContext.WithSpanID(sampletrace.SpanID(parent))
		stub.StartTime = sampletrace.Begin.Add(time.Duration(start) * time.Millisecond)
		stub.EndTime = sampletrace.Begin.Add(time.Duration(end) * time.Millisecond)
		return stub
	}
	_, elements := draw(t, tracetest.SpanStubs{
		at(2, 1, trace.SpanKindClient, 1, 5), at(3, 1, trace.SpanKindClient, 2, 6), at(4, 1, trace.SpanKindClient, 7, 8),
		at(1, 0, trace.SpanKindServer, 0, 10), at(5, 0, trace.SpanKindServer, 9, 12)}.Snapshots())
	rows := map[any]int{}
	for _, w := range elements {
		if w.Ph == "X" {
			rows[w.Args["span_id"]] = *w.TID
		}
	}
	row := func(n int) int { return rows[sampletrace.SpanID(n).String()] }
	if row(1) != 1 || row(2) != 1 || row(3) == 1 || row(4) != 1 || row(5) == 1 {
		t.Errorf("rows are %d %d %d %d %d", row(1), row(2), row(3), row(4), row(5))
	}
}

// TestFiles: each file that was put aside is whole and names its own processes.
func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace.json")
	if err := os.WriteFile(path, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := New(nil, destination.Settings{Path: path, MaxBytes: 20000, MaxFiles: 3})
	if err != nil {
		t.Fatal(err)
	}
	var batches [][]sdktrace.ReadOnlySpan
	for range 20 {
		batches = append(batches, sampletrace.Shop())
	}
	export(t, e, batches...)
	for _, name := range []string{path, path + ".1", path + ".2", path + ".3"} {
		text, err := os.ReadFile(name)
		if err != nil || len(text) > 20000 {
			t.Fatalf("%d bytes: %v", len(text), err)
		}
		if len(parse(t, text)) < 20 {
			t.Errorf("%s holds %.200s", name, text)
		}
	}
	if _, err := os.Stat(path + ".4"); err == nil {
		t.Error("a fourth file is kept")
	}
}

// brokenPipe fails every other write.
type brokenPipe struct {
	bytes.Buffer
	writes int
}

func (b *brokenPipe) Write(p []byte) (int, error) {
	if b.writes++; b.writes%2 == 1 {
		return 0, errors.New("told to fail")
	}
	return b.Buffer.Write(p)
}

// TestFailedWrite: what was not written is not taken for known.
func TestFailedWrite(t *testing.T) {
	var out brokenPipe
	e, err := New(&out, destination.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if err := e.ExportSpans(t.Context(), sampletrace.Shop()); (err != nil) != (i%2 == 0) {
			t.Errorf("write %d: %v", i, err)
		}
	}
	out.writes++
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	parse(t, out.Bytes())
}
