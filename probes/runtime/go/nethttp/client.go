package nethttp

import (
	"slices"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/runtime/go/library"
)

// Client is two hits a request, and a third when it waits for a new connection.
// All requests pass (*Transport).roundTrip in the goroutine that makes them.
func Client() library.Library {
	const (
		trip   = "net/http.(*Transport).roundTrip"
		stream = "net/http/internal/http2.Client" // since Go 1.27
	)
	return library.Library{
		Name:   "net/http client",
		Object: "go_http_client",
		Probes: []library.Probe{
			{
				Program: "go_http_connected", Function: trip, Behind: "net/http.(*Transport).getConn",
				Slot: &library.Slot{Argument: 1, Set: func(p *abi.GoProgram, d uint32) { p.TransportRequest = d }},
			},
			{Program: "go_http_answered", Function: trip, Behind: "net/http.(*persistConn).roundTrip"},
			{Program: "go_http_given_up", Function: trip, Behind: "net/http.(*persistConn).shouldRetryRequest"},
			{Program: "go_http2_send", Function: "net/http.(*http2ClientConn).roundTrip", Optional: true},
			{Program: "go_http2_answered", Function: "net/http.(*http2Transport).RoundTripOpt", Behind: "net/http.(*http2ClientConn).roundTrip", Optional: true},
			{Program: "go_http2_send", Function: "net/http/internal/http2.(*ClientConn).roundTrip", Optional: true}, // since Go 1.27
			{Program: "go_http2_answered", Function: "net/http/internal/http2.(*Transport).RoundTripOpt", Behind: "net/http/internal/http2.(*ClientConn).roundTrip", Optional: true},
			{Program: "go_http_dial", Function: "net/http.(*Transport).queueForDial", Optional: true},
		},
		Fields: slices.Concat(library.Runtime(), library.Socket(), library.Map(), request(), []library.Field{
			library.Std(abi.GoTransportRequest, "net/http.transportRequest.Request"),
			library.Std(abi.GoUrlScheme, "net/url.URL.Scheme"),
			library.Std(abi.GoUrlHost, "net/url.URL.Host"),
			library.Std(abi.GoPersistConnAlt, "net/http.persistConn.alt"),
			library.Std(abi.GoPersistConnBw, "net/http.persistConn.bw"),
			library.Std(abi.GoPersistConnConn, "net/http.persistConn.conn"),
			library.Std(abi.GoPersistConnTlsState, "net/http.persistConn.tlsState"),
			library.Std(abi.GoH2ClientConn, "net/http.http2ClientConn.tconn", "net/http/internal/http2.ClientConn.tconn").OrAbsent(),
			library.Std(abi.GoH2RequestCtx, stream+"Request.Context", "net/http.Request.ctx"),
			library.Std(abi.GoH2RequestMethod, stream+"Request.Method", "net/http.Request.Method"),
			library.Std(abi.GoH2RequestUrl, stream+"Request.URL", "net/http.Request.URL"),
			library.Std(abi.GoH2RequestHeader, stream+"Request.Header", "net/http.Request.Header"),
			library.Std(abi.GoH2RequestContentLength, stream+"Request.ContentLength", "net/http.Request.ContentLength"),
			library.Std(abi.GoH2ResponseStatus, stream+"Response.StatusCode", "net/http.Response.StatusCode"),
			library.Std(abi.GoH2ResponseContentLength, stream+"Response.ContentLength", "net/http.Response.ContentLength"),
			library.Std(abi.GoClientResponseStatus, "net/http.Response.StatusCode"),
			library.Std(abi.GoClientResponseProtoMajor, "net/http.Response.ProtoMajor"),
			library.Std(abi.GoClientResponseProtoMinor, "net/http.Response.ProtoMinor"),
			library.Std(abi.GoClientResponseContentLength, "net/http.Response.ContentLength"),
		}),
	}
}
