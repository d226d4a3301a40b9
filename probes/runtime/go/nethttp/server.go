// Package nethttp declares the probes of Go's net/http, the server's and the
// client's.
package nethttp

import (
	"slices"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/runtime/go/library"
)

// xnet is where net/http's HTTP/2 is developed. Programs that configure it use this
// one, with net/http's handlers; built by Go 1.27 it leads to net/http's own.
const xnet = "golang.org/x/net/http2"

// copied are the fields that its end of a request reads.
func copied() []library.Field {
	field := func(number abi.GoField, typ, name string) library.Field {
		return library.Field{Number: number, Module: "golang.org/x/net", Paths: [][]gobin.Field{{{Type: xnet + "." + typ, Name: name}}}}
	}
	return []library.Field{
		field(abi.GoH2WriterState, "responseWriter", "rws"),
		field(abi.GoH2StateStatus, "responseWriterState", "status"),
		field(abi.GoH2StateWritten, "responseWriterState", "wroteBytes"),
	}
}

// Server is two hits a request, whichever of HTTP/1, TLS and HTTP/2 brings it:
// where the server calls the handler, and where it finishes the response.
func Server() library.Library {
	return library.Library{
		Name:   "net/http server",
		Object: "go_http_server",
		Probes: []library.Probe{
			{Program: "go_http_serve", Function: "net/http.serverHandler.ServeHTTP"},
			{Program: "go_http_finish", Function: "net/http.(*response).finishRequest"},
			{Program: "go_http2_finish", Function: "net/http.(*http2serverConn).runHandler.func1", Optional: true},
			{Program: "go_http2_finish", Function: "net/http/internal/http2.(*serverConn).runHandler.func1", Optional: true}, // since Go 1.27
			{Program: "go_http2_finish", Function: xnet + ".(*serverConn).runHandler.func1", Alike: copied(), Optional: true},
			{Program: "go_http_close", Function: "net/http.(*conn).close"},
			{Program: "go_http_hijack", Function: "net/http.(*response).Hijack", Optional: true},
		},
		Fields: slices.Concat(library.Runtime(), library.Socket(), library.Map(), request(), []library.Field{
			library.Std(abi.GoRequestProtoMajor, "net/http.Request.ProtoMajor"),
			library.Std(abi.GoRequestProtoMinor, "net/http.Request.ProtoMinor"),
			library.Std(abi.GoRequestHost, "net/http.Request.Host"),
			library.Std(abi.GoRequestRemoteAddr, "net/http.Request.RemoteAddr"),
			library.Std(abi.GoRequestTls, "net/http.Request.TLS"),
			library.Std(abi.GoRequestPattern, "net/http.Request.Pattern").OrAbsent(), // since Go 1.23
			library.Std(abi.GoResponseConn, "net/http.response.conn"),
			library.Std(abi.GoResponseStatus, "net/http.response.status"),
			library.Std(abi.GoResponseWritten, "net/http.response.written"),
			library.Std(abi.GoConnRwc, "net/http.conn.rwc"),
			library.Std(abi.GoH2WriterState, "net/http.http2responseWriter.rws", "net/http/internal/http2.responseWriter.rws").OrAbsent(),
			library.Std(abi.GoH2StateStatus, "net/http.http2responseWriterState.status", "net/http/internal/http2.responseWriterState.status").OrAbsent(),
			library.Std(abi.GoH2StateWritten, "net/http.http2responseWriterState.wroteBytes", "net/http/internal/http2.responseWriterState.wroteBytes").OrAbsent(),
		}),
	}
}

// request are the fields that both sides read.
func request() []library.Field {
	return []library.Field{
		library.Std(abi.GoRequestMethod, "net/http.Request.Method"),
		library.Std(abi.GoRequestHeader, "net/http.Request.Header"),
		library.Std(abi.GoRequestUrl, "net/http.Request.URL"),
		library.Std(abi.GoRequestHeader, "net/http.Request.Header"),
		library.Std(abi.GoRequestContentLength, "net/http.Request.ContentLength"),
		library.Std(abi.GoRequestCtx, "net/http.Request.ctx"),
		library.Std(abi.GoUrlPath, "net/url.URL.Path"),
	}
}
