package chrome

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// event is one of the format's. Strings that are no UTF-8 become it when they are encoded.
type event struct {
	Name     string         `json:"name"`
	Category string         `json:"cat,omitempty"`
	Phase    string         `json:"ph"`
	Time     micros         `json:"ts"`
	Duration *micros        `json:"dur,omitempty"`
	PID      int            `json:"pid"`
	TID      int            `json:"tid"`
	ID       string         `json:"id,omitempty"`    // of an arrow
	Binding  string         `json:"bp,omitempty"`    // "e": the arrow ends at the slice around it
	Scope    string         `json:"s,omitempty"`     // "t": an instant of the track
	Color    string         `json:"cname,omitempty"` // one of the viewer's names
	Args     map[string]any `json:"args,omitempty"`
}

// The phases used.
const (
	slice    = "X"
	instant  = "i"
	arrow    = "s"
	head     = "f"
	metadata = "M"
)

// failed is the viewer's colour for what went wrong.
const failed = "terrible"

// micros is a time or duration in nanoseconds, written as the format's microseconds.
type micros int64

func (m micros) MarshalJSON() ([]byte, error) {
	text := strconv.AppendInt(nil, int64(m)/1000, 10)
	if rest := int64(m) % 1000; rest != 0 {
		text = fmt.Appendf(text, ".%03d", rest)
	}
	return text, nil
}

// nanoseconds is a time since 1970 that is no negative number and no overflow.
func nanoseconds(t time.Time) int64 {
	switch {
	case t.Unix() < 0:
		return 0
	case t.Unix() > math.MaxInt64/int64(time.Second)-1:
		return math.MaxInt64 - 1
	}
	return t.UnixNano()
}

// picture is what was written so far: which processes are known, and what their tracks hold.
type picture struct {
	empty     bool
	processes map[attribute.Distinct]*process
	pids      int // given out
	buffer    bytes.Buffer
}

func newPicture() *picture {
	return &picture{empty: true, processes: map[attribute.Distinct]*process{}}
}

// forget has processes named again, under other numbers.
func (p *picture) forget() { p.processes = map[attribute.Distinct]*process{} }

// maxProcesses bounds the memory: beyond, all are forgotten.
const maxProcesses = 4096

// process is a resource, with a number that is its own in this file.
type process struct {
	pid    int
	tracks []*track
}

// draw returns the spans as elements of the array, with a comma before each but the first of all.
func (p *picture) draw(spans []sdktrace.ReadOnlySpan) []byte {
	p.buffer.Reset()
	ordered := slices.Clone(spans)
	slices.SortStableFunc(ordered, func(a, b sdktrace.ReadOnlySpan) int { // the outer before the inner
		return cmp.Or(a.StartTime().Compare(b.StartTime()), b.EndTime().Compare(a.EndTime()), depth(a)-depth(b))
	})
	placed := map[trace.SpanID]int{}
	for _, s := range ordered {
		process := p.process(s.Resource())
		start := nanoseconds(s.StartTime())
		end := max(nanoseconds(s.EndTime()), start)
		tid, fresh := process.place(start, end, placed[s.Parent().SpanID()])
		if fresh {
			p.write(event{Name: "thread_name", Phase: metadata, PID: process.pid, TID: tid,
				Args: map[string]any{"name": fmt.Sprintf("task %d", tid)}})
		}
		placed[s.SpanContext().SpanID()] = tid
		p.span(s, process.pid, tid, start, end)
	}
	for _, process := range p.processes {
		process.settle()
	}
	return p.buffer.Bytes()
}

// depth orders spans of the same time: who calls is outside of who is called in the same process.
func depth(s sdktrace.ReadOnlySpan) int {
	switch {
	case !s.Parent().SpanID().IsValid():
		return 0
	case s.SpanKind() == trace.SpanKindServer || s.SpanKind() == trace.SpanKindConsumer:
		return 1
	case s.SpanKind() == trace.SpanKindInternal:
		return 2
	}
	return 3
}

