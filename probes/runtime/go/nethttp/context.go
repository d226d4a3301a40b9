package nethttp

import (
	"slices"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/runtime/go/library"
)

// Context1 writes a traceparent header into requests of HTTP/1 over TLS: a hit for
// each request that is written to a connection.
func Context1() library.Library {
	return library.Library{
		Name:   "net/http HTTP/1 header",
		Object: "go_write",
		Writes: true,
		Probes: []library.Probe{{
			Program: "go_write_http1", Function: "net/http.(*Request).write", Behind: "net/http.(*transferWriter).writeHeader",
			Slot: &library.Slot{Argument: 2, Set: func(p *abi.GoProgram, d uint32) { p.RequestWriter = d }},
		}},
		Fields: slices.Concat(library.Runtime(), library.Map(), bufio()),
	}
}

// Context2 does it for HTTP/2, two hits a request: in the goroutine that writes it,
// and where the HEADERS frame is made, which is hit by a server's frames too.
func Context2() library.Library {
	return library.Library{
		Name:   "net/http HTTP/2 header",
		Object: "go_write",
		Writes: true,
		Arch:   "amd64", // the frame's parameters are on the stack
		Probes: []library.Probe{
			{Program: "go_write_http2", Function: "net/http.(*http2clientStream).encodeAndWriteHeaders", Optional: true},
			{Program: "go_write_frame", Function: "net/http.(*http2Framer).WriteHeaders", Optional: true},
			{Program: "go_write_http2", Function: "net/http/internal/http2.(*clientStream).encodeAndWriteHeaders", Optional: true}, // since Go 1.27
			{Program: "go_write_frame", Function: "net/http/internal/http2.(*Framer).WriteHeaders", Optional: true},
		},
		Fields: slices.Concat(library.Runtime(), library.Map(), bufio(), []library.Field{
			library.Std(abi.GoH2StreamCc, "net/http.http2clientStream.cc", "net/http/internal/http2.clientStream.cc").OrAbsent(),
			library.Std(abi.GoH2ClientBw, "net/http.http2ClientConn.bw", "net/http/internal/http2.ClientConn.bw").OrAbsent(),
		}),
	}
}

// bufio are the fields of a buffer in front of a connection.
func bufio() []library.Field {
	return []library.Field{
		library.Std(abi.GoBufioBuf, "bufio.Writer.buf"),
		library.Std(abi.GoBufioN, "bufio.Writer.n"),
	}
}
