// Package http1 turns the bytes of an HTTP/1.x connection into exchanges in the
// words of the stable HTTP semantic conventions.
//
// It follows RFC 9112 (message syntax and framing) and RFC 9110 (methods, status
// codes), reads leniently as servers do, and never holds a body. Bytes that
// were counted and not captured are followed by their number; where the framing
// is lost by that, an exchange ends with the last bytes of its chunked body, with
// the next request, with the connection or, if only its head was seen in part,
// with silence.
//
// error.type of an exchange without complete response is one of
// connection_reset, connection_closed, timeout and process_exit.
package http1

import (
	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/internal/propagation"
)

const (
	// maxHead bounds the head of a message in bytes. Servers refuse heads
	// of 8 to 64 KiB.
	maxHead = 64 << 10
	// maxFields bounds the header fields looked at in one head.
	maxFields = 256
	// maxPipeline bounds the requests waiting for their responses.
	maxPipeline = 256
	// maxContext bounds tracestate in bytes. W3C Trace Context asks for 512
	// at least.
	maxContext = 2048
	// maxFailures is how often a connection may turn out not to speak
	// HTTP/1.x, with no exchange in between, until it is left alone.
	maxFailures = 4
)

// Protocol recognises HTTP/1.x. The zero value reads no trace context.
type Protocol struct {
	formats propagation.Formats
	matcher propagation.Matcher
	headers headers
}

// New makes the protocol. The formats are those of the trace context in its requests; the values of the header fields
// named, in any case, become attributes.
func New(formats propagation.Formats, headers []string) Protocol {
	return Protocol{formats: formats, matcher: formats.Matcher(), headers: newHeaders(headers)}
}

var _ flow.Protocol = Protocol{}

// Name implements flow.Protocol.
func (Protocol) Name() string { return "http1" }

// Sniff implements flow.Protocol: a turn is HTTP/1.x if it begins with a
// request line or a status line.
func (Protocol) Sniff(_ abi.Direction, turn []byte) flow.Verdict {
	return max(sniffRequest(turn), sniffResponse(turn))
}

// New implements flow.Protocol.
func (p Protocol) New(s flow.Sink) flow.Parser {
	return &parser{sink: s, formats: p.formats, matcher: p.matcher, headers: p.headers}
}
