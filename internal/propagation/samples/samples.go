// Package samples are requests with headers of trace context, good and bad ones, and what
// they say. Every reader is tried on them: the agent's and the kernel's.
package samples

import (
	"github.com/throughline/throughline/internal/propagation"
)

// A Header is one line of a request's head.
type Header struct{ Name, Value string }

// A Sample is a request with what is to be read of it.
type Sample struct {
	Name    string
	Formats propagation.Formats // nil: the default
	Headers []Header

	// Format is whose context counts; "": there is no valid one.
	Format      propagation.Format
	Trace, Span string // in hexadecimal
	Unsampled   bool
	Decision    propagation.Decision
	Tracestate  string
	Baggage     string
	DebugID     string
}

// The ids that most samples have, and others.
const (
	Trace      = "0af7651916cd43dd8448eb211c80319c"
	Half       = "00000000000000008448eb211c80319c"
	Span       = "b7ad6b7169203331"
	OtherTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	OtherSpan  = "00f067aa0ba902b7"
)

// All are the samples.
func All() []Sample {
	var all []Sample
	for _, some := range [][]Sample{w3c(), b3(), jaeger(), xray(), datadog(), order()} {
		all = append(all, some...)
	}
	return all
}

// Head is a request with the sample's headers.
func (s Sample) Head(path string) string {
	head := "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n"
	for _, h := range s.Headers {
		head += h.Name + ": " + h.Value + "\r\n"
	}
	return head + "\r\n"
}

// Read are the formats to read it with.
func (s Sample) Read() propagation.Formats {
	if s.Formats == nil {
		return propagation.Default()
	}
	return s.Formats
}

// good is a sample with the usual ids.
func good(name string, format propagation.Format, headers ...Header) Sample {
	return Sample{Name: name, Formats: propagation.Formats{format}, Headers: headers, Format: format, Trace: Trace, Span: Span}
}

// bad is one in which there is no valid context.
func bad(name string, format propagation.Format, headers ...Header) Sample {
	return Sample{Name: name, Formats: propagation.Formats{format}, Headers: headers}
}

func (s Sample) unsampled() Sample {
	s.Unsampled = true
	return s
}

func (s Sample) trace(id string) Sample {
	s.Trace = id
	return s
}

func (s Sample) span(id string) Sample {
	s.Span = id
	return s
}

func (s Sample) decides(d propagation.Decision) Sample {
	s.Decision = d
	return s
}

func (s Sample) state(list string) Sample {
	s.Tracestate = list
	return s
}
