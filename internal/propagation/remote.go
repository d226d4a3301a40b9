package propagation

import "bytes"

// Flags of a context, as W3C's trace-flags.
const (
	Sampled   = 1
	knownBits = 3 // sampled and random, trace-context-2 3.2.2.5
)

// A Decision is what a request says of sampling without naming a trace.
type Decision uint8

// The decisions.
const (
	Undecided Decision = iota
	Drop
	Sample
)

// A Remote is what the fields of a request say together.
type Remote struct {
	Format   Format // whose context counts; "": there is no valid one
	TraceID  [16]byte
	SpanID   [8]byte // the sender's
	Flags    byte
	Decision Decision // when there is no context

	Tracestate string // as it came, of TraceContext alone
	DebugID    string // jaeger-debug-id
}

// A Value is a field of a request with its value, without white space around it.
type Value struct {
	Field Field
	Text  []byte
}

// values are what a request has.
type values []Value

// one returns the value of a field that is there once; ok is false if it is not.
func (v values) one(f Field) (text []byte, ok bool) {
	times := 0
	for i := range v {
		if v[i].Field == f {
			text = v[i].Text
			times++
		}
	}
	return text, times == 1
}

// has tells whether a field is there at all.
func (v values) has(f Field) bool {
	for i := range v {
		if v[i].Field == f {
			return true
		}
	}
	return false
}

// list joins the values of a field (RFC 9110 section 5.3).
func (v values) list(f Field) string {
	var all [][]byte
	for i := range v {
		if v[i].Field == f && len(v[i].Text) > 0 {
			all = append(all, v[i].Text)
		}
	}
	return string(bytes.Join(all, []byte(",")))
}

// Read says what the fields of a request mean, in order of their appearance.
func (f Formats) Read(all []Value) Remote {
	var found Remote
	v := values(all)
	for _, format := range f {
		one := format.read(v)
		switch {
		case one.Format != "" && found.Format == "":
			one.DebugID = found.DebugID
			found = one
		case found.Decision == Undecided:
			found.Decision = one.Decision
		}
	}
	if found.Format != "" {
		found.Decision = Undecided
	}
	if found.Format == TraceContext {
		found.Tracestate = v.list(Tracestate)
	}
	if f.Has(Jaeger) {
		if id, ok := v.one(JaegerDebugID); ok {
			found.DebugID = string(id)
		}
	}
	return found
}

// read reads one format.
func (f Format) read(v values) Remote {
	switch f {
	case TraceContext:
		return readTraceContext(v)
	case B3, B3Multi:
		return readB3(v)
	case Jaeger:
		return readJaeger(v)
	case XRay:
		return readXRay(v)
	case Datadog:
		return readDatadog(v)
	}
	return Remote{}
}

// valid returns r as a context of a format, unless one of its ids is zero.
func (r Remote) valid(f Format) Remote {
	if r.TraceID == [16]byte{} || r.SpanID == [8]byte{} {
		return Remote{}
	}
	r.Format = f
	return r
}

// decide sets the flags; undecided is sampled, as a trace that begins here.
func (r *Remote) decide(d Decision) {
	r.Flags = Sampled
	if d == Drop {
		r.Flags = 0
	}
}
