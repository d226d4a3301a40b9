// Package propagation is how trace context stands in the headers of requests: the
// formats, the fields that each of them has, what their values say, and the lines that
// say it. The kernel programs read and write the same (bpf/propagation.h, bpf/block.h);
// package samples is tried on both.
package propagation

import (
	"fmt"
	"slices"
	"strings"
)

// Variable names the formats, as the OpenTelemetry specification has it
// (configuration/sdk-environment-variables.md).
const Variable = "OTEL_PROPAGATORS"

// A Format is one way in which headers carry trace context, by its name in Variable.
type Format string

// The formats. Datadog's name is not in the specification.
const (
	TraceContext Format = "tracecontext" // https://www.w3.org/TR/trace-context-2/
	Baggage      Format = "baggage"      // https://www.w3.org/TR/baggage/; no context, but goes along
	B3           Format = "b3"           // https://github.com/openzipkin/b3-propagation, one header
	B3Multi      Format = "b3multi"      // the same, a header a part
	Jaeger       Format = "jaeger"       // https://www.jaegertracing.io/sdk-migration/#propagation-format
	XRay         Format = "xray"         // https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
	Datadog      Format = "datadog"      // https://docs.datadoghq.com/tracing/trace_collection/trace_context_propagation/
)

// None is the name that means: read and write nothing.
const None = "none"

// All are the formats that there are.
func All() Formats {
	return Formats{TraceContext, Baggage, B3, B3Multi, Jaeger, XRay, Datadog}
}

// Formats are those that are read and written, each once, in order of precedence: of
// several contexts in a request the first one's counts.
type Formats []Format

// Default is what the specification says of a variable that is not set.
func Default() Formats { return Formats{TraceContext, Baggage} }

// FromEnvironment reads Variable.
func FromEnvironment(getenv func(string) string) (Formats, error) {
	f, err := Parse(getenv(Variable))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be used: %w", Variable, err)
	}
	return f, nil
}

// Parse reads a list of names with commas between them; "" is the default.
func Parse(list string) (Formats, error) {
	if strings.TrimSpace(list) == "" {
		return Default(), nil
	}
	formats, none := Formats{}, false
	for name := range strings.SplitSeq(list, ",") {
		switch f := Format(strings.TrimSpace(name)); {
		case f == "":
		case f == None:
			none = true
		case !slices.Contains(All(), f):
			return nil, fmt.Errorf("no propagator is called %q: use %s, %s", f, All(), None)
		case !slices.Contains(formats, f):
			formats = append(formats, f)
		}
	}
	if none && len(formats) > 0 {
		return nil, fmt.Errorf("%q cannot stand beside another name", None)
	}
	return formats, nil
}

// String returns the names with commas between them.
func (f Formats) String() string {
	names := make([]string, len(f))
	for i, one := range f {
		names[i] = string(one)
	}
	return strings.Join(names, ", ")
}

// Has tells whether a format is among them.
func (f Formats) Has(one Format) bool { return slices.Contains(f, one) }