// process finds the resource's, or introduces it.
func (p *picture) process(r *resource.Resource) *process {
	key := r.Equivalent()
	if known, ok := p.processes[key]; ok {
		return known
	}
	if len(p.processes) >= maxProcesses {
		p.forget()
	}
	p.pids++
	pid := p.pids
	own := &process{pid: pid}
	p.processes[key] = own
	name, args := "unknown", map[string]any{}
	var number string
	for _, a := range r.Attributes() {
		args[string(a.Key)] = value(a.Value)
		switch a.Key {
		case "service.name":
			name = cmp.Or(a.Value.String(), name)
		case "process.pid":
			number = " " + a.Value.String()
		}
	}
	p.write(event{Name: "process_name", Phase: metadata, PID: pid, Args: map[string]any{"name": name + number}})
	p.write(event{Name: "process_labels", Phase: metadata, PID: pid, Args: map[string]any{"labels": labels(args)}})
	return own
}

// labels are the resource in one line.
func labels(resource map[string]any) string {
	text, err := json.Marshal(resource)
	if err != nil { // numbers and strings always are JSON
		return ""
	}
	return string(text)
}

// span writes a slice, its events, and the ends of arrows that are at it. An arrow has the name of the call's span.
func (p *picture) span(s sdktrace.ReadOnlySpan, pid, tid int, start, end int64) {
	took := micros(end - start)
	e := event{Name: cmp.Or(s.Name(), "unnamed"), Category: s.SpanKind().String(), Phase: slice, Time: micros(start), Duration: &took,
		PID: pid, TID: tid, Args: arguments(s)}
	if s.Status().Code == codes.Error {
		e.Color = failed
	}
	p.write(e)
	link := event{Name: "call", Category: "call", Time: micros(start), PID: pid, TID: tid}
	switch s.SpanKind() {
	case trace.SpanKindClient, trace.SpanKindProducer:
		link.Phase, link.ID = arrow, id(s.SpanContext())
		p.write(link)
	case trace.SpanKindServer, trace.SpanKindConsumer:
		if s.Parent().SpanID().IsValid() {
			link.Phase, link.ID, link.Binding = head, id(s.SpanContext().WithSpanID(s.Parent().SpanID())), "e"
			p.write(link)
		}
	}
	for _, happened := range s.Events() {
		at := min(max(nanoseconds(happened.Time), start), end)
		p.write(event{Name: cmp.Or(happened.Name, "unnamed"), Category: "event", Phase: instant, Time: micros(at), PID: pid, TID: tid,
			Scope: "t", Args: values(happened.Attributes)})
	}
}

// id is an arrow's, by the span that calls.
func id(caller trace.SpanContext) string {
	return caller.TraceID().String() + "/" + caller.SpanID().String()
}

// arguments are what a viewer shows of a slice that is clicked at.
func arguments(s sdktrace.ReadOnlySpan) map[string]any {
	args := values(s.Attributes())
	args["trace_id"], args["span_id"] = s.SpanContext().TraceID().String(), s.SpanContext().SpanID().String()
	if s.Parent().SpanID().IsValid() {
		args["parent_id"] = s.Parent().SpanID().String()
	}
	if status := s.Status(); status.Code != codes.Unset {
		args["status"] = status.Code.String()
		if status.Description != "" {
			args["status_description"] = status.Description
		}
	}
	if state := s.SpanContext().TraceState().String(); state != "" {
		args["tracestate"] = state
	}
	for i, l := range s.Links() {
		args[fmt.Sprintf("link %d", i+1)] = id(l.SpanContext)
	}
	return args
}

func values(attributes []attribute.KeyValue) map[string]any {
	all := make(map[string]any, len(attributes)+5)
	for _, a := range attributes {
		all[string(a.Key)] = value(a.Value)
	}
	return all
}

// value keeps what JavaScript reads as it is; an integer that it would round is text.
func value(v attribute.Value) any {
	const exact = 1<<53 - 1
	if v.Type() == attribute.BOOL || v.Type() == attribute.INT64 && -exact <= v.AsInt64() && v.AsInt64() <= exact {
		return v.AsInterface()
	}
	if v.Type() == attribute.FLOAT64 && !math.IsNaN(v.AsFloat64()) && !math.IsInf(v.AsFloat64(), 0) {
		return v.AsFloat64()
	}
	return v.String()
}

func (p *picture) write(e event) {
	text, err := json.Marshal(e)
	if err != nil { // numbers, booleans and strings always are JSON
		return
	}
	if p.empty {
		p.buffer.WriteString("[\n")
		p.empty = false
	} else {
		p.buffer.WriteString(",\n")
	}
	p.buffer.Write(text)
}
